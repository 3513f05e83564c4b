// What does an event cost that a step remembers by key, and what does a key?
//
// Fills a task's store with KEYS keys, then counts EVENTS events by key, drawn at random: a Get and
// a Put each, a Commit every 500. Before the figures, all counts are read back and must add up.
// Times are CPU times: of the calls, on their thread, and of the whole process, with RocksDB's
// threads. The floor in the same run is the same loop on an absl hash map, which remembers nothing
// when it ends. Prints one line of JSON.
//
//   bench_state_time DIRECTORY KEYS EVENTS

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "state/state_resources.h"
#include "state/task_store.h"

namespace turnout::bench {
namespace {

constexpr state::StepId kStep = 1;
constexpr uint64_t kEventsABatch = 500;

int64_t CpuNs(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// SplitMix64's finalizer: neighbours get keys far apart.
uint64_t Mixed(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// 20 bytes: "user" and 16 digits.
void WriteKey(uint64_t number, std::string* key) {
  *key = absl::StrFormat("user%016x", Mixed(number + 1));
}

struct Times {
  int64_t get_ns = 0;
  int64_t put_ns = 0;
  int64_t commit_ns = 0;
};

bool Failed(const absl::Status& status) {
  if (!status.ok()) std::fprintf(stderr, "bench_state_time: %s\n", status.ToString().c_str());
  return !status.ok();
}

// One batch of events; the times of its three parts, each taken around a whole batch.
bool CountBatch(state::TaskStore& store, uint64_t first, uint64_t events, uint64_t keys,
                bool in_order, Times* times) {
  std::string key;
  std::string value;
  std::string counts(events * sizeof(uint64_t), '\0');
  auto* const count = reinterpret_cast<uint64_t*>(counts.data());
  const auto key_of = [&](uint64_t event) {
    WriteKey(in_order ? event : Mixed(event) % keys, &key);
  };
  const int64_t begin = CpuNs(CLOCK_THREAD_CPUTIME_ID);
  for (uint64_t i = 0; i < events; ++i) key_of(first + i);
  const int64_t made_keys = CpuNs(CLOCK_THREAD_CPUTIME_ID);
  for (uint64_t i = 0; i < events; ++i) {
    key_of(first + i);
    const absl::StatusOr<bool> found = store.Get(kStep, key, &value);
    if (Failed(found.status())) return false;
    if (*found) std::memcpy(&count[i], value.data(), sizeof(uint64_t));
  }
  const int64_t got = CpuNs(CLOCK_THREAD_CPUTIME_ID);
  for (uint64_t i = 0; i < events; ++i) {
    key_of(first + i);
    const uint64_t next = count[i] + 1;
    store.Put(kStep, key, {reinterpret_cast<const char*>(&next), sizeof(next)},
              state::kNeverExpires);
  }
  const int64_t put = CpuNs(CLOCK_THREAD_CPUTIME_ID);
  const int64_t applied = store.point().applied_offset + static_cast<int64_t>(events);
  if (Failed(store.Commit(applied, "rules"))) return false;
  times->get_ns += got - made_keys - (made_keys - begin);
  times->put_ns += put - got - (made_keys - begin);
  times->commit_ns += CpuNs(CLOCK_THREAD_CPUTIME_ID) - put;
  return true;
}

// The same reads and writes on a map, in ns an event.
double FloorNs(uint64_t keys, uint64_t events) {
  absl::flat_hash_map<std::string, uint64_t> counts;
  std::string key;
  for (uint64_t i = 0; i < keys; ++i) {
    WriteKey(i, &key);
    counts[key] = 1;
  }
  const int64_t begin = CpuNs(CLOCK_THREAD_CPUTIME_ID);
  for (uint64_t i = 0; i < events; ++i) WriteKey(Mixed(i) % keys, &key);
  const int64_t made_keys = CpuNs(CLOCK_THREAD_CPUTIME_ID);
  for (uint64_t i = 0; i < events; ++i) {
    WriteKey(Mixed(i) % keys, &key);
    ++counts[key];
  }
  const int64_t end = CpuNs(CLOCK_THREAD_CPUTIME_ID);
  return static_cast<double>(end - made_keys - (made_keys - begin)) / static_cast<double>(events);
}

int Run(const std::string& directory, uint64_t keys, uint64_t events) {
  state::StateResources resources{state::StateLimits{}};
  auto opened = state::TaskStore::Create(directory, &resources, 0);
  if (Failed(opened.status())) return 1;
  state::TaskStore& store = **opened;
  Times ignored;
  for (uint64_t key = 0; key < keys; key += kEventsABatch) {
    if (!CountBatch(store, key, kEventsABatch, keys, /*in_order=*/true, &ignored)) return 1;
  }
  if (Failed(store.Flush())) return 1;

  Times times;
  const int64_t process = CpuNs(CLOCK_PROCESS_CPUTIME_ID);
  for (uint64_t event = 0; event < events; event += kEventsABatch) {
    if (!CountBatch(store, event, kEventsABatch, keys, /*in_order=*/false, &times)) return 1;
  }
  const int64_t process_ns = CpuNs(CLOCK_PROCESS_CPUTIME_ID) - process;

  // A batch counts a key once even if it meets it twice: it reads before it writes. So the sum is
  // that of the distinct keys of each batch.
  uint64_t sum = 0;
  uint64_t entries = 0;
  absl::Status status = store.Scan(kStep, {}, {}, [&](std::string_view, std::string_view value) {
    uint64_t count = 0;
    std::memcpy(&count, value.data(), sizeof(count));
    sum += count;
    ++entries;
    return true;
  });
  uint64_t expected = keys;
  for (uint64_t event = 0; event < events; event += kEventsABatch) {
    absl::flat_hash_map<uint64_t, bool> distinct;
    for (uint64_t i = 0; i < kEventsABatch; ++i) distinct[Mixed(event + i) % keys] = true;
    expected += distinct.size();
  }
  if (Failed(status) || entries != keys || sum != expected) {
    std::fprintf(stderr, "bench_state_time: a wrong answer: %d keys, counts of %d, not %d\n",
                 static_cast<int>(entries), static_cast<int>(sum), static_cast<int>(expected));
    return 1;
  }
  if (Failed(store.Flush())) return 1;
  const auto per_event = [&](int64_t ns) {
    return static_cast<double>(ns) / static_cast<double>(events);
  };
  std::printf(
      "{\"keys\":%llu,\"events\":%llu,\"get_ns\":%.0f,\"put_ns\":%.0f,\"commit_ns\":%.0f,"
      "\"process_ns_per_event\":%.0f,\"floor_ns\":%.0f,\"disk_bytes_per_key\":%.1f}\n",
      static_cast<unsigned long long>(keys), static_cast<unsigned long long>(events),
      per_event(times.get_ns), per_event(times.put_ns), per_event(times.commit_ns),
      per_event(process_ns), FloorNs(keys, events),
      static_cast<double>(store.stats().disk_bytes) / static_cast<double>(keys));
  return 0;
}

int Main(int argc, char** argv) {
  uint64_t keys = 0;
  uint64_t events = 0;
  const bool is_right = argc == 4 && absl::SimpleAtoi(argv[2], &keys) &&
                        absl::SimpleAtoi(argv[3], &events) && keys > 0 && events > 0 &&
                        keys % kEventsABatch == 0 && events % kEventsABatch == 0;
  if (!is_right) {
    std::fprintf(stderr, "usage: bench_state_time DIRECTORY KEYS EVENTS (multiples of %d)\n",
                 static_cast<int>(kEventsABatch));
    return 2;
  }
  return Run(argv[1], keys, events);
}

}  // namespace
}  // namespace turnout::bench

int main(int argc, char** argv) { return turnout::bench::Main(argc, argv); }
