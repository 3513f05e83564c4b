// bench_rebuild: one team's rules change among many: what does it take until they are in force?
//
//   bench_rebuild DIRECTORY FILE CHANGED ROUNDS
//
// DIRECTORY holds rule files, FILE is one of them, CHANGED has other rules for the same teams. By
// turns FILE gets the one text and the other. Each time: the shelf looks (a stat a file, the
// changed one read and compiled), the rule set is built, and on a thread of its own, as a worker
// does it, the router and dispatcher for it are made and a first event is routed. Prints medians as
// one line of JSON. Checks first that a rule set built after a change is the one that is built from
// the files as they then are.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "router/router.h"
#include "router/rule_set.h"
#include "runtime/dispatcher.h"
#include "runtime/match_bench.h"
#include "runtime/rule_directory.h"
#include "runtime/rule_loader.h"
#include "runtime/rule_shelf.h"

namespace {

using namespace turnout;
using Rules = std::shared_ptr<const router::RuleSet>;

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "error: %s\n", what.c_str());
  std::exit(1);
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file.good()) Die("cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// As a file is to be replaced: written beside, then renamed.
void Replace(const std::string& path, const std::string& text) {
  std::ofstream(path + ".new", std::ios::binary) << text;
  std::filesystem::rename(path + ".new", path);
}

double MsSince(absl::Time begun) { return absl::ToDoubleMilliseconds(absl::Now() - begun); }

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: bench_rebuild DIRECTORY FILE CHANGED ROUNDS\n");
    return 2;
  }
  const std::string directory = argv[1];
  const std::string file = argv[2];
  const std::string texts[] = {ReadAll(file), ReadAll(argv[3])};
  const int rounds = std::max(1, std::atoi(argv[4]));

  const std::optional<size_t> before = runtime::HeapBytesInUse();
  absl::Time begun = absl::Now();
  runtime::RuleDirectory origin(directory, {});
  runtime::RuleShelf shelf({});
  const auto look = [&](absl::Time now) {
    std::optional<runtime::RuleFiles> files = origin.Take(now);
    return files.has_value() && shelf.Take(*std::move(files));
  };
  look(absl::Now());
  const double read_all_ms = MsSince(begun);
  if (!shelf.refused().empty()) Die(runtime::FormatRefused(shelf.refused()));
  const std::optional<size_t> after = runtime::HeapBytesInUse();
  Rules rules = router::RuleSet::Build(shelf.teams());
  const size_t count = rules->rules().size();

  std::vector<double> look_ms;
  std::vector<double> reread_ms;
  std::vector<double> build_ms;
  std::vector<double> swap_ms;
  runtime::Dispatcher dispatcher({}, nullptr, nullptr);
  std::unique_ptr<router::Router> router;
  for (int round = 0; round < rounds; ++round) {
    begun = absl::Now();
    if (look(absl::Now() + absl::Hours(1))) Die("a change is seen where there is none");
    look_ms.push_back(MsSince(begun));

    Replace(file, texts[(round + 1) % 2]);
    begun = absl::Now();
    if (!look(absl::Now() + absl::Hours(1))) Die("the change of " + file + " is not seen");
    reread_ms.push_back(MsSince(begun));

    begun = absl::Now();
    Rules built = router::RuleSet::Build(shelf.teams());
    build_ms.push_back(MsSince(begun));
    if (built->hash() == rules->hash()) Die("the change makes no other rule set");
    if (round == 0) {
      const runtime::LoadedRules fresh = runtime::LoadRules({directory}, {});
      if (router::RuleSet::Build(fresh.teams)->hash() != built->hash()) {
        Die("the rule set is not that of the files");
      }
    }
    std::thread([&] {
      const absl::Time swapped = absl::Now();
      router = std::make_unique<router::Router>(built);
      dispatcher.UseRules(built);
      router->Route({.value = "{}"});
      swap_ms.push_back(MsSince(swapped));
    }).join();
    rules = std::move(built);
  }
  Replace(file, texts[0]);

  std::printf(
      "{\"rules\": %zu, \"teams\": %zu, \"rounds\": %d, \"read_all_ms\": %.1f, "
      "\"unchanged_look_ms\": %.3f, \"reread_ms\": %.2f, \"build_ms\": %.1f, "
      "\"swap_ms\": %.3f, \"kept_bytes_per_rule\": %.0f}\n",
      count, shelf.teams().size(), rounds, read_all_ms, Median(look_ms), Median(reread_ms),
      Median(build_ms), Median(swap_ms),
      after && before ? static_cast<double>(*after - *before) / static_cast<double>(count) : 0.0);
  return 0;
}
