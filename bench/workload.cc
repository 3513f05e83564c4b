#include "bench/workload.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "runtime/line_reader.h"
#include "runtime/rule_loader.h"

namespace turnout::bench {
namespace {

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "error: %s\n", what.c_str());
  std::exit(2);
}

std::vector<std::string> Lines(const std::string& path, size_t lines_max) {
  using runtime::LineReader;
  auto reader = LineReader::Open(path, LineReader::Format::kPlain, stdin);
  if (!reader.ok()) Die(path + ": " + std::string(reader.status().message()));
  std::vector<std::string> lines;
  for (std::string_view line; lines.size() < lines_max && (*reader)->Next(&line);) {
    lines.emplace_back(line);
  }
  return lines;
}

// The answer as `turnout match` prints it.
std::string Answer(const router::RuleSet& rules, const router::Matcher::Scratch& scratch) {
  std::string answer = "[";
  for (const router::PatternId id : scratch.matches()) {
    absl::StrAppendFormat(&answer, "%s\"%s\"", answer.size() > 1 ? ", " : "", rules.rules()[id].id);
  }
  return answer + "]";
}

}  // namespace

Workload::Workload(const std::string& directory, size_t events_max)
    : name_(std::filesystem::path(directory).filename()) {
  runtime::LoadedRules loaded = runtime::LoadRules({directory + "/rules.jsonl"}, {});
  if (!loaded.refused.empty()) Die(runtime::FormatRefused(loaded));
  rules_ = router::RuleSet::Build(std::move(loaded.teams));

  for (std::string& line : Lines(directory + "/events.ndjson", events_max)) {
    events_.push_back({.value = texts_.emplace_back(std::move(line))});
  }
  answers_ = Lines(directory + "/answers.ndjson", events_.size());

  const std::string headers = directory + "/headers.ndjson";
  if (!std::filesystem::exists(headers)) return;
  const std::vector<std::string> lines = Lines(headers, events_.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    std::vector<router::Header>& ours = headers_.emplace_back();
    for (const nlohmann::json& pair : nlohmann::json::parse(lines[i])) {
      const std::string& name = texts_.emplace_back(pair.at(0).get<std::string>());
      ours.emplace_back(name, texts_.emplace_back(pair.at(1).get<std::string>()));
    }
    events_[i].headers = ours;
  }
}

std::string Workload::Difference() const {
  if (answers_.empty()) return name_ + ": no event of it is answered";
  const std::unique_ptr<router::Matcher::Scratch> scratch = rules_->matcher().NewScratch();
  for (size_t i = 0; i < answers_.size(); ++i) {
    const absl::Status status = rules_->matcher().Match(events_[i], scratch.get());
    const std::string answer =
        status.ok() ? Answer(*rules_, *scratch) : std::string(status.message());
    if (answer != answers_[i]) {
      return absl::StrFormat("%s: event %d: the matcher says\n%s\nand the answer is\n%s", name_,
                             i + 1, answer, answers_[i]);
    }
  }
  return "";
}

[[gnu::noinline]] size_t MatchAll(const router::Matcher& matcher,
                                  const std::vector<router::Event>& events,
                                  router::Matcher::Scratch* scratch) {
  size_t matches = 0;
  for (const router::Event& event : events) {
    if (matcher.Match(event, scratch).ok()) matches += scratch->matches().size();
  }
  return matches;
}

}  // namespace turnout::bench
