// What do checkpoints and restores of a task's store cost, and whom do they make wait?
//
// A part a process, so that bench/recovery can time copies of the same bytes in between. KEYS keys,
// each with a value of BYTES that nothing compresses and that the key itself foretells. Times are
// wall clock: what is asked is how long somebody waits. Each prints one line of JSON.
//
//   checkpoint DIRECTORY LOCATION KEYS BYTES   fills a store, takes a checkpoint, changes every
//                                  hundredth key, takes another; then runs batches, a Get and a Put
//                                  each, while another thread takes a whole one, collects and takes
//                                  one more; and as many batches again alone
//   take DIRECTORY LOCATION        one more checkpoint of that store, to another place
//   restore DIRECTORY LOCATION KEYS BYTES      the newest, into DIRECTORY/restored, and again where
//                                  it is by then; every key is read back and held against its value
//                                  before a figure counts
//   stuff STORE STEP KEYS BYTES    adds such keys to the step (in hex) of a router's store that is
//                                  at rest, its applied offset and rule set as they are
//   open DIRECTORY STORES          resident memory of so many open stores of one key each
//   part DIRECTORY LOCATION KEYS BYTES   so many keys in each of 16 partitions' stores, a hundredth
//                                  of them changed since the checkpoint, all handed over at once:
//                                  until the last one's checkpoint is there
//
// --endpoint=URL, before these, is where s3://... is; the keys are in the environment.
// --threads=N: a service's upkeep threads; --delay_ms=N: each call to the store takes so much
// longer.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "bench/store_load.h"
#include "runtime/state_service.h"
#include "state/checkpoint.h"
#include "state/checkpoint_location.h"
#include "state/state_resources.h"
#include "state/task_store.h"

namespace turnout::bench {
namespace {

constexpr state::StepId kStep = 1;
constexpr uint64_t kEventsABatch = 500;
constexpr uint64_t kChangedOneIn = 100;
constexpr uint64_t kBatchesMin = 200;
constexpr size_t kValueBytesMax = 1 << 20;
constexpr int32_t kPartingPartitions = 16;
const int kTransfers = runtime::StateServiceOptions().transfers_max;
constexpr char kTask[] = "bench/0";
constexpr char kRules[] = "rules";

uint64_t DigestOf(std::string_view key) {
  uint64_t words[2] = {};
  uint32_t rest = 0;
  std::memcpy(words, key.data(), sizeof(words));
  std::memcpy(&rest, key.data() + sizeof(words), sizeof(rest));
  return Mixed(words[0] ^ Mixed(words[1] ^ Mixed(rest + 1)));
}

std::string KeyOf(uint64_t number) { return std::string(Key(number).view()); }

// Its version, and behind it what only this key's value of that version has.
std::string ValueOf(std::string_view key, uint64_t version, size_t bytes) {
  std::string value(bytes, '\0');
  const uint64_t seed = DigestOf(key) + version;
  std::memcpy(value.data(), &version, sizeof(version));
  for (size_t at = sizeof(version); at < bytes; at += sizeof(uint64_t)) {
    const uint64_t word = Mixed(seed + at);
    std::memcpy(value.data() + at, &word, std::min(sizeof(word), bytes - at));
  }
  return value;
}

double SecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

absl::Status Wrong(const std::string& what) {
  return absl::InternalError(absl::StrCat("a wrong answer: ", what));
}

state::TimeAndChance RealTime() {
  return {.now = [] { return absl::Now(); },
          .sleep = [](absl::Duration wait) { absl::SleepFor(wait); },
          .random =
              [] {
                static thread_local std::mt19937_64 random(std::random_device{}());
                return random();
              }};
}

struct Arguments {
  state::S3Options s3;
  int upkeep_threads = runtime::StateServiceOptions().upkeep_threads;
  absl::Duration delay;
  std::vector<std::string> words;

  uint64_t Number(size_t at) const {
    uint64_t number = 0;
    return at < words.size() && absl::SimpleAtoi(words[at], &number) ? number : 0;
  }
};

using Store = std::unique_ptr<state::TaskStore>;

// So many events later, under the rules as they are.
absl::Status Commit(state::TaskStore& store, uint64_t events) {
  const state::StatePoint point = store.point();
  return store.Commit(point.applied_offset + static_cast<int64_t>(events),
                      point.rule_set.empty() ? kRules : point.rule_set);
}

// Every `every`th of the keys gets this version of its value.
absl::Status Write(state::TaskStore& store, state::StepId step, uint64_t keys, size_t bytes,
                   uint64_t every, uint64_t version, uint64_t events_a_batch) {
  uint64_t written = 0;
  for (uint64_t number = 0; number < keys; number += every) {
    const std::string key = KeyOf(number);
    store.Put(step, key, ValueOf(key, version, bytes), state::kNeverExpires);
    if (++written % kEventsABatch != 0) continue;
    absl::Status status = Commit(store, events_a_batch);
    if (!status.ok()) return status;
  }
  return Commit(store, events_a_batch);
}

struct Taken {
  double seconds = 0;
  state::CheckpointCost cost;
};

absl::StatusOr<Taken> Take(state::TaskCheckpoints& checkpoints, state::TaskStore& store) {
  const auto begin = std::chrono::steady_clock::now();
  const auto manifest = checkpoints.Take(&store, absl::ToUnixMillis(absl::Now()));
  if (!manifest.ok()) return manifest.status();
  return Taken{.seconds = SecondsSince(begin), .cost = checkpoints.last_cost()};
}

// How long one waited for the calls of batches.
struct Waits {
  std::vector<double> get_ms;  // the longest of each batch
  std::vector<double> commit_ms;
};

double Longest(const std::vector<double>& waits) {
  return *std::max_element(waits.begin(), waits.end());
}

double At(std::vector<double> waits, double share) {
  std::sort(waits.begin(), waits.end());
  return waits[static_cast<size_t>(share * static_cast<double>(waits.size() - 1))];
}

absl::Status RunBatch(state::TaskStore& store, uint64_t keys, size_t bytes, uint64_t number,
                      Waits* waits) {
  using Clock = std::chrono::steady_clock;
  double longest = 0;
  for (uint64_t i = 0; i < kEventsABatch; ++i) {
    const std::string key = KeyOf(Mixed(number * kEventsABatch + i) % keys);
    std::string value;
    const Clock::time_point begin = Clock::now();
    const absl::StatusOr<bool> found = store.Get(kStep, key, &value);
    longest = std::max(longest, SecondsSince(begin));
    if (!found.ok()) return found.status();
    if (!*found || value.size() != bytes) return Wrong("a key that is not there");
    uint64_t version = 0;
    std::memcpy(&version, value.data(), sizeof(version));
    store.Put(kStep, key, ValueOf(key, version + 1, bytes), state::kNeverExpires);
  }
  const Clock::time_point begin = Clock::now();
  absl::Status status = Commit(store, kEventsABatch);
  waits->get_ms.push_back(longest * 1e3);
  waits->commit_ms.push_back(SecondsSince(begin) * 1e3);
  return status;
}

void PrintWaits(const char* name, const Waits& waits) {
  std::printf(
      ",\"%s\":{\"batches\":%zu,\"longest_get_ms\":%.2f,\"longest_commit_ms\":%.2f,"
      "\"p99_longest_get_ms\":%.2f,\"p99_commit_ms\":%.2f}",
      name, waits.commit_ms.size(), Longest(waits.get_ms), Longest(waits.commit_ms),
      At(waits.get_ms, 0.99), At(waits.commit_ms, 0.99));
}

void PrintTaken(const char* name, const Taken& taken) {
  std::printf("\"%s\":{\"seconds\":%.3f,\"bytes\":%llu,\"bytes_sent\":%llu,\"files_sent\":%llu}",
              name, taken.seconds, static_cast<unsigned long long>(taken.cost.bytes),
              static_cast<unsigned long long>(taken.cost.bytes_sent),
              static_cast<unsigned long long>(taken.cost.files_sent));
}

absl::Status Stalls(state::TaskStore& store, state::CheckpointStore* to, const std::string& scratch,
                    uint64_t keys, size_t bytes) {
  absl::Status upkeep;
  std::atomic<bool> is_done = false;
  std::thread other([&] {
    state::TaskCheckpoints whole(to, "bench/stalls", scratch, kTransfers);
    upkeep = Take(whole, store).status();
    if (upkeep.ok()) upkeep = store.Collect().status();
    if (upkeep.ok()) upkeep = Take(whole, store).status();
    is_done = true;
  });
  Waits beside;
  absl::Status status;
  uint64_t number = 0;
  for (; status.ok() && (number < kBatchesMin || !is_done); ++number) {
    status = RunBatch(store, keys, bytes, number, &beside);
  }
  other.join();
  if (!status.ok()) return status;
  if (!upkeep.ok()) return upkeep;
  Waits alone;
  for (const uint64_t end = 2 * number; number < end; ++number) {
    if (status = RunBatch(store, keys, bytes, number, &alone); !status.ok()) return status;
  }
  PrintWaits("beside", beside);
  PrintWaits("alone", alone);
  return absl::OkStatus();
}

absl::Status Checkpoint(const std::string& directory, state::CheckpointStore* to, uint64_t keys,
                        size_t bytes) {
  state::StateResources resources{state::StateLimits{}};
  absl::StatusOr<Store> store = state::TaskStore::Create(directory + "/store", &resources, 0);
  if (!store.ok()) return store.status();
  absl::Status status = Write(**store, kStep, keys, bytes, 1, 1, kEventsABatch);
  if (status.ok()) status = (*store)->Flush();
  if (!status.ok()) return status;
  ComeToRest();  // what a fill left to merge is not the checkpoint's
  state::TaskCheckpoints checkpoints(to, kTask, directory + "/scratch", kTransfers);
  const absl::StatusOr<Taken> first = Take(checkpoints, **store);
  if (!first.ok()) return first.status();
  status = Write(**store, kStep, keys, bytes, kChangedOneIn, 2, kEventsABatch);
  if (!status.ok()) return status;
  const absl::StatusOr<Taken> second = Take(checkpoints, **store);
  if (!second.ok()) return second.status();
  std::printf("{");
  PrintTaken("first", *first);
  std::printf(",");
  PrintTaken("after_1_percent", *second);
  status = Stalls(**store, to, directory + "/stalls", keys, bytes);
  std::printf("}\n");
  return status;
}

absl::Status TakeOneMore(const std::string& directory, state::CheckpointStore* to) {
  state::StateResources resources{state::StateLimits{}};
  absl::StatusOr<Store> store = state::TaskStore::Open(directory, &resources);
  if (!store.ok()) return store.status();
  state::TaskCheckpoints checkpoints(to, kTask, directory + ".scratch", kTransfers);
  const absl::StatusOr<Taken> taken = Take(checkpoints, **store);
  if (!taken.ok()) return taken.status();
  std::printf("{");
  PrintTaken("first", *taken);
  std::printf("}\n");
  return absl::OkStatus();
}

// Every key, with the value of one of the two versions that were written.
absl::Status CheckAll(state::TaskStore& store, uint64_t keys, size_t bytes) {
  uint64_t expected = 0;
  for (uint64_t number = 0; number < keys; ++number) expected += DigestOf(KeyOf(number));
  uint64_t found = 0;
  uint64_t count = 0;
  uint64_t versions = 0;
  bool is_right = true;
  const absl::Status status =
      store.Scan(kStep, {}, {}, [&](std::string_view key, std::string_view value) {
        uint64_t version = 0;
        std::memcpy(&version, value.data(), std::min(value.size(), sizeof(version)));
        is_right = key.size() == kKeyBytes && value == ValueOf(key, version, bytes);
        if (!is_right) return false;
        found += DigestOf(key);
        versions += version;
        ++count;
        return true;
      });
  if (!status.ok()) return status;
  if (!is_right) return Wrong("a value that is not its key's");
  if (count != keys || found != expected) return Wrong("keys that are not there");
  const uint64_t changed = (keys + kChangedOneIn - 1) / kChangedOneIn;
  return versions == keys + changed ? absl::OkStatus() : Wrong("not the newest values");
}

absl::StatusOr<state::CheckpointManifest> RestoreNewest(state::TaskCheckpoints& checkpoints,
                                                        const std::string& target) {
  const auto listed = checkpoints.List();
  if (!listed.ok()) return listed.status();
  if (listed->empty()) return absl::NotFoundError("no checkpoint");
  return checkpoints.Restore(listed->back().sequence, target);
}

absl::Status Restore(const std::string& directory, state::CheckpointStore* from, uint64_t keys,
                     size_t bytes) {
  const std::string target = directory + "/restored";
  std::filesystem::remove_all(target);  // nothing to take from there
  state::TaskCheckpoints checkpoints(from, kTask, directory + "/scratch", kTransfers);
  auto begin = std::chrono::steady_clock::now();
  const auto manifest = RestoreNewest(checkpoints, target);
  if (!manifest.ok()) return manifest.status();
  const double seconds = SecondsSince(begin);
  uint64_t restored_bytes = 0;
  for (const state::CheckpointFile& file : manifest->files) restored_bytes += file.bytes;
  begin = std::chrono::steady_clock::now();
  const auto again = RestoreNewest(checkpoints, target);
  if (!again.ok()) return again.status();
  const double again_seconds = SecondsSince(begin);

  state::StateResources resources{state::StateLimits{}};
  absl::StatusOr<Store> store = state::TaskStore::Open(target, &resources);
  if (!store.ok()) return store.status();
  absl::Status status = CheckAll(**store, keys, bytes);
  if (!status.ok()) return status;
  std::printf("{\"seconds\":%.3f,\"again_seconds\":%.3f,\"bytes\":%llu,\"files\":[", seconds,
              again_seconds, static_cast<unsigned long long>(restored_bytes));
  for (const state::CheckpointFile& file : manifest->files) {
    std::printf("%s\"%s\"", &file == &manifest->files.front() ? "" : ",", file.sha256.c_str());
  }
  std::printf("]}\n");
  return absl::OkStatus();
}

absl::Status Stuff(const std::string& directory, state::StepId step, uint64_t keys, size_t bytes) {
  state::StateResources resources{state::StateLimits{}};
  absl::StatusOr<Store> store = state::TaskStore::Open(directory, &resources);
  if (!store.ok()) return store.status();
  absl::Status status = Write(**store, step, keys, bytes, 1, 1, 0);
  if (status.ok()) status = (*store)->Flush();
  if (!status.ok()) return status;
  std::printf("{\"bytes\":%llu}\n", static_cast<unsigned long long>((*store)->stats().disk_bytes));
  return absl::OkStatus();
}

absl::Status OpenMany(const std::string& directory, uint64_t stores) {
  state::StateResources resources{state::StateLimits{}};
  std::vector<Store> open;
  size_t before = 0;
  for (uint64_t i = 0; i <= stores; ++i) {
    if (i == 1) before = ResidentBytes();  // the first one pays for what all share
    auto store = state::TaskStore::Create(absl::StrCat(directory, "/", i), &resources, 0);
    if (!store.ok()) return store.status();
    absl::Status status = Write(**store, kStep, 1, 8, 1, 1, 1);
    if (status.ok()) status = (*store)->Flush();
    if (!status.ok()) return status;
    open.push_back(*std::move(store));
  }
  const size_t grown = ResidentBytes() - before;
  std::printf("{\"stores\":%llu,\"kib_a_store\":%.1f,\"of_it_below_the_ceiling_kib\":%.1f}\n",
              static_cast<unsigned long long>(stores),
              static_cast<double>(grown) / 1024 / static_cast<double>(stores),
              static_cast<double>(resources.memory_bytes()) / 1024 / static_cast<double>(stores));
  return absl::OkStatus();
}

// A store that is so far away.
class DistantStore : public state::CheckpointStore {
 public:
  DistantStore(state::CheckpointStore* store, absl::Duration delay)
      : store_(store), delay_(delay) {}

  absl::StatusOr<std::vector<state::StoredObject>> List(std::string_view prefix) override {
    return There()->List(prefix);
  }
  absl::Status Put(std::string_view name, const std::string& path) override {
    return There()->Put(name, path);
  }
  absl::StatusOr<bool> PutIfAbsent(std::string_view name, std::string_view bytes) override {
    return There()->PutIfAbsent(name, bytes);
  }
  absl::StatusOr<state::FileDigest> Get(std::string_view name, const std::string& path) override {
    return There()->Get(name, path);
  }
  absl::StatusOr<state::FileDigest> Digest(std::string_view name) override {
    return There()->Digest(name);
  }
  absl::StatusOr<std::string> Read(std::string_view name, size_t bytes_max) override {
    return There()->Read(name, bytes_max);
  }
  absl::Status Remove(std::string_view name) override { return There()->Remove(name); }

 private:
  state::CheckpointStore* There() {
    absl::SleepFor(delay_);
    return store_;
  }

  state::CheckpointStore* const store_;
  const absl::Duration delay_;
};

absl::Status AwaitCheckpoint(runtime::StateKeeper& keeper, int32_t partition) {
  keeper.HurryCheckpoint(partition);
  for (int i = 0; i < 60'000; ++i) {
    if (keeper.TakePublished(partition)) return absl::OkStatus();
    absl::SleepFor(absl::Milliseconds(10));
  }
  return absl::DeadlineExceededError("no checkpoint");
}

absl::Status PartAll(const Arguments& arguments, state::CheckpointStore* to, uint64_t keys,
                     size_t bytes) {
  state::StateResources resources{state::StateLimits{}};
  DistantStore distant(to, arguments.delay);
  runtime::StateServiceOptions options;
  options.directory = arguments.words[1];
  options.topic = "bench";
  options.group = "bench";
  options.checkpoint_interval = absl::Hours(1);
  options.upkeep_threads = arguments.upkeep_threads;
  runtime::StateService service(options, &resources, &distant);
  const std::unique_ptr<runtime::StateKeeper> keeper = service.KeeperFor(0);
  std::vector<std::unique_ptr<state::TaskState>> states;
  for (int32_t partition = 0; partition < kPartingPartitions; ++partition) {
    auto created = keeper->Create(partition, 0);
    if (!created.ok()) return created.status();
    auto& store = static_cast<state::TaskStore&>(**created);
    absl::Status status = Write(store, kStep, keys, bytes, 1, 1, kEventsABatch);
    if (status.ok()) status = AwaitCheckpoint(*keeper, partition);
    if (status.ok()) status = Write(store, kStep, keys, bytes, kChangedOneIn, 2, kEventsABatch);
    if (!status.ok()) return status;
    states.push_back(*std::move(created));
  }
  const uint64_t before = service.Stats().checkpoints;
  const auto begin = std::chrono::steady_clock::now();
  for (int32_t partition = 0; partition < kPartingPartitions; ++partition) {
    keeper->Release(partition, std::move(states[static_cast<size_t>(partition)]),
                    runtime::Parting::kHandOver, absl::InfiniteFuture());
  }
  keeper->WaitForHandOvers(absl::InfiniteFuture());
  const double seconds = SecondsSince(begin);
  if (service.Stats().checkpoints != before + kPartingPartitions) return Wrong("a lost checkpoint");
  std::printf("{\"partitions\":%d,\"threads\":%d,\"seconds\":%.3f}\n", kPartingPartitions,
              arguments.upkeep_threads, seconds);
  return absl::OkStatus();
}

absl::StatusOr<bool> Run(const Arguments& arguments) {
  const std::vector<std::string>& words = arguments.words;
  const size_t count = words.size();
  const std::string what = count > 1 ? words[0] : "";
  if (what == "open" && count == 3 && arguments.Number(2) > 0) {
    const absl::Status status = OpenMany(words[1], arguments.Number(2));
    return status.ok() ? absl::StatusOr<bool>(true) : status;
  }
  const bool has_sizes = count == 5 && arguments.Number(3) >= kChangedOneIn &&
                         arguments.Number(4) >= sizeof(uint64_t) &&
                         arguments.Number(4) <= kValueBytesMax;
  if (what == "stuff" && has_sizes) {
    state::StepId step = 0;
    if (!absl::SimpleHexAtoi(words[2], &step)) return false;
    const absl::Status status = Stuff(words[1], step, arguments.Number(3), arguments.Number(4));
    return status.ok() ? absl::StatusOr<bool>(true) : status;
  }
  if (!(what == "take" && count == 3) && !has_sizes) return false;
  const auto store = state::MakeCheckpointStore(words[2], arguments.s3, RealTime());
  if (!store.ok()) return store.status();
  absl::Status status;
  if (what == "checkpoint") {
    status = Checkpoint(words[1], store->get(), arguments.Number(3), arguments.Number(4));
  } else if (what == "take") {
    status = TakeOneMore(words[1], store->get());
  } else if (what == "restore") {
    status = Restore(words[1], store->get(), arguments.Number(3), arguments.Number(4));
  } else if (what == "part") {
    status = PartAll(arguments, store->get(), arguments.Number(3), arguments.Number(4));
  } else {
    return false;
  }
  return status.ok() ? absl::StatusOr<bool>(true) : status;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    absl::string_view word = argv[i];
    int number = 0;
    if (absl::ConsumePrefix(&word, "--endpoint=")) {
      arguments.s3.endpoint = std::string(word);
    } else if (absl::ConsumePrefix(&word, "--threads=") && absl::SimpleAtoi(word, &number)) {
      arguments.upkeep_threads = number;
    } else if (absl::ConsumePrefix(&word, "--delay_ms=") && absl::SimpleAtoi(word, &number)) {
      arguments.delay = absl::Milliseconds(number);
    } else {
      arguments.words.emplace_back(word);
    }
  }
  const absl::StatusOr<bool> done = Run(arguments);
  if (!done.ok()) {
    std::fprintf(stderr, "bench_recovery_time: %s\n", done.status().ToString().c_str());
    return 1;
  }
  if (!*done) {
    std::fprintf(
        stderr,
        "usage: bench_recovery_time [--endpoint=URL] checkpoint|restore|part DIRECTORY LOCATION "
        "KEYS BYTES\n       or take STORE LOCATION, stuff STORE STEP KEYS BYTES, "
        "open DIRECTORY STORES\n");
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace turnout::bench

int main(int argc, char** argv) { return turnout::bench::Main(argc, argv); }
