#include "state/checkpoint_manifest.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/sha256.h"

namespace turnout::state {
namespace {

using ::testing::StartsWith;

CheckpointManifest Example() {
  return {.sequence = 42,
          .created_at_ms = 1'795'600'000'000,
          .point = {.start_offset = 3,
                    .applied_offset = 182'044,
                    .watermark_ms = kNoWatermark,
                    .rule_set = "8a1b22c3d4e5f607",
                    .timeline = "5d0e6f1a2b3c4d5e"},
          .files = {{"000012.sst", 65'536, Sha256("one")}, {"CURRENT", 16, Sha256("two")}}};
}

std::string MessageOf(std::string_view text) {
  return std::string(DecodeManifest(text).status().message());
}

// With a digest that is right, so that only what was changed is wrong.
std::string Resealed(const std::string& from, const std::string& to) {
  std::string text = EncodeManifest(Example());
  text.erase(text.rfind("end "));
  text = absl::StrReplaceAll(text, {{from, to}});
  return absl::StrCat(text, "end ", Sha256(text), "\n");
}

TEST(Sha256, IsThePublishedOne) {
  EXPECT_EQ(Sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(CheckpointManifest, ComesBackAsItWasWritten) {
  CheckpointManifest manifest = Example();
  EXPECT_EQ(DecodeManifest(EncodeManifest(manifest)).value(), manifest);
  manifest.point.rule_set.clear();
  manifest.point.timeline.clear();
  manifest.files.clear();
  EXPECT_EQ(DecodeManifest(EncodeManifest(manifest)).value(), manifest);
}

TEST(CheckpointManifest, IsDamagedByAnyByteThatChangesAndAnyThatIsGone) {
  const std::string text = EncodeManifest(Example());
  for (size_t at = 0; at < text.size(); ++at) {
    for (const char mask : {1, 32, -128}) {
      std::string damaged = text;
      damaged[at] = static_cast<char>(damaged[at] ^ mask);
      EXPECT_THAT(MessageOf(damaged), StartsWith("manifest damaged"));
    }
    EXPECT_THAT(MessageOf(text.substr(0, at)), StartsWith("manifest damaged"));
  }
  EXPECT_FALSE(DecodeManifest(text + "\n").ok());
}

TEST(CheckpointManifest, RefusesWhatMakesNoSenseWhoeverSealedIt) {
  EXPECT_TRUE(DecodeManifest(Resealed("", "")).ok());
  for (const char* format : {"checkpoint 0\n", "checkpoint 3\n"}) {
    EXPECT_THAT(MessageOf(Resealed("checkpoint 2\n", format)),
                StartsWith("manifest of an unknown format"));
  }
  for (const auto& [from, to] : {std::pair("turnout-checkpoint", "another-checkpoint"),
                                 {"sequence 42\n", ""},
                                 {"sequence 42\n", "sequence x\n"},
                                 {"applied_offset", "applied"},
                                 {"timeline 5d0e6f1a2b3c4d5e\n", ""},
                                 {"file CURRENT", "file ../CURRENT"},
                                 {"file CURRENT", "file ..."},
                                 {"file CURRENT 16", "file CURRENT -1"},
                                 {"file CURRENT 16", "file CURRENT"},
                                 {"file CURRENT", "link CURRENT"}}) {
    EXPECT_THAT(MessageOf(Resealed(from, to)), StartsWith("manifest damaged")) << to;
  }
}

}  // namespace
}  // namespace turnout::state
