#include "state/sealed_text.h"

#include <string>

#include "gtest/gtest.h"

namespace turnout::state {
namespace {

TEST(SealedText, WhatWasSealedIsOpened) {
  for (const std::string lines : {"", "a\n", "a\nend b\n"}) {
    const std::string sealed = SealText(lines);
    const auto opened = OpenSealed(sealed);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(*opened, lines);
  }
}

TEST(SealedText, AnyBitThatIsNotWhatItWasIsFound) {
  const std::string good = SealText("sequence 1\nfile a 2\n");
  for (size_t i = 0; i < good.size() * 8; ++i) {
    std::string bad = good;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ 1 << i % 8);
    EXPECT_TRUE(absl::IsDataLoss(OpenSealed(bad).status())) << "bit " << i;
  }
}

TEST(SealedText, WhatIsCutShortOrAddedToIsFound) {
  const std::string good = SealText("sequence 1\n");
  for (size_t bytes = 0; bytes < good.size(); ++bytes) {
    EXPECT_TRUE(absl::IsDataLoss(OpenSealed(good.substr(0, bytes)).status())) << bytes;
  }
  EXPECT_TRUE(absl::IsDataLoss(OpenSealed(good + "\n").status()));
}

}  // namespace
}  // namespace turnout::state
