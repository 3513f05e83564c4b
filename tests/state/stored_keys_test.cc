#include "state/stored_keys.h"

#include <rocksdb/db.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "state/state_format.h"
#include "state/task_store.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_directory.h"

namespace turnout::state {
namespace {

using support::SeededRandom;

TEST(KeyFilter, NeverMissesAKeyAndSeldomTakesAnotherForOne) {
  constexpr size_t kKeys = 100'000;
  KeyFilter filter(kKeys);
  SeededRandom random(1);
  std::vector<uint64_t> hashes;
  for (size_t i = 0; i < kKeys; ++i) {
    EXPECT_FALSE(filter.is_full());
    hashes.push_back(random.Next());
    filter.Add(hashes.back());
  }
  for (const uint64_t hash : hashes) ASSERT_TRUE(filter.MayHave(hash));
  int taken = 0;
  for (size_t i = 0; i < kKeys; ++i) taken += filter.MayHave(random.Next()) ? 1 : 0;
  EXPECT_LT(taken, 1'600);
  // What it has already fills it no further; some that are new look like what it has.
  for (const uint64_t hash : hashes) filter.Add(hash);
  EXPECT_FALSE(filter.is_full());
  for (size_t i = 0; i < kKeys / 50; ++i) filter.Add(random.Next());
  EXPECT_TRUE(filter.is_full());
  EXPECT_EQ(filter.bytes(), KeyFilter::BytesFor(kKeys));
}

TEST(StoredKeys, KnowsWhatIsInFilesAndNothingElseOnceTheyAreScanned) {
  support::TempDirectory directory;
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, directory.path() + "/db", &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  std::string key;
  const auto put = [&](int number, int64_t expires_at_ms) {
    EncodeKey(1, absl::StrCat("key-", number), &key);
    std::string value(kExpiryBytes + 1, 'v');
    EncodeValue("v", expires_at_ms, value.data());
    ASSERT_TRUE(db->Put({}, key, value).ok());
  };
  const auto hash_of = [&](int number) {
    EncodeKey(1, absl::StrCat("key-", number), &key);
    return ChangeTable::Hash(key);
  };
  for (int i = 0; i < 1'000; ++i) put(i, i < 500 ? 1'000 : 2'000);
  StateResources resources{StateLimits{}};
  StoredKeys keys(db.get(), &resources, std::make_shared<DurableWatermark>(1'000));
  EXPECT_TRUE(keys.MayHave(hash_of(-1))) << "nobody knows yet";
  keys.Renew();
  while (keys.MayHave(hash_of(-1))) std::this_thread::yield();
  int known = 0;
  for (int i = 0; i < 500; ++i) known += keys.MayHave(hash_of(i)) ? 1 : 0;
  EXPECT_LT(known, 50) << "they have expired";
  for (int i = 500; i < 1'000; ++i) ASSERT_TRUE(keys.MayHave(hash_of(i))) << i;
  ChangeTable changes;
  EncodeKey(1, "key-2000", &key);
  changes.Replace(ChangeTable::Hash(key), key, 1).value[0] = 'v';
  keys.Add(changes);
  EXPECT_TRUE(keys.MayHave(hash_of(2'000)));
}

// A store that grows, forgets and is opened again while its filter is made over and over.
class StoredKeysOfAStore : public testing::TestWithParam<size_t> {};

TEST_P(StoredKeysOfAStore, NoKeyIsMissedHoweverFilesAndScansMeet) {
  constexpr int kBatches = 60;
  constexpr int kBatchKeys = 1'500;
  constexpr int kLivingBatches = 25;
  support::TempDirectory directory;
  constexpr size_t kMemory = size_t{8} << 20;
  StateResources resources({.memory_bytes_max = kMemory, .memtable_bytes_max = 2 << 20});
  ASSERT_TRUE(resources.TakeForFilter(kMemory / 4 - GetParam()));
  auto store = TaskStore::Create(directory.path() + "/store", &resources, 0).value();
  std::string value;
  const auto key_of = [](int batch, int i) { return absl::StrCat("key-", batch, "-", i); };
  for (int batch = 0; batch < kBatches; ++batch) {
    for (int i = 0; i < kBatchKeys; ++i) {
      ASSERT_FALSE(store->Get(1, key_of(batch, i), &value).value()) << batch << " " << i;
      store->Put(1, key_of(batch, i), absl::StrCat(batch), batch + kLivingBatches);
    }
    store->AdvanceWatermark(batch);
    ASSERT_TRUE(store->Commit(batch + 1, "r").ok());
    if (batch % 2 == 0) {
      ASSERT_TRUE(store->Flush().ok());
    }
    if (batch % 9 == 8) {
      store = nullptr;
      store = TaskStore::Open(directory.path() + "/store", &resources).value();
    }
    for (int old = 0; old <= batch; ++old) {
      const bool is_seen = old + kLivingBatches > batch;
      for (int i = old % 17; i < kBatchKeys; i += 17) {
        ASSERT_EQ(store->Get(1, key_of(old, i), &value).value(), is_seen)
            << batch << " " << old << " " << i;
      }
    }
    ASSERT_LE(resources.memory_bytes(), kMemory);
  }
}

// What is left for filters: so little that the old one and the next do not always fit; and enough.
INSTANTIATE_TEST_SUITE_P(Room, StoredKeysOfAStore,
                         testing::Values(size_t{150} << 10, size_t{2} << 20));

TEST(StoredKeys, OfAllStoresTakeAQuarterOfTheMemory) {
  constexpr size_t kMemory = size_t{2} << 20;
  support::TempDirectory directory;
  StateResources resources({.memory_bytes_max = kMemory, .memtable_bytes_max = 1 << 20});
  const size_t before = resources.memory_bytes();
  EXPECT_TRUE(resources.TakeForFilter(kMemory / 4));
  EXPECT_FALSE(resources.TakeForFilter(1));
  EXPECT_EQ(resources.memory_bytes(), before + kMemory / 4);
  // There is none left: the store does without.
  auto store = TaskStore::Create(directory.path() + "/store", &resources, 0).value();
  std::string value;
  for (int i = 0; i < 2'000; ++i) store->Put(1, absl::StrCat(i), "v", kNeverExpires);
  ASSERT_TRUE(store->Commit(1, "r").ok());
  ASSERT_TRUE(store->Flush().ok());
  for (int i = 0; i < 2'000; ++i) ASSERT_TRUE(store->Get(1, absl::StrCat(i), &value).value());
  EXPECT_FALSE(store->Get(1, "none", &value).value());
  EXPECT_LE(resources.memory_bytes(), kMemory);
  resources.GiveBackFilter(kMemory / 4);
  EXPECT_TRUE(resources.TakeForFilter(kMemory / 4));
  resources.GiveBackFilter(kMemory / 4);
}

}  // namespace
}  // namespace turnout::state
