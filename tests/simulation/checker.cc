#include "tests/simulation/checker.h"

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "state/commit_note.h"
#include "tests/simulation/state_rules.h"
#include "tests/support/murmur2.h"

namespace turnout::simulation {
namespace {

using connectors::Delivery;
using support::MemoryLog;
using support::MemoryRecord;

constexpr size_t kViolationsMax = 8;

// A record found in a destination, traced back to its event.
struct Found {
  const SimEvent* event = nullptr;
  int version = -1;
  std::string destination;  // for a dead letter, where it should have gone
  std::string rules;
  std::string error;
};

class Checker {
 public:
  Checker(MemoryLog& log, support::MemoryGroup& group, const Expectation& expectation,
          StateRecords* state_records)
      : log_(log), group_(group), expectation_(expectation), state_records_(state_records) {}

  std::vector<std::string> Run() {
    for (const auto& [name, topic] : log_.topics()) {
      if (name != kSourceTopic && name != kRekeyTopic && name != kParkingTopic) ReadTopic(*topic);
    }
    for (const auto& [place, event] : *expectation_.events) CheckEvent(place, event);
    CheckOffsets();
    return std::move(violations_);
  }

 private:
  bool exactly_once() const {
    return expectation_.once && expectation_.delivery == Delivery::kExactlyOnce;
  }

  void Violation(std::string text) {
    if (violations_.size() < kViolationsMax) violations_.push_back(std::move(text));
  }

  void ReadTopic(const support::MemoryTopic& topic);
  std::optional<Found> Trace(const std::string& where, const MemoryRecord& record, bool dead);
  void CheckBytes(const std::string& where, const MemoryRecord& record, const Found& found,
                  bool dead, int32_t partition, int32_t partitions);
  void CheckHeaders(const std::string& where, const MemoryRecord& record,
                    const MemoryRecord& original);
  void CheckEvent(const Place& place, const SimEvent& event);
  std::string Missing(const SimEvent& event, int version, std::vector<const Found*> found) const;
  bool AlwaysExpected(const Found& found) const;
  void CheckOffsets();

  MemoryLog& log_;
  support::MemoryGroup& group_;
  const Expectation& expectation_;
  StateRecords* const state_records_;
  std::map<Place, std::vector<Found>> found_;
  std::vector<std::string> violations_;
};

void Checker::ReadTopic(const support::MemoryTopic& topic) {
  const bool dead = topic.name == kDeadLetterTopic;
  const int32_t partitions = static_cast<int32_t>(topic.partitions.size());
  for (int32_t partition = 0; partition < partitions; ++partition) {
    std::map<std::pair<int32_t, std::string>, int64_t> last;
    std::set<std::tuple<int32_t, int64_t, std::string>> seen;
    for (const MemoryRecord* record : topic.partitions[partition]->ReadAll()) {
      const std::string where = absl::StrFormat("%s/%d/%d", topic.name, partition, record->offset);
      const std::optional<Found> found = Trace(where, *record, dead);
      if (!found) continue;
      const Place place = {found->event->partition, found->event->record.offset};
      const std::string_view team =
          std::string_view(found->rules).substr(0, found->rules.find('/'));
      if (team == kStateTeam || team == kRekeyTeam) {
        (*state_records_)[place].push_back(
            {StateLine(found->destination, record->key, record->value.value_or(""),
                       record->timestamp_ms, found->rules, found->error),
             found->version,
             topic.name,
             {partition, record->offset}});
        const bool is_event = record->value == found->event->record.value;
        if (is_event) CheckHeaders(where, *record, found->event->record);
        continue;
      }
      CheckBytes(where, *record, *found, dead, partition, partitions);
      found_[place].push_back(*found);
      // With repeats only the first time counts, and only of what every rule set sends there.
      const std::string stream = exactly_once() ? "" : found->rules;
      if (!exactly_once()) {
        const bool repeated = !seen.insert({place.first, place.second, stream}).second;
        if (repeated || !record->key || !AlwaysExpected(*found)) continue;
      }
      if (expectation_.has_team_limits && found->error == "record_too_large") continue;
      auto [before, first] = last.try_emplace({place.first, stream}, place.second);
      if (!first && place.second < before->second) {
        Violation(absl::StrFormat("reordered: %s is event %d of source offset %d/%d, after %d",
                                  where, found->event->id, place.first, place.second,
                                  before->second));
      }
      before->second = place.second;
    }
  }
}

// Reads the record's provenance.
std::optional<Found> Checker::Trace(const std::string& where, const MemoryRecord& record,
                                    bool dead) {
  const std::string source = record.Header("turnout-source");
  const std::vector<std::string> parts = absl::StrSplit(source, '/');
  int32_t partition = -1;
  int64_t offset = -1;
  if (parts.size() != 3 || parts[0] != kSourceTopic || !absl::SimpleAtoi(parts[1], &partition) ||
      !absl::SimpleAtoi(parts[2], &offset)) {
    Violation(absl::StrFormat("%s has no readable turnout-source: '%s'", where, source));
    return std::nullopt;
  }
  const auto event = expectation_.events->find({partition, offset});
  if (event == expectation_.events->end()) {
    Violation(absl::StrFormat("%s comes from %s, where no event is", where, source));
    return std::nullopt;
  }
  Found found{.event = &event->second,
              .rules = record.Header("turnout-rules"),
              .error = dead ? record.Header("turnout-error") : ""};
  found.destination =
      dead ? record.Header("turnout-destination") : where.substr(0, where.find('/'));
  const std::string hash = record.Header("turnout-rule-set");
  found.version = VersionOf(hash);
  const std::vector<int>& published = expectation_.published;
  if (std::find(published.begin(), published.end(), found.version) == published.end()) {
    Violation(absl::StrFormat("%s names the rule set '%s', never published", where, hash));
    return std::nullopt;
  }
  if (dead && record.Header("turnout-reason").empty()) {
    Violation(absl::StrFormat("%s gives no reason", where));
  }
  return found;
}

void Checker::CheckBytes(const std::string& where, const MemoryRecord& record, const Found& found,
                         bool dead, int32_t partition, int32_t partitions) {
  const MemoryRecord& original = found.event->record;
  std::optional<std::string> key = original.key;
  if (!dead) {
    for (const Outcome& outcome : Expect(*found.event, found.version, false)) {
      if (outcome.destination == found.destination && outcome.rules == found.rules) {
        key = outcome.key;
      }
    }
  }
  if (record.key != key) Violation(absl::StrFormat("%s has another key than expected", where));
  if (record.value != original.value) Violation(absl::StrFormat("%s has another value", where));
  const bool has_own_time = found.error == "poison" && record.Header("turnout-timestamp") ==
                                                           absl::StrCat(original.timestamp_ms);
  if (record.timestamp_ms != original.timestamp_ms && !has_own_time) {
    Violation(absl::StrFormat("%s has another timestamp", where));
  }
  CheckHeaders(where, record, original);
  if (key && partition != support::PartitionOfKey(*key, partitions)) {
    Violation(absl::StrFormat("%s belongs into another partition by its key", where));
  }
}

void Checker::CheckHeaders(const std::string& where, const MemoryRecord& record,
                           const MemoryRecord& original) {
  const size_t count = original.headers.size();
  if (record.headers.size() < count ||
      !std::equal(original.headers.begin(), original.headers.end(), record.headers.begin())) {
    Violation(absl::StrFormat("%s lacks the event's headers", where));
  }
}

// Takes away what was expected; says what is left over or lacking, or nothing.
std::string Checker::Missing(const SimEvent& event, int version,
                             std::vector<const Found*> found) const {
  const bool settled = event.id >= expectation_.first_settled_id;
  for (const Outcome& outcome : Expect(event, version, settled)) {
    const auto fits = [&](const Found* record) {
      if (record->version != version || record->rules != outcome.rules) return false;
      if (record->destination != outcome.destination) return false;
      // With transactions an unwell destination's records wait for it.
      const bool waits = expectation_.delivery == Delivery::kExactlyOnce &&
                         outcome.error_instead == "destination_unavailable";
      return record->error == outcome.error ||
             (!outcome.error_instead.empty() && !waits && record->error == outcome.error_instead);
    };
    auto match = std::find_if(found.begin(), found.end(), fits);
    if (match == found.end()) {
      return absl::StrFormat("lost: event %d has no record in '%s' of [%s] %s", event.id,
                             outcome.destination, outcome.rules, outcome.error);
    }
    do {
      found.erase(match);
      match = std::find_if(found.begin(), found.end(), fits);
    } while (!exactly_once() && match != found.end());
  }
  if (exactly_once() && !found.empty()) {
    return absl::StrFormat("duplicated or unexpected: event %d in '%s' of [%s] %s", event.id,
                           found[0]->destination, found[0]->rules, found[0]->error);
  }
  return "";
}

void Checker::CheckEvent(const Place& place, const SimEvent& event) {
  std::vector<const Found*> found;
  for (const Found& record : found_[place]) found.push_back(&record);
  std::string why =
      absl::StrFormat("lost: event %d (%d/%d) left no record", event.id, place.first, place.second);
  if (found.empty()) return Violation(why);
  std::set<int> versions;
  for (const Found* record : found) versions.insert(record->version);
  const auto noted = expectation_.versions.find(place);
  if (noted == expectation_.versions.end() || !versions.contains(noted->second)) {
    Violation(absl::StrFormat("event %d (%d/%d) was committed by another rule set than noted",
                              event.id, place.first, place.second));
  }
  if (exactly_once() && versions.size() > 1) {
    return Violation(absl::StrFormat("duplicated: event %d went by several rule sets", event.id));
  }
  bool complete = false;
  for (const int version : versions) {
    why = Missing(event, version, found);
    if (why.empty()) {
      complete = true;
      break;
    }
  }
  if (!complete) Violation(why);
  if (exactly_once()) return;
  for (const Found* record : found) {
    bool expected = false;
    for (const Outcome& outcome : Expect(event, record->version, false)) {
      expected |= outcome.destination == record->destination && outcome.rules == record->rules;
    }
    if (!expected) {
      Violation(absl::StrFormat("unexpected: event %d in '%s' of [%s]", event.id,
                                record->destination, record->rules));
    }
  }
}

bool Checker::AlwaysExpected(const Found& found) const {
  for (const int version : expectation_.published) {
    bool here = false;
    for (const Outcome& outcome : Expect(*found.event, version, false)) {
      here |= outcome.destination == found.destination && outcome.rules == found.rules &&
              outcome.error == found.error && outcome.error_instead.empty();
    }
    if (!here) return false;
  }
  return true;
}

void Checker::CheckOffsets() {
  const support::MemoryTopic& source = *log_.FindTopic(kSourceTopic);
  for (int32_t partition = 0; partition < static_cast<int32_t>(source.partitions.size());
       ++partition) {
    const support::MemoryPartition& log = *source.partitions[partition];
    if (log.Read(0) == nullptr) continue;
    const absl::StatusOr<connectors::SourceOffset> committed = group_.Fetch(partition);
    if (!committed.ok() || committed->offset < 0 || log.Read(committed->offset) != nullptr ||
        committed->offset > log.end_offset()) {
      Violation(absl::StrFormat("the committed offset of partition %d is %d, the end is %d",
                                partition, group_.CommittedOffset(partition), log.end_offset()));
      continue;
    }
    const absl::StatusOr<state::CommitNote> note = state::DecodeCommitNote(committed->note);
    if (!note.ok()) {
      Violation(absl::StrCat("the note can't be read: ", note.status().ToString()));
      continue;
    }
    if (!exactly_once()) continue;
    for (const auto& [place, records] : found_) {
      if (place.first != partition || records.empty()) continue;
      // What was rebuilt by other rules is noted by those.
      const auto rebuilt = expectation_.rebuilt.find(partition);
      if (rebuilt != expectation_.rebuilt.end() && place.second >= rebuilt->second.from &&
          place.second < rebuilt->second.to) {
        continue;
      }
      std::string in_force;
      for (const state::RuleSetSince& since : note->rule_sets) {
        if (since.offset <= place.second) in_force = since.hash;
      }
      if (in_force.empty()) continue;  // before the last checkpoint
      if (in_force != RuleSetOf(records[0].version)->hash()) {
        Violation(absl::StrFormat("the note of partition %d is wrong about offset %d: %s",
                                  partition, place.second, committed->note));
        break;
      }
    }
  }
}

}  // namespace

std::vector<std::string> Check(MemoryLog& log, support::MemoryGroup& group,
                               const Expectation& expectation, StateRecords* state_records) {
  return Checker(log, group, expectation, state_records).Run();
}

}  // namespace turnout::simulation
