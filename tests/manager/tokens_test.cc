#include "deploy/manager/tokens.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/sha256.h"
#include "tests/support/temp_directory.h"

namespace turnout::manager {
namespace {

using testing::HasSubstr;

std::string FileOf(const std::string& name, const std::string& token) {
  return absl::StrCat(R"({"tokens": [{"name": ")", name, R"(", "kind": "router", "sha256": ")",
                      state::Sha256(token),
                      R"(", "grants": [{"service": "orders", "role": "viewer"}]}]})");
}

TEST(Tokens, AreKnownByTheirDigests) {
  const auto known = ReadTokens(FileOf("routers", "abc"));
  ASSERT_TRUE(known.ok()) << known.status();
  ASSERT_EQ(known->size(), 1);
  EXPECT_EQ((*known)[0].principal.name, "routers");
  EXPECT_EQ((*known)[0].principal.kind, PrincipalKind::kRouter);
  EXPECT_TRUE(HasRole((*known)[0].principal, {}, "orders", "fraud", Role::kViewer));
}

TEST(Tokens, ThatCanNotBeReadNameWhatIsWrongAndShowNoDigest) {
  const std::string digest = state::Sha256("a");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{", "no JSON object"},
      {R"({"token": []})", "did you mean `tokens`"},
      {R"({"tokens": [{"name": "a"}]})", "`sha256`"},
      {R"({"tokens": [{"name": "a", "sha256": "plain-token"}]})", "64 hexadecimal digits"},
      {R"({"tokens": [{"name": "a b", "sha256": ")" + digest + "\"}]}", "a b"},
      {R"({"tokens": [{"name": "a", "kind": "robot", "sha256": ")" + digest + "\"}]}", "`kind`"},
  };
  for (const auto& [text, wanted] : cases) {
    const std::string said(ReadTokens(text).status().message());
    EXPECT_THAT(said, HasSubstr(wanted)) << text;
    EXPECT_THAT(said, testing::Not(HasSubstr("plain-token")));
  }
}

TEST(Tokens, ARotatedFileIsTakenAndABadOneLeavesThoseFromBefore) {
  const support::TempDirectory directory;
  const std::string file = absl::StrCat(directory.path(), "/tokens.json");
  auto write = [&file, age = 0](const std::string& text) mutable {
    std::ofstream(file) << text;
    // Whatever the file system's clock can tell apart.
    std::filesystem::last_write_time(
        file, std::filesystem::file_time_type::clock::now() + std::chrono::seconds(++age));
  };
  write(FileOf("first", "abc"));
  auto tokens = Tokens::Open(file);
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  absl::Time now = absl::UnixEpoch();
  EXPECT_EQ((*tokens)->WhoBears("abc", now)->name, "first");
  EXPECT_FALSE((*tokens)->WhoBears("", now).has_value());
  write(FileOf("second", "def"));
  EXPECT_EQ((*tokens)->WhoBears("def", now)->name, "second");  // one that is new, at once
  EXPECT_FALSE((*tokens)->WhoBears("abc", now).has_value());
  write("{");
  now += absl::Seconds(2);
  EXPECT_EQ((*tokens)->WhoBears("def", now)->name, "second");
  write(FileOf("third", "ghi"));
  now += absl::Seconds(2);
  EXPECT_FALSE(
      (*tokens)->WhoBears("def", now).has_value());  // one that was taken away, in a second
}

}  // namespace
}  // namespace turnout::manager
