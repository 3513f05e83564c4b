// One operation of a checkpoint store from the command line, for the tests against real servers:
//   s3_tool [--endpoint=URL --region=R --ca=FILE --sts=URL --part=BYTES --deadline=SECONDS]
//   LOCATION
//           put NAME FILE | get NAME FILE | read NAME | put-if-absent NAME TEXT | list PREFIX |
//           remove NAME | race PREFIX ROUNDS | checkpoints TASK DIRECTORY
// Prints what the operation answers. Fails with the status' code, its text on standard error.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "state/checkpoint.h"
#include "state/checkpoint_location.h"
#include "state/files.h"
#include "state/state_resources.h"
#include "state/task_store.h"
#include "tests/state/state_batches.h"
#include "tests/support/memory_state.h"

namespace turnout::state {
namespace {

constexpr uint64_t kSeed = 7;
constexpr size_t kReadBytesMax = 1 << 20;

struct Arguments {
  S3Options options;
  std::vector<std::string> words;
};

Arguments Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    absl::string_view word = argv[i];
    int64_t number = 0;
    if (absl::ConsumePrefix(&word, "--endpoint=")) {
      arguments.options.endpoint = std::string(word);
    } else if (absl::ConsumePrefix(&word, "--region=")) {
      arguments.options.region = std::string(word);
    } else if (absl::ConsumePrefix(&word, "--ca=")) {
      arguments.options.ca_bundle = std::string(word);
    } else if (absl::ConsumePrefix(&word, "--sts=")) {
      arguments.options.sts_endpoint = std::string(word);
    } else if (absl::ConsumePrefix(&word, "--part=") && absl::SimpleAtoi(word, &number)) {
      arguments.options.part_bytes = static_cast<uint64_t>(number);
    } else if (absl::ConsumePrefix(&word, "--deadline=") && absl::SimpleAtoi(word, &number)) {
      arguments.options.retry.deadline = absl::Seconds(number);
    } else {
      arguments.words.emplace_back(word);
    }
  }
  return arguments;
}

TimeAndChance RealTime() {
  return {.now = [] { return absl::Now(); },
          .sleep = [](absl::Duration wait) { absl::SleepFor(wait); },
          .random =
              [] {
                static thread_local std::mt19937_64 random(std::random_device{}());
                return random();
              }};
}

// Two writers, each with a store of its own, at one name after the other at the same time: prints
// how often neither, one, and both were told that they were first.
absl::Status Race(CheckpointStore* one, CheckpointStore* other, const std::string& prefix,
                  int rounds) {
  CheckpointStore* const stores[] = {one, other};
  int counts[3] = {};
  for (int round = 0; round < rounds; ++round) {
    const std::string name = absl::StrCat(prefix, round);
    absl::StatusOr<bool> answers[2];
    std::atomic<int> ready = 0;
    std::vector<std::thread> writers;
    for (int i = 0; i < 2; ++i) {
      writers.emplace_back([&, i] {
        ready.fetch_add(1);
        while (ready.load() < 2) std::this_thread::yield();
        answers[i] = stores[i]->PutIfAbsent(name, absl::StrCat("writer ", i));
      });
    }
    for (std::thread& writer : writers) writer.join();
    for (const auto& answer : answers) {
      if (!answer.ok()) return answer.status();
    }
    ++counts[*answers[0] + *answers[1]];
    const auto kept = stores[0]->Read(name, kReadBytesMax);
    if (!kept.ok()) return kept.status();
    const std::string expected = absl::StrCat("writer ", *answers[0] ? 0 : 1);
    if (*answers[0] + *answers[1] == 1 && *kept != expected) {
      return absl::InternalError(absl::StrCat(name, " holds `", *kept, "`, not `", expected, "`"));
    }
  }
  std::printf("%d %d %d\n", counts[0], counts[1], counts[2]);
  return absl::OkStatus();
}

absl::Status Expect(bool holds, absl::string_view what) {
  return holds ? absl::OkStatus() : absl::InternalError(absl::StrCat("not so: ", what));
}

// A task's whole course: three checkpoints taken, each restored to what a model says, all but the
// last pruned.
absl::Status Checkpoints(CheckpointStore* store, const std::string& task,
                         const std::string& directory) {
  StateResources resources({.memory_bytes_max = 8 << 20,
                            .memtable_bytes_max = 2 << 20,
                            .task_memtable_bytes_max = 64 << 10});
  auto state = TaskStore::Create(directory + "/store", &resources, 0);
  if (!state.ok()) return state.status();
  support::MemoryState model(0);
  TaskCheckpoints checkpoints(store, task, directory + "/scratch", /*transfers_max=*/4);
  std::vector<std::string> dumps;
  for (int64_t offset = 0; offset < 900; ++offset) {
    for (TaskState* const each :
         {static_cast<TaskState*>(state->get()), static_cast<TaskState*>(&model)}) {
      if (absl::Status status = ApplyBatch(*each, kSeed, offset); !status.ok()) return status;
      if (absl::Status status = each->Commit(offset + 1, "rules"); !status.ok()) return status;
    }
    if (offset % 300 != 299) continue;
    const auto taken = checkpoints.Take(state->get(), absl::ToUnixMillis(absl::Now()));
    if (!taken.ok()) return taken.status();
    dumps.push_back(support::Dump(model, kSteps));
    std::printf("took %d: %d of %d files sent\n", static_cast<int>(taken->sequence),
                static_cast<int>(checkpoints.last_cost().files_sent),
                static_cast<int>(checkpoints.last_cost().files));
  }
  const auto listed = checkpoints.List();
  if (!listed.ok()) return listed.status();
  if (absl::Status status = Expect(listed->size() == 3, "three are listed"); !status.ok())
    return status;
  for (size_t i = 0; i < dumps.size(); ++i) {
    const auto restored = checkpoints.Restore(static_cast<int64_t>(i) + 1, directory + "/restored");
    if (!restored.ok()) return restored.status();
    auto opened = TaskStore::Open(directory + "/restored", &resources);
    if (!opened.ok()) return opened.status();
    absl::Status status = Expect(support::Dump(**opened, kSteps) == dumps[i], "it is as it was");
    if (!status.ok()) return status;
  }
  const PrunePolicy last{.count_min = 1, .count_max = 1, .unreferenced_age_ms_max = -3'600'000};
  const auto pruned = checkpoints.Prune(last, absl::ToUnixMillis(absl::Now()));
  if (!pruned.ok()) return pruned.status();
  std::printf("pruned %d checkpoints, %d objects\n", static_cast<int>(pruned->checkpoints_removed),
              static_cast<int>(pruned->objects_removed));
  absl::Status status = Expect(pruned->checkpoints_removed == 2, "two are pruned");
  if (status.ok()) status = checkpoints.Restore(3, directory + "/restored").status();
  if (!status.ok()) return status;
  return Expect(absl::IsDataLoss(checkpoints.Restore(1, directory + "/restored").status()),
                "the first one is gone");
}

absl::Status Run(const Arguments& arguments) {
  const std::vector<std::string>& words = arguments.words;
  if (words.size() < 3) return absl::InvalidArgumentError("see the head of s3_tool.cc");
  auto store = MakeCheckpointStore(words[0], arguments.options, RealTime());
  if (!store.ok()) return store.status();
  const std::string &what = words[1], &name = words[2], last = words.size() > 3 ? words[3] : "";
  if (what == "put") return (*store)->Put(name, last);
  if (what == "get") return (*store)->Get(name, last).status();
  if (what == "remove") return (*store)->Remove(name);
  if (what == "checkpoints") return Checkpoints(store->get(), name, last);
  if (what == "read") {
    const auto bytes = (*store)->Read(name, kReadBytesMax);
    if (bytes.ok()) std::fwrite(bytes->data(), 1, bytes->size(), stdout);
    return bytes.status();
  }
  if (what == "put-if-absent") {
    const auto is_new = (*store)->PutIfAbsent(name, last);
    if (is_new.ok()) std::puts(*is_new ? "true" : "false");
    return is_new.status();
  }
  if (what == "list") {
    const auto objects = (*store)->List(name == "-" ? "" : name);
    if (!objects.ok()) return objects.status();
    for (const StoredObject& object : *objects) {
      std::printf("%llu %lld %s\n", static_cast<unsigned long long>(object.bytes),
                  static_cast<long long>(object.modified_ms), object.name.c_str());
    }
    return absl::OkStatus();
  }
  int rounds = 0;
  if (what == "race" && absl::SimpleAtoi(last, &rounds)) {
    auto other = MakeCheckpointStore(words[0], arguments.options, RealTime());
    return Race(store->get(), other->get(), name, rounds);
  }
  return absl::InvalidArgumentError(absl::StrCat("no operation `", what, "`"));
}

}  // namespace
}  // namespace turnout::state

int main(int argc, char** argv) {
  const absl::Status status = turnout::state::Run(turnout::state::Parse(argc, argv));
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return static_cast<int>(status.code());
}
