#include "state/document_store.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "state/document_backup.h"
#include "state/files.h"
#include "state/sequence_mark.h"
#include "tests/support/damaged_files.h"
#include "tests/support/memory_checkpoint_store.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_directory.h"

namespace turnout::state {
namespace {

std::unique_ptr<DocumentStore> Open(const std::string& directory) {
  auto store = DocumentStore::Open(directory);
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

// "key=value " of each, in the order of the scan.
std::string Scanned(const DocumentView& view, const DocumentRange& range) {
  std::string text;
  const absl::Status status = view.Scan(range, [&](std::string_view key, std::string_view value) {
    text.append(key).append("=").append(value).append(" ");
    return true;
  });
  return status.ok() ? text : status.ToString();
}

// How many keys there are.
absl::StatusOr<std::string> Count(const DocumentView& view) {
  size_t count = 0;
  const absl::Status scanned = view.Scan({}, [&](std::string_view, std::string_view) {
    ++count;
    return true;
  });
  if (!scanned.ok()) return scanned;
  return std::to_string(count);
}

class DocumentStoreTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }

  support::TempDirectory directory_;
  support::MemoryCheckpointStore objects_;
};

TEST_F(DocumentStoreTest, ABatchIsThereAsAWholeAndAfterReopeningToo) {
  auto store = Open(Path("a/new/place"));
  ASSERT_TRUE(store->Write({{"a", "1"}, {"b", "2"}, {"a", "3"}, {"c", "4"}}).ok());
  ASSERT_TRUE(store->Write({{"c", std::nullopt}, {"none", std::nullopt}}).ok());
  store.reset();
  store = Open(Path("a/new/place"));
  EXPECT_EQ(Scanned(store->View(), {}), "a=3 b=2 ");
  EXPECT_EQ(store->View().Get("a").value(), "3");
  EXPECT_EQ(store->View().Get("c").value(), std::nullopt);
}

TEST_F(DocumentStoreTest, AScanIsOfWhatItsRangeSays) {
  auto store = Open(Path("store"));
  ASSERT_TRUE(store
                  ->Write({{"a", ""},
                           {"b", ""},
                           {"b/1", ""},
                           {"b/2", ""},
                           {"b/3", ""},
                           {"c", ""},
                           {"\xff", ""},
                           {"\xff\xff", ""}})
                  .ok());
  const std::vector<std::pair<DocumentRange, std::string>> cases = {
      {{.prefix = "b/"}, "b/1= b/2= b/3= "},
      {{.prefix = "b"}, "b= b/1= b/2= b/3= "},
      {{.prefix = "b/", .from = "b/2"}, "b/2= b/3= "},
      {{.prefix = "b/", .from = "a"}, "b/1= b/2= b/3= "},
      {{.prefix = "b/", .from = "c"}, ""},
      {{.prefix = "b/", .limit = 2}, "b/1= b/2= "},
      {{.prefix = "b/", .limit = 0}, ""},
      {{.prefix = "b/", .is_backwards = true}, "b/3= b/2= b/1= "},
      {{.prefix = "b/", .from = "b/3", .is_backwards = true}, "b/2= b/1= "},
      {{.prefix = "b/", .from = "b/3", .is_backwards = true, .limit = 1}, "b/2= "},
      {{.prefix = "b/", .from = "z", .is_backwards = true, .limit = 1}, "b/3= "},
      {{.prefix = "b/", .from = "b/1", .is_backwards = true}, ""},
      {{.prefix = "b/", .from = "a", .is_backwards = true}, ""},
      {{.prefix = "\xff"}, "\xff= \xff\xff= "},
      {{.from = "c", .limit = 1}, "c= "},
      {{.from = "b", .is_backwards = true}, "a= "},
      {{.prefix = "none"}, ""},
  };
  for (const auto& [range, text] : cases) {
    EXPECT_EQ(Scanned(store->View(), range), text)
        << range.prefix << " from " << range.from << (range.is_backwards ? " backwards" : "");
  }
}

TEST_F(DocumentStoreTest, AViewStaysAsItWas) {
  auto store = Open(Path("store"));
  ASSERT_TRUE(store->Write({{"a", "1"}, {"b", "1"}}).ok());
  const DocumentView view = store->View();
  ASSERT_TRUE(store->Write({{"a", "2"}, {"b", std::nullopt}, {"c", "2"}}).ok());
  EXPECT_EQ(Scanned(view, {}), "a=1 b=1 ");
  EXPECT_EQ(view.Get("b").value(), "1");
  EXPECT_EQ(Scanned(store->View(), {}), "a=2 c=2 ");
}

TEST_F(DocumentStoreTest, AStoreThatIsOpenElsewhereIsUnavailable) {
  auto store = Open(Path("store"));
  const absl::Status second = DocumentStore::Open(Path("store")).status();
  EXPECT_TRUE(absl::IsUnavailable(second));
  EXPECT_NE(second.ToString().find("open in another process"), std::string::npos) << second;
}

// A log with an end that is damaged, cut off or gone altogether.
TEST_F(DocumentStoreTest, ALogThatLostWhatWasAcknowledgedIsDataLossAndNotAnOlderState) {
  using Damage = std::function<void(const std::string& log)>;
  const std::vector<std::pair<std::string, Damage>> cases = {
      {"a byte of the middle",
       [](const std::string& log) {
         std::string bytes = ReadFile(log, 1 << 20).value();
         bytes[bytes.size() / 2] ^= 1;
         ASSERT_TRUE(WriteFile(log, bytes).ok());
       }},
      {"a byte of the last record",
       [](const std::string& log) {
         std::string bytes = ReadFile(log, 1 << 20).value();
         bytes[bytes.size() - 10] ^= 1;
         ASSERT_TRUE(WriteFile(log, bytes).ok());
       }},
      {"its last byte",
       [](const std::string& log) {
         std::filesystem::resize_file(log, std::filesystem::file_size(log) - 1);
       }},
      {"all of it", [](const std::string& log) { std::filesystem::remove(log); }},
  };
  for (const auto& [name, damage] : cases) {
    const std::string path = Path(name);
    {
      auto store = Open(path);
      for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(store->Write({{"key" + std::to_string(i), std::string(500, 'x')}}).ok());
      }
    }
    Open(path).reset();  // whole, it opens, and what was in its log is in a table
    ASSERT_TRUE(Open(path)->Write({{"last", std::string(500, 'x')}, {"key", "2"}}).ok());
    int logs = 0;
    for (const auto& file : std::filesystem::directory_iterator(path)) {
      if (file.path().extension() != ".log" || file.file_size() == 0) continue;
      damage(file.path());
      ++logs;
    }
    ASSERT_EQ(logs, 1);
    for (int again = 0; again < 2; ++again) {
      const absl::Status status = DocumentStore::Open(path).status();
      EXPECT_TRUE(absl::IsDataLoss(status)) << name << ": " << status;
    }
  }
}

TEST_F(DocumentStoreTest, WhatACrashCutShortBeforeItWasAcknowledgedIsNotMissed) {
  { ASSERT_TRUE(Open(Path("store"))->Write({{"a", "1"}}).ok()); }
  const std::string mark = ReadFile(Path("store/ACKNOWLEDGED"), 1 << 20).value();
  Open(Path("store")).reset();
  ASSERT_TRUE(Open(Path("store"))->Write({{"b", std::string(500, 'b')}}).ok());
  for (const auto& file : std::filesystem::directory_iterator(Path("store"))) {
    if (file.path().extension() != ".log" || file.file_size() == 0) continue;
    std::filesystem::resize_file(file.path(), file.file_size() / 2);
  }
  ASSERT_TRUE(WriteFile(Path("store/ACKNOWLEDGED"), mark).ok());
  EXPECT_EQ(Scanned(Open(Path("store"))->View(), {}), "a=1 ");
}

TEST_F(DocumentStoreTest, ADamagedTableIsDataLossWhenItIsRead) {
  support::SeededRandom random(1);
  {
    auto store = Open(Path("store"));
    for (int i = 0; i < 1000; ++i) {
      std::string value;
      while (value.size() < 400) value += std::to_string(random.Next());
      ASSERT_TRUE(store->Write({{"key" + std::to_string(i), value}}).ok());
    }
  }
  Open(Path("store")).reset();  // the log becomes a table
  ASSERT_EQ(support::DamageTableFiles(Path("store")), 1);
  auto store = Open(Path("store"));
  EXPECT_TRUE(absl::IsDataLoss(Count(store->View()).status()));
  EXPECT_TRUE(absl::IsDataLoss(store->Verify()));
  EXPECT_TRUE(
      absl::IsDataLoss(BackUpDocuments(*store, Path("scratch"), &objects_, "a", Count).status()));
  EXPECT_TRUE(ListDocumentBackups(&objects_).value().empty());
}

TEST_F(DocumentStoreTest, OneSlotOfTheMarkMayBeSpoiledAndNotBoth) {
  auto mark = SequenceMark::Open(Path("mark"));
  ASSERT_TRUE(mark.ok()) << mark.status();
  EXPECT_EQ((*mark)->sequence(), 0u);
  for (const uint64_t sequence : {3, 7, 5}) ASSERT_TRUE((*mark)->Advance(sequence).ok());
  const std::string whole = ReadFile(Path("mark"), 1 << 20).value();
  const auto read = [&](std::vector<size_t> spoiled) {
    std::string bytes = whole;
    for (const size_t at : spoiled) bytes[at] ^= 1;
    EXPECT_TRUE(WriteFile(Path("mark"), bytes).ok());
    const auto opened = SequenceMark::Open(Path("mark"));
    return opened.ok() ? static_cast<int>((*opened)->sequence()) : -1;
  };
  EXPECT_EQ(read({}), 7);
  EXPECT_EQ(read({13}), 7);
  EXPECT_EQ(read({512 + 13}), 3);
  EXPECT_EQ(read({13, 512 + 13}), -1);
}

TEST_F(DocumentStoreTest, AStoreWithoutItsFirstFileIsDataLossAndNotANewOne) {
  Open(Path("store"))->Write({{"key", "value"}}).IgnoreError();
  std::filesystem::remove(Path("store/CURRENT"));
  const absl::Status status = DocumentStore::Open(Path("store")).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  ASSERT_TRUE(WriteFile(Path("store/CURRENT"), "nothing\n").ok());
  EXPECT_TRUE(absl::IsDataLoss(DocumentStore::Open(Path("store")).status()));
}

class DocumentBackupTest : public DocumentStoreTest {
 protected:
  DocumentBackupTest() : store_(Open(Path("store"))) {
    EXPECT_TRUE(store_->Write({{"a", "1"}, {"b", std::string(100'000, 'b')}}).ok());
    EXPECT_EQ(BackUp("first"), "2");
  }

  std::string BackUp(const std::string& name) {
    const auto holds = BackUpDocuments(*store_, Path("scratch"), &objects_, name, Count);
    return holds.ok() ? *holds : holds.status().ToString();
  }
  absl::StatusOr<std::string> Restore(const std::string& name) {
    return RestoreDocuments(&objects_, name, Path("restored"), Count);
  }
  void ExpectNothingRestored() {
    EXPECT_FALSE(Exists(Path("restored")));
    EXPECT_FALSE(Exists(Path("restored") + std::string(kUnfinishedSuffix)));
  }

  std::unique_ptr<DocumentStore> store_;
};

TEST_F(DocumentBackupTest, WhatIsRestoredIsWhatWasBackedUp) {
  ASSERT_TRUE(store_->Write({{"a", "2"}, {"c", "3"}}).ok());
  EXPECT_EQ(BackUp("second"), "3");
  EXPECT_EQ(ListDocumentBackups(&objects_).value(), (std::vector<std::string>{"first", "second"}));
  const auto restored = Restore("first");
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(*restored, "2");
  auto store = Open(Path("restored"));
  EXPECT_EQ(store->View().Get("a").value(), "1");
  EXPECT_EQ(store->View().Get("c").value(), std::nullopt);
  ASSERT_TRUE(store->Write({{"d", "4"}}).ok());
  EXPECT_FALSE(Exists(Path("scratch")));
}

TEST_F(DocumentBackupTest, EveryObjectThatIsDamagedOrGoneIsFoundBeforeAnythingIsInPlace) {
  const auto objects = objects_.List("backups/first/");
  ASSERT_TRUE(objects.ok());
  ASSERT_GE(objects->size(), 4u);  // CURRENT, a manifest of RocksDB's, a table, and ours
  for (const StoredObject& object : *objects) {
    const std::string whole = objects_.Read(object.name, 1 << 30).value();
    std::string damaged = whole;
    damaged[damaged.size() / 2] ^= 1;
    for (const std::string& bytes : {damaged, whole.substr(0, whole.size() / 2), std::string()}) {
      ASSERT_TRUE(objects_.Remove(object.name).ok());
      ASSERT_TRUE(objects_.PutIfAbsent(object.name, bytes).value());
      // A log without entries has no bytes to be damaged.
      if (bytes == whole) continue;
      EXPECT_TRUE(absl::IsDataLoss(Restore("first").status())) << object.name;
      ExpectNothingRestored();
    }
    ASSERT_TRUE(objects_.Remove(object.name).ok());
    const absl::Status gone = Restore("first").status();
    EXPECT_TRUE(absl::IsDataLoss(gone) || absl::IsNotFound(gone)) << gone;
    ExpectNothingRestored();
    ASSERT_TRUE(objects_.PutIfAbsent(object.name, whole).value());
  }
  EXPECT_TRUE(Restore("first").ok());
}

TEST_F(DocumentBackupTest, ANameIsTakenOnceAndAPlaceIsNeverReplaced) {
  EXPECT_NE(BackUp("first").find("give another name"), std::string::npos);
  for (const std::string name : {"", "../x", "A", "a/b", "-a", ".."}) {
    EXPECT_NE(BackUp(name).find("can't have this name"), std::string::npos) << name;
    EXPECT_TRUE(absl::IsInvalidArgument(Restore(name).status())) << name;
  }
  EXPECT_TRUE(absl::IsNotFound(Restore("none").status()));
  ExpectNothingRestored();
  ASSERT_TRUE(MakeDirectory(Path("restored")).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(Restore("first").status()));
}

TEST_F(DocumentBackupTest, WhatHoldsOtherThanItSaysIsDataLoss) {
  const auto other = [](const DocumentView&) -> absl::StatusOr<std::string> { return "other"; };
  EXPECT_TRUE(
      absl::IsDataLoss(RestoreDocuments(&objects_, "first", Path("restored"), other).status()));
  ExpectNothingRestored();
}

}  // namespace
}  // namespace turnout::state
