#include "state/envelope.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace turnout::state {
namespace {

constexpr char kContext[] = "shop/secret/kafka";
constexpr char kPlain[] = "hunter2-but-longer";

std::string KeyLine(const std::string& id, char byte) {
  return absl::StrCat(id, " ", absl::Base64Escape(std::string(kMasterKeyBytes, byte)), "\n");
}

Keyring KeyringOf(const std::string& text) {
  absl::StatusOr<Keyring> keyring = Keyring::Read(text);
  EXPECT_TRUE(keyring.ok()) << keyring.status();
  return *std::move(keyring);
}

TEST(EnvelopeTest, WhatIsSealedOpensInItsPlaceAlone) {
  const Keyring keyring = KeyringOf(KeyLine("k1", 'a'));
  for (const std::string& plain : {std::string(), std::string("x"), std::string(kPlain),
                                   std::string("\0\xff\n", 3), std::string(kSecretBytesMax, 'p')}) {
    const absl::StatusOr<std::string> sealed = keyring.Seal(plain, kContext);
    ASSERT_TRUE(sealed.ok()) << sealed.status();
    EXPECT_EQ(SealedKeyId(*sealed), "k1");
    const absl::StatusOr<SecretText> opened = keyring.Open(*sealed, kContext);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(opened->view(), plain);
    for (const char* other : {"", "shop/secret/kafka2", "shop/secret/kafk"}) {
      EXPECT_EQ(keyring.Open(*sealed, other).status().code(), absl::StatusCode::kDataLoss);
    }
  }
}

TEST(EnvelopeTest, TheSameSecretIsNeverSealedAlike) {
  const Keyring keyring = KeyringOf(KeyLine("k1", 'a'));
  EXPECT_NE(*keyring.Seal(kPlain, kContext), *keyring.Seal(kPlain, kContext));
}

TEST(EnvelopeTest, EveryChangedByteIsFound) {
  const Keyring keyring = KeyringOf(KeyLine("k1", 'a') + KeyLine("k3", 'b'));
  const std::string sealed = *keyring.Seal(kPlain, kContext);
  for (size_t at = 0; at < sealed.size(); ++at) {
    for (const char flip : {1, 2, 4, 32, 0x40}) {
      std::string damaged = sealed;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      const absl::Status status = keyring.Open(damaged, kContext).status();
      ASSERT_FALSE(status.ok()) << at << ": " << damaged;
      EXPECT_EQ(status.message().find(kPlain), std::string::npos);
    }
  }
  for (size_t size = 0; size < sealed.size(); ++size) {
    ASSERT_FALSE(keyring.Open(sealed.substr(0, size), kContext).ok()) << size;
  }
  EXPECT_FALSE(keyring.Open(sealed + "A", kContext).ok());
  EXPECT_FALSE(keyring.Open(sealed + "\n", kContext).ok());
}

TEST(EnvelopeTest, AKeyThatIsNotThereIsNamed) {
  const std::string sealed = *KeyringOf(KeyLine("old", 'a')).Seal(kPlain, kContext);
  const Keyring keyring = KeyringOf(KeyLine("new", 'b'));
  for (const absl::Status& status :
       {keyring.Open(sealed, kContext).status(), keyring.Rewrap(sealed).status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_NE(status.message().find("`old`"), std::string::npos) << status;
  }
  const Keyring other = KeyringOf(KeyLine("old", 'z'));
  EXPECT_EQ(other.Open(sealed, kContext).status().code(), absl::StatusCode::kDataLoss);
}

TEST(EnvelopeTest, ARotationNeedsTheOldKeyOnceAndKeepsTheSecret) {
  const std::string sealed = *KeyringOf(KeyLine("old", 'a')).Seal(kPlain, kContext);
  const absl::StatusOr<std::string> wrapped =
      KeyringOf(KeyLine("new", 'b') + KeyLine("old", 'a')).Rewrap(sealed);
  ASSERT_TRUE(wrapped.ok()) << wrapped.status();
  EXPECT_EQ(SealedKeyId(*wrapped), "new");
  const Keyring rotated = KeyringOf(KeyLine("new", 'b'));
  EXPECT_EQ(rotated.Open(*wrapped, kContext)->view(), kPlain);
  EXPECT_FALSE(rotated.Open(*wrapped, "elsewhere").ok());
  EXPECT_EQ(*rotated.Rewrap(*wrapped), *wrapped);
  EXPECT_FALSE(rotated.Rewrap("turnout-sealed-1:old:AAAA").ok());
}

TEST(EnvelopeTest, KeysAreReadLineByLine) {
  const Keyring keyring = KeyringOf(
      absl::StrCat("# the newest first\r\n\n", KeyLine("b-2.x_", 'b'), KeyLine("a", 'a')));
  EXPECT_EQ(keyring.sealing_id(), "b-2.x_");
  const std::string good = absl::Base64Escape(std::string(kMasterKeyBytes, 'k'));
  const std::string short_key = absl::Base64Escape(std::string(kMasterKeyBytes - 1, 'k'));
  for (const std::string& line :
       {std::string("a"), std::string(" ") + good, absl::StrCat("a ", short_key),
        absl::StrCat("a  ", good), absl::StrCat("a b ", good), absl::StrCat("a:b ", good),
        absl::StrCat("a ", good, " "), absl::StrCat(std::string(65, 'a'), " ", good),
        absl::StrCat("k1 ", good)}) {
    const absl::Status status = Keyring::Read(KeyLine("k1", 'a') + line).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << line;
    EXPECT_NE(status.message().find("line 2"), std::string::npos) << status;
    EXPECT_EQ(status.message().find(good.substr(0, 20)), std::string::npos) << status;
  }
  EXPECT_NE(Keyring::Read("# none\n").status().message().find("no master key"), std::string::npos);
}

TEST(EnvelopeTest, ASecretThatIsTooLongIsRefused) {
  const Keyring keyring = KeyringOf(KeyLine("k1", 'a'));
  const absl::Status status = keyring.Seal(std::string(kSecretBytesMax + 1, 'q'), "").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message().find("qqq"), std::string::npos);
}

TEST(EnvelopeTest, WhatIsNotSealedHasNoKey) {
  for (const char* text :
       {"", "turnout-sealed-1", "turnout-sealed-1:", "turnout-sealed-1:a", "turnout-sealed-1::x",
        "turnout-sealed-2:a:x", "turnout-sealed-1:a b:x"}) {
    EXPECT_EQ(SealedKeyId(text), "") << text;
    EXPECT_EQ(KeyringOf(KeyLine("a", 'a')).Open(text, kContext).status().code(),
              absl::StatusCode::kDataLoss);
  }
}

TEST(EnvelopeTest, AKeyThatIsEncryptedIsOpenedByWhoeverCan) {
  const std::string text = "k2 kms c2VhbGVk\n" + KeyLine("k1", 'a');
  EXPECT_FALSE(Keyring::Read(text).ok());
  std::string asked;
  const auto open = [&](std::string_view id, std::string_view sealed) {
    asked = absl::StrCat(std::string(id), " ", std::string(sealed));
    return absl::StatusOr<SecretText>(SecretText(std::string(kMasterKeyBytes, 'b')));
  };
  const auto keyring = Keyring::Read(text, open);
  ASSERT_TRUE(keyring.ok()) << keyring.status();
  EXPECT_EQ(asked, "k2 c2VhbGVk");
  EXPECT_EQ(keyring->ids(), (std::vector<std::string>{"k1", "k2"}));
  const std::string sealed = *keyring->Seal(kPlain, kContext);
  EXPECT_EQ(KeyringOf(KeyLine("k2", 'b')).Open(sealed, kContext)->view(), kPlain);
  const auto short_one = Keyring::Read(text, [](std::string_view, std::string_view) {
    return absl::StatusOr<SecretText>(SecretText("short"));
  });
  EXPECT_NE(short_one.status().message().find("has 5 bytes"), std::string::npos);
}

TEST(EnvelopeTest, RewrappingLeavesTheSealedPart) {
  const Keyring before = KeyringOf(KeyLine("k1", 'a'));
  const Keyring after = KeyringOf(KeyLine("k2", 'b') + KeyLine("k1", 'a'));
  const std::string sealed = *before.Seal(kPlain, kContext);
  const std::string rewrapped = *after.Rewrap(sealed);
  EXPECT_NE(rewrapped, sealed);
  EXPECT_EQ(SealedPart(rewrapped), SealedPart(sealed));
  EXPECT_NE(SealedPart(*before.Seal(kPlain, kContext)), SealedPart(sealed));
  EXPECT_EQ(SealedPart("none"), "none");
  EXPECT_EQ(after.ChangedSince(before), "");
  EXPECT_EQ(KeyringOf(KeyLine("k1", 'x')).ChangedSince(after), "k1");
}

}  // namespace
}  // namespace turnout::state
