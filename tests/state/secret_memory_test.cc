// What is left of secrets in memory. An operator delete of this test's own looks into every block
// before it is freed; short texts are looked for in the place where their object was.
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "state/envelope.h"

namespace {

// Not written out anywhere: the test's own copies would be found.
char needle[16] = {};
std::atomic<bool> is_watching = false;
std::atomic<int> found_in_freed = 0;

void Inspect(void* block) {
  if (block == nullptr || !is_watching) return;
  if (memmem(block, malloc_usable_size(block), needle, sizeof needle) != nullptr) ++found_in_freed;
}

}  // namespace

void* operator new(size_t bytes) {
  void* const block = std::malloc(bytes == 0 ? 1 : bytes);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}
void operator delete(void* block) noexcept {
  Inspect(block);
  std::free(block);
}
void operator delete(void* block, size_t) noexcept {
  Inspect(block);
  std::free(block);
}

namespace turnout::state {
namespace {

class SecretMemoryTest : public testing::Test {
 protected:
  void SetUp() override {
    for (size_t i = 0; i < sizeof needle; ++i) needle[i] = static_cast<char>(0x80 + 7 * i);
    found_in_freed = 0;
    is_watching = true;
  }
  void TearDown() override { is_watching = false; }

  static std::string Long() {
    std::string text(4000, 'x');
    std::memcpy(text.data() + 1000, needle, sizeof needle);
    return text;
  }
};

TEST_F(SecretMemoryTest, AnOrdinaryTextIsFound) {
  { const std::string left = Long(); }
  EXPECT_EQ(found_in_freed, 1);
}

TEST_F(SecretMemoryTest, ALongTextIsZeroedBeforeItIsFreed) {
  {
    SecretText first(Long());
    SecretText second(std::move(first));
    SecretText third(Long());
    third = std::move(second);
    auto& same = third;
    third = std::move(same);
    EXPECT_NE(third.view().find(std::string_view(needle, sizeof needle)), std::string_view::npos);
  }
  EXPECT_EQ(found_in_freed, 0);
}

TEST_F(SecretMemoryTest, AShortTextIsZeroedWhereItStood) {
  constexpr std::string_view kShort = "short-1";
  alignas(SecretText) char places[2][sizeof(SecretText)] = {};
  const auto is_in = [&](size_t place) {
    // An empty text has a zero for its first byte.
    return memmem(places[place], sizeof(SecretText), kShort.data() + 1, kShort.size() - 1) !=
           nullptr;
  };
  auto* const first = new (places[0]) SecretText(std::string(kShort));
  ASSERT_TRUE(is_in(0)) << "the library keeps short texts elsewhere";
  auto* const second = new (places[1]) SecretText(std::move(*first));
  EXPECT_FALSE(is_in(0));
  EXPECT_TRUE(is_in(1));
  *first = std::move(*second);
  EXPECT_TRUE(is_in(0));
  EXPECT_FALSE(is_in(1));
  std::destroy_at(first);
  std::destroy_at(second);
  EXPECT_FALSE(is_in(0));
  EXPECT_FALSE(is_in(1));
}

TEST_F(SecretMemoryTest, NothingIsLeftOfASecretThatWasSealedAndOpened) {
  const absl::StatusOr<Keyring> keyring = Keyring::Read(
      absl::StrCat("k ", absl::Base64Escape(std::string(kMasterKeyBytes, 'k')), "\n"));
  ASSERT_TRUE(keyring.ok());
  const SecretText secret(Long());
  absl::StatusOr<std::string> sealed = keyring->Seal(secret.view(), "c");
  ASSERT_TRUE(sealed.ok());
  {
    const absl::StatusOr<SecretText> opened = keyring->Open(*sealed, "c");
    ASSERT_TRUE(opened.ok());
    EXPECT_TRUE(opened->view() == secret.view());
  }
  // What decrypts to the secret and then turns out to be of another context.
  EXPECT_FALSE(keyring->Open(*sealed, "d").ok());
  EXPECT_EQ(found_in_freed, 0);
}

TEST_F(SecretMemoryTest, NothingIsLeftOfMasterKeys) {
  std::string key(kMasterKeyBytes, 'k');
  std::memcpy(key.data() + 8, needle, sizeof needle);
  const std::string line = absl::StrCat("k ", absl::Base64Escape(key), "\n");
  {
    absl::StatusOr<Keyring> keyring = Keyring::Read(line);
    ASSERT_TRUE(keyring.ok());
    const Keyring moved = *std::move(keyring);
    EXPECT_TRUE(moved.Seal("x", "c").ok());
    // A second key of that id is refused after it was read.
    EXPECT_FALSE(Keyring::Read(absl::StrCat(line, line)).ok());
  }
  EXPECT_EQ(found_in_freed, 0);
}

}  // namespace
}  // namespace turnout::state
