#include "deploy/manager/key_rotation.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "deploy/manager/change_log.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/directory_checkpoint_store.h"
#include "tests/support/temp_directory.h"

namespace turnout::manager {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::StartsWith;

std::string KeyLine(const std::string& id, char byte) {
  return absl::StrCat(id, " ", absl::Base64Escape(std::string(state::kMasterKeyBytes, byte)), "\n");
}

ItemId Secret(std::string name) { return {"shop", ItemKind::kSecret, std::move(name)}; }

class KeyRotationTest : public testing::Test {
 protected:
  void SetUp() override {
    WriteKeys(KeyLine("k1", 'a'));
    auto proposals = Proposals::Open(&objects_);
    ASSERT_TRUE(proposals.ok()) << proposals.status();
    proposals_ = *std::move(proposals);
    store_ = Open("store", &log_);
    auto keys = MasterKeys::Open(file_, {}, Time());
    ASSERT_TRUE(keys.ok()) << keys.status();
    keys_ = *std::move(keys);
    rotation_ = std::make_unique<KeyRotation>(keys_.get(), store_.get(), proposals_.get(),
                                              [this] { return is_active_; });
  }

  state::TimeAndChance Time() {
    return {.now = [this] { return now_; },
            .sleep = [](absl::Duration) {},
            .random = [] { return uint64_t{1}; }};
  }

  std::unique_ptr<ItemStore> Open(const std::string& name, ChangeLog* log) {
    auto store = ItemStore::Open(
        directory_.path() + "/" + name, [] { return int64_t{1}; }, log);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }

  void WriteKeys(const std::string& text) {
    file_ = directory_.Write("keys", text);
    // However coarse the file system's clock is.
    std::filesystem::last_write_time(
        file_, std::filesystem::file_time_type::clock::now() + std::chrono::seconds(++writes_));
  }

  ItemContent Sealed(const std::string& name, const std::string& plain) {
    return {.text = keys_->Current()->Seal(plain, Secret(name).ToString()).value(),
            .bound_to = {"router"}};
  }

  int64_t Put(const std::string& name, const std::string& plain) {
    const auto change = store_->Apply(
        {.by = "ada", .why = "a", .edits = {{.id = Secret(name), .content = Sealed(name, plain)}}},
        nullptr);
    EXPECT_TRUE(change.ok()) << change.status();
    return change.ok() ? change->number : 0;
  }

  std::string Opened(const ItemStore& store, const std::string& name, int64_t version) {
    const auto item = store.GetAt(Secret(name), version);
    if (!item.ok() || !item->has_value()) return "none";
    EXPECT_EQ((*item)->version, version);
    const auto opened = keys_->Current()->Open((*item)->content.text, Secret(name).ToString());
    return opened.ok() ? std::string(opened->view()) : opened.status().ToString();
  }

  // As a second goes by.
  void Step() {
    now_ += absl::Seconds(1);
    rotation_->Step();
  }

  support::TempDirectory directory_;
  state::DirectoryCheckpointStore objects_{directory_.path() + "/shared"};
  ChangeLog log_{&objects_};
  absl::Time now_ = absl::FromUnixSeconds(1'795'600'000);
  std::string file_;
  int writes_ = 0;
  bool is_active_ = true;
  std::unique_ptr<Proposals> proposals_;
  std::unique_ptr<ItemStore> store_;
  std::unique_ptr<MasterKeys> keys_;
  std::unique_ptr<KeyRotation> rotation_;
};

TEST_F(KeyRotationTest, EveryVersionIsSealedAnewAndStaysTheVersionItIs) {
  const int64_t first = Put("kafka", "one");
  const int64_t second = Put("kafka", "two");
  const int64_t other = Put("gone", "three");
  ASSERT_TRUE(
      store_->Apply({.by = "ada", .edits = {{.id = Secret("gone"), .content = {}}}}, nullptr).ok());
  Step();
  EXPECT_THAT(rotation_->counted(), ElementsAre(Pair("k1", 3)));
  const auto history = store_->HistoryOf(Secret("kafka"), 0, 10).value().size();
  WriteKeys(KeyLine("k2", 'b') + KeyLine("k1", 'a'));
  Step();
  EXPECT_THAT(rotation_->counted(), ElementsAre(Pair("k2", 3)));
  WriteKeys(KeyLine("k2", 'b'));
  Step();
  EXPECT_EQ(keys_->trouble(), "");
  EXPECT_FALSE(keys_->Current()->Has("k1"));
  store_.reset();
  store_ = Open("store", &log_);  // it and the log are still one history
  EXPECT_EQ(Opened(*store_, "kafka", first), "one");
  EXPECT_EQ(Opened(*store_, "kafka", second), "two");
  EXPECT_EQ(Opened(*store_, "gone", other), "three");
  EXPECT_EQ(store_->HistoryOf(Secret("kafka"), 0, 10).value().size(), history);
  EXPECT_EQ(store_->Get(Secret("kafka")).value()->version, second);
  EXPECT_FALSE(store_->Get(Secret("gone")).value().has_value());
  // One that was away follows the log, where both are.
  EXPECT_EQ(Opened(*Open("standby", &log_), "kafka", first), "one");
}

TEST_F(KeyRotationTest, AnOpenProposalKeepsItsKeyUntilItIsDecided) {
  auto proposed = proposals_->Add(
      {.service = "shop",
       .change = {.by = "bob", .edits = {{Secret("kafka"), Sealed("kafka", "one"), 0}}}});
  ASSERT_TRUE(proposed.ok()) << proposed.status();
  Step();
  WriteKeys(KeyLine("k2", 'b') + KeyLine("k1", 'a'));
  Step();
  EXPECT_THAT(rotation_->counted(), ElementsAre(Pair("k1", 1)));
  WriteKeys(KeyLine("k2", 'b'));
  Step();
  EXPECT_THAT(keys_->trouble(), HasSubstr("the key `k1` is gone, and still seals 1 versions"));
  EXPECT_TRUE(keys_->Current()->Has("k1"));
  // Rejected, and of no more use: no change says so.
  proposed->state = ProposalState::kRejected;
  ASSERT_TRUE(proposals_->Decide(*proposed).ok());
  Step();
  EXPECT_THAT(rotation_->counted(), ElementsAre());
  WriteKeys(KeyLine("k2", 'b'));
  Step();
  EXPECT_EQ(keys_->trouble(), "");
  EXPECT_FALSE(keys_->Current()->Has("k1"));
}

TEST_F(KeyRotationTest, WhoStandsByLeavesItToTheActiveOne) {
  const int64_t first = Put("kafka", "one");
  Step();
  is_active_ = false;
  WriteKeys(KeyLine("k2", 'b') + KeyLine("k1", 'a'));
  Step();
  EXPECT_THAT(rotation_->counted(), ElementsAre(Pair("k1", 1)));
  EXPECT_EQ(store_->newest(), first);
  EXPECT_TRUE(keys_->Current()->Has("k2"));
  is_active_ = true;
  Step();
  EXPECT_THAT(rotation_->counted(), ElementsAre(Pair("k2", 1)));
}

TEST_F(KeyRotationTest, WhoNoLongerLeadsRewrapsNothing) {
  ASSERT_TRUE(store_->Lead("this").ok());
  Put("kafka", "one");
  const auto other = Open("other", &log_);
  ASSERT_TRUE(other->Lead("other").ok());
  WriteKeys(KeyLine("k2", 'b') + KeyLine("k1", 'a'));
  keys_->Look({});
  now_ += absl::Seconds(1);
  keys_->Look({});
  const auto rewrap = [this](const std::string& text) { return keys_->Current()->Rewrap(text); };
  EXPECT_FALSE(store_->Rewrap("a", rewrap).ok());
  EXPECT_TRUE(store_->newest() < other->newest() || !store_->leads());
  EXPECT_EQ(other->Rewrap("a", rewrap).value(), 1);
  EXPECT_TRUE(other->leads());
  EXPECT_EQ(store_->CatchUp().value(), other->newest());
  EXPECT_THAT(store_->SealedBy().value(), ElementsAre(Pair("k2", 1)));
}

TEST_F(KeyRotationTest, ManySecretsAreSealedInSteps) {
  std::vector<Edit> edits;
  for (int i = 0; i < 450; ++i) {
    const std::string name = absl::StrCat("s", i);
    edits.push_back({.id = Secret(name), .content = Sealed(name, "x")});
  }
  ASSERT_TRUE(store_->Apply({.by = "ada", .edits = edits}, nullptr).ok());
  Step();
  const int64_t before = store_->newest();
  WriteKeys(KeyLine("k2", 'b') + KeyLine("k1", 'a'));
  Step();
  EXPECT_THAT(rotation_->counted(), ElementsAre(Pair("k2", 450)));
  EXPECT_EQ(store_->newest(), before + 3);
  Step();
  EXPECT_EQ(store_->newest(), before + 3);  // and not again
}

TEST_F(KeyRotationTest, AKeyThatStillSealsSomethingStays) {
  Put("kafka", "one");
  Step();
  WriteKeys(KeyLine("k2", 'b'));
  Step();
  EXPECT_THAT(keys_->trouble(), HasSubstr("the key `k1` is gone, and still seals 1 versions"));
  EXPECT_EQ(keys_->Current()->sealing_id(), "k1");
  WriteKeys(KeyLine("k1", 'x'));
  Step();
  EXPECT_THAT(keys_->trouble(), HasSubstr("`k1` is another key than before"));
  WriteKeys("k1 nonsense\n");
  Step();
  EXPECT_THAT(keys_->trouble(), HasSubstr("line 1"));
  EXPECT_EQ(Opened(*store_, "kafka", 1), "one");
  EXPECT_THAT(KeysToJson(*keys_, rotation_->counted()),
              StartsWith(R"({"sealing":"k1","keys":[{"id":"k1","seals":1,"is_there":true}],)"
                         R"("trouble":")"));
  WriteKeys(KeyLine("k2", 'b') + KeyLine("k1", 'a'));
  Step();
  EXPECT_EQ(keys_->trouble(), "");
  EXPECT_EQ(Opened(*store_, "kafka", 1), "one");
}

TEST_F(KeyRotationTest, AVariableIsOverwrittenOnceItIsRead) {
  ASSERT_EQ(::setenv("TURNOUT_TEST_KEYS", KeyLine("k9", 'c').c_str(), 1), 0);
  const char* const kept = std::getenv("TURNOUT_TEST_KEYS");
  const auto keys = MasterKeys::Open("env:TURNOUT_TEST_KEYS", {}, Time());
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ((*keys)->Current()->sealing_id(), "k9");
  EXPECT_EQ(std::getenv("TURNOUT_TEST_KEYS"), nullptr);
  EXPECT_EQ(*kept, '\0');
  const auto again = MasterKeys::Open("env:TURNOUT_TEST_KEYS", {}, Time());
  EXPECT_THAT(again.status().message(),
              HasSubstr("env:TURNOUT_TEST_KEYS: the variable is not set"));
}

}  // namespace
}  // namespace turnout::manager
