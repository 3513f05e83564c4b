#include "deploy/manager/job_words.h"

#include <string_view>

#include "absl/strings/str_cat.h"

namespace turnout::manager {
namespace {

using Words = std::vector<std::string>;

void Add(std::string_view name, const std::string& value, Words* words) {
  if (!value.empty()) words->push_back(absl::StrCat(std::string(name), "=", value));
}

Words ReplayWords(const JobPlace& place, const Job& job) {
  const JobWish& wish = job.wish;
  Words words = {place.program, "replay", "--progress=json"};
  Add("--config", place.pipeline, &words);
  Add("--set", absl::StrCat("state_dir=", place.state_dir), &words);
  Add("--rule", wish.rule, &words);
  Add("--from", wish.from, &words);
  Add("--to", wish.to, &words);
  Add("--to-topic", wish.to_topic, &words);
  Add("--job", job.name, &words);
  if (wish.rate > 0) Add("--rate", absl::StrCat(wish.rate), &words);
  return words;
}

Words DlqWords(const JobPlace& place, const char* verb, const JobWish& filter) {
  Words words = {place.program, "dlq", verb};
  Add("--config", place.pipeline, &words);
  Add("--rule", filter.rule, &words);
  Add("--kind", filter.letter_kind, &words);
  Add("--reason", filter.reason, &words);
  Add("--since", filter.since, &words);
  Add("--until", filter.until, &words);
  if (filter.parking) words.push_back("--parking");
  return words;
}

Words RedriveWords(const JobPlace& place, const JobWish& wish) {
  Words words = DlqWords(place, "redrive", wish);
  words.push_back("--progress=json");
  if (wish.rate > 0) Add("--rate", absl::StrCat(wish.rate), &words);
  return words;
}

}  // namespace

Words CountingWords(const JobPlace& place, const Job& job) {
  const bool is_replay = job.wish.kind == JobKind::kReplay;
  Words words = is_replay ? ReplayWords(place, job) : RedriveWords(place, job.wish);
  words.push_back("--dry-run");
  return words;
}

Words RunningWords(const JobPlace& place, const Job& job) {
  if (job.wish.kind == JobKind::kReplay) return ReplayWords(place, job);
  Words words = RedriveWords(place, job.wish);
  Add("--before", job.range, &words);
  return words;
}

Words DeadLetterWords(const JobPlace& place, const JobWish& filter, bool is_list, int64_t limit) {
  Words words = DlqWords(place, is_list ? "show" : "ls", filter);
  words.push_back("--json");
  if (is_list) Add("--limit", absl::StrCat(limit), &words);
  return words;
}

}  // namespace turnout::manager
