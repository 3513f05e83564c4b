// What does an event cost that a step remembers by key, and what does a key?
//
// Two loads on a task's store of KEYS live keys, a Commit every 500 events:
//
//   dedup     every event's key is new: a Get that finds nothing, a Put of 8 bytes. Event time goes
//             on by one key's share an event, so that one old key expires for each new one.
//   counters  a key drawn at random among those that are there: a Get, a Put of 100 bytes.
//
// The answer is checked: no Get may err, and all that is there in the end is counted. Times are CPU
// times: of the calls, on their thread, and of all other threads (RocksDB's), from after the fill
// has come to rest until the events' files have: what is written is paid for, mergers included. The
// floor in the same run is the same loop on an absl hash map, which remembers nothing when it ends.
// Prints one line of JSON.
//
//   bench_state_time DIRECTORY dedup|counters KEYS EVENTS

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "bench/store_load.h"
#include "runtime/allocation_count.h"
#include "state/state_resources.h"
#include "state/task_store.h"

namespace turnout::bench {
namespace {

constexpr state::StepId kStep = 1;
constexpr uint64_t kEventsABatch = 500;
constexpr size_t kDedupBytes = 8;
constexpr size_t kCounterBytes = 100;

struct Load {
  bool is_dedup = false;
  uint64_t keys = 0;
  uint64_t events = 0;

  // Of an event after the fill; the fill's are 0 to keys - 1, in order.
  uint64_t KeyOf(uint64_t event) const { return is_dedup ? keys + event : Mixed(event) % keys; }
  size_t value_bytes() const { return is_dedup ? kDedupBytes : kCounterBytes; }
  // The n-th event of all, a millisecond each.
  int64_t ExpiryMs(uint64_t n) const {
    return is_dedup ? static_cast<int64_t>(n + keys) : state::kNeverExpires;
  }
};

struct Costs {
  int64_t get_ns = 0;
  int64_t put_ns = 0;
  int64_t commit_ns = 0;
  int64_t commit_ns_max = 0;
  uint64_t allocations = 0;
};

bool Failed(const absl::Status& status) {
  if (!status.ok()) std::fprintf(stderr, "bench_state_time: %s\n", status.ToString().c_str());
  return !status.ok();
}

bool IsWrong(bool wrong, const char* what) {
  if (wrong) std::fprintf(stderr, "bench_state_time: a wrong answer: %s\n", what);
  return wrong;
}

// One batch of events; the costs of its three parts, each taken around a whole batch.
bool RunBatch(state::TaskStore& store, const Load& load, bool is_fill, uint64_t first,
              Costs* costs) {
  static std::string value;
  uint64_t counts[kEventsABatch];
  const auto key_of = [&](uint64_t event) { return Key(is_fill ? event : load.KeyOf(event)); };
  const uint64_t n = first + (is_fill ? 0 : load.keys);  // of all events
  uint64_t sum = 0;
  const int64_t begin = ThreadNs();
  for (uint64_t i = 0; i < kEventsABatch; ++i) {
    sum += static_cast<uint8_t>(key_of(first + i).bytes[kKeyBytes - 1]);
  }
  const int64_t keys_ns = ThreadNs() - begin + (sum == 0 ? 1 : 0);
  const uint64_t allocations = runtime::ThreadAllocations().value_or(0);
  const int64_t start = ThreadNs();
  for (uint64_t i = 0; i < kEventsABatch; ++i) {
    const absl::StatusOr<bool> found = store.Get(kStep, key_of(first + i).view(), &value);
    if (Failed(found.status())) return false;
    const bool expected = !is_fill && !load.is_dedup;
    if (IsWrong(*found != expected, expected ? "a key is missing" : "a key is new")) return false;
    counts[i] = 0;
    if (*found) std::memcpy(&counts[i], value.data(), sizeof(uint64_t));
  }
  const int64_t got = ThreadNs();
  char bytes[kCounterBytes] = {};
  for (uint64_t i = 0; i < kEventsABatch; ++i) {
    const Key key = key_of(first + i);
    const uint64_t next = counts[i] + 1;
    // Behind the count, bytes that are another key's neither: sums and times look so.
    for (size_t at = 0; at < load.value_bytes(); at += kKeyBytes) {
      std::memcpy(bytes + at, key.bytes, std::min(kKeyBytes, load.value_bytes() - at));
    }
    std::memcpy(bytes, &next, sizeof(next));
    store.Put(kStep, key.view(), {bytes, load.value_bytes()}, load.ExpiryMs(n + i));
  }
  const int64_t put = ThreadNs();
  store.AdvanceWatermark(static_cast<int64_t>(n + kEventsABatch - 1));
  const int64_t applied = store.point().applied_offset + static_cast<int64_t>(kEventsABatch);
  const auto wall = std::chrono::steady_clock::now();
  if (Failed(store.Commit(applied, "rules"))) return false;
  const int64_t wall_ns = (std::chrono::steady_clock::now() - wall).count();
  costs->commit_ns += ThreadNs() - put;
  costs->commit_ns_max = std::max(costs->commit_ns_max, wall_ns);
  costs->get_ns += got - start - keys_ns;
  costs->put_ns += put - got - keys_ns;
  costs->allocations += runtime::ThreadAllocations().value_or(0) - allocations;
  return true;
}

// The same reads and writes on a map, in ns an event.
double FloorNs(const Load& load) {
  absl::flat_hash_map<std::string, std::string> map;
  const std::string value(load.value_bytes(), 'x');
  for (uint64_t i = 0; i < load.keys; ++i) map[std::string(Key(i).view())] = value;
  const int64_t begin = ThreadNs();
  uint64_t sum = 0;
  for (uint64_t i = 0; i < load.events; ++i) {
    sum += static_cast<uint8_t>(Key(load.KeyOf(i)).bytes[kKeyBytes - 1]);
  }
  const int64_t keys_ns = ThreadNs() - begin + (sum == 0 ? 1 : 0);
  const int64_t start = ThreadNs();
  for (uint64_t i = 0; i < load.events; ++i) {
    const Key key(load.KeyOf(i));
    if (load.is_dedup) map.erase(std::string(Key(i).view()));
    map[std::string(key.view())] = value;
  }
  return static_cast<double>(ThreadNs() - start - keys_ns * (load.is_dedup ? 2 : 1)) /
         static_cast<double>(load.events);
}

// All that is there, against what was put.
bool IsRight(state::TaskStore& store, const Load& load) {
  uint64_t sum = 0;
  uint64_t entries = 0;
  const absl::Status status =
      store.Scan(kStep, {}, {}, [&](std::string_view, std::string_view value) {
        uint64_t count = 0;
        std::memcpy(&count, value.data(), sizeof(count));
        sum += count;
        ++entries;
        return true;
      });
  if (Failed(status)) return false;
  uint64_t expected = load.keys;
  if (IsWrong(entries != expected, "keys that are not there, or no longer")) return false;
  // A batch counts a key once even if it meets it twice: it reads before it writes.
  for (uint64_t event = 0; event < load.events && !load.is_dedup; event += kEventsABatch) {
    uint64_t distinct[kEventsABatch];
    for (uint64_t i = 0; i < kEventsABatch; ++i) distinct[i] = load.KeyOf(event + i);
    std::sort(distinct, distinct + kEventsABatch);
    expected += static_cast<uint64_t>(std::unique(distinct, distinct + kEventsABatch) - distinct);
  }
  return !IsWrong(sum != expected, "counts that do not add up");
}

int Run(const std::string& directory, const Load& load) {
  const size_t resident = ResidentBytes();
  state::StateResources resources{state::StateLimits{}};
  auto opened = state::TaskStore::Create(directory, &resources, 0);
  if (Failed(opened.status())) return 1;
  state::TaskStore& store = **opened;
  Costs ignored;
  for (uint64_t key = 0; key < load.keys; key += kEventsABatch) {
    if (!RunBatch(store, load, /*is_fill=*/true, key, &ignored)) return 1;
  }
  if (Failed(store.Flush())) return 1;
  ComeToRest();

  Costs costs;
  const int64_t others = OthersNs();
  for (uint64_t event = 0; event < load.events; event += kEventsABatch) {
    if (!RunBatch(store, load, /*is_fill=*/false, event, &costs)) return 1;
  }
  const size_t memory_bytes = resources.memory_bytes();
  const size_t resident_bytes = ResidentBytes() - resident;
  if (Failed(store.Flush())) return 1;
  ComeToRest();
  const int64_t others_ns = OthersNs() - others;
  if (!IsRight(store, load)) return 1;

  const auto per_event = [&](auto amount) {
    return static_cast<double>(amount) / static_cast<double>(load.events);
  };
  const auto per_key = [&](auto amount) {
    return static_cast<double>(amount) / static_cast<double>(load.keys);
  };
  const double all_ns = per_event(costs.get_ns + costs.put_ns + costs.commit_ns + others_ns);
  std::printf(
      "{\"load\":\"%s\",\"keys\":%llu,\"events\":%llu,\"get_ns\":%.0f,\"put_ns\":%.0f,"
      "\"commit_ns\":%.0f,\"background_ns\":%.0f,\"all_ns\":%.0f,\"floor_ns\":%.0f,"
      "\"longest_commit_ms\":%.1f,\"allocations_per_event\":%.4f,\"disk_bytes_per_key\":%.1f,"
      "\"memory_bytes_per_key\":%.1f,\"resident_bytes_per_key\":%.1f}\n",
      load.is_dedup ? "dedup" : "counters", static_cast<unsigned long long>(load.keys),
      static_cast<unsigned long long>(load.events), per_event(costs.get_ns),
      per_event(costs.put_ns), per_event(costs.commit_ns), per_event(others_ns), all_ns,
      FloorNs(load), static_cast<double>(costs.commit_ns_max) / 1e6, per_event(costs.allocations),
      per_key(store.stats().disk_bytes), per_key(memory_bytes), per_key(resident_bytes));
  return 0;
}

int Main(int argc, char** argv) {
  Load load;
  const std::string_view what = argc == 5 ? argv[2] : "";
  load.is_dedup = what == "dedup";
  const bool is_right =
      (load.is_dedup || what == "counters") && absl::SimpleAtoi(argv[3], &load.keys) &&
      absl::SimpleAtoi(argv[4], &load.events) && load.keys > 0 && load.events > 0 &&
      load.keys % kEventsABatch == 0 && load.events % kEventsABatch == 0;
  if (!is_right) {
    std::fprintf(stderr,
                 "usage: bench_state_time DIRECTORY dedup|counters KEYS EVENTS (multiples of %d)\n",
                 static_cast<int>(kEventsABatch));
    return 2;
  }
  return Run(argv[1], load);
}

}  // namespace
}  // namespace turnout::bench

int main(int argc, char** argv) { return turnout::bench::Main(argc, argv); }
