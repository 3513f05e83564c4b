#include "deploy/manager/onboarding_records.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/json_reader.h"
#include "deploy/manager/json_writer.h"
#include "state/sha256.h"

namespace turnout::manager {
namespace {

// A service's name may have capitals, which objects' names may not.
std::string PrefixOf(const std::string& service) {
  return absl::StrCat("onboarding/", state::Hex(service), "/");
}

std::string ObjectOf(const std::string& service, const std::string& team, int64_t number) {
  return absl::StrFormat("%s%s/%06d.json", PrefixOf(service), team, number);
}

std::string ToText(const OnboardingRecord& record) {
  return JsonObject()
      .Number("number", record.number)
      .Text("by", record.by)
      .Text("why", record.why)
      .Number("at_ms", record.at_ms)
      .Flag("undone", record.is_undone)
      .Text("steps", JsonArray(record.steps, [](const auto& step) { return ToJson(step); }))
      .Done();
}

absl::StatusOr<OnboardingRecord> Read(const std::string& text, const std::string& object) {
  JsonReader reader(text, object);
  OnboardingRecord record{.number = reader.Number("number", 0, 1, INT64_MAX),
                          .by = reader.Text("by"),
                          .why = reader.Text("why"),
                          .at_ms = reader.Number("at_ms", 0, 0, INT64_MAX),
                          .is_undone = reader.Flag("undone", false)};
  absl::StatusOr<std::vector<OnboardingStep>> steps = ReadSteps(reader.Text("steps"));
  if (!reader.status().ok() || !steps.ok()) {
    return absl::DataLossError(absl::StrCat(
        object,
        " is no record of an onboarding that can be read: move it away, and ask for the "
        "same again"));
  }
  record.steps = *std::move(steps);
  return record;
}

}  // namespace

StepsMade Onboarded::made() const {
  StepsMade made;
  for (const OnboardingRecord& record : records) {
    for (const OnboardingStep& step : record.steps) made[step.id()] = step;
  }
  return made;
}

absl::StatusOr<Onboarded> OnboardingRecords::Of(const std::string& service,
                                                const std::string& team) const {
  const auto objects = objects_->List(absl::StrCat(PrefixOf(service), team, "/"));
  if (!objects.ok()) return objects.status();
  Onboarded found;
  for (const state::StoredObject& object : *objects) {
    const absl::StatusOr<std::string> text = objects_->Read(object.name, kOnboardingRecordBytesMax);
    if (!text.ok()) return text.status();
    absl::StatusOr<OnboardingRecord> record = Read(*text, object.name);
    if (!record.ok()) return record.status();
    found.last = std::max(found.last, record->number);
    if (record->is_undone) {
      found.records.clear();
    } else {
      found.records.push_back(*std::move(record));
    }
  }
  return found;
}

absl::StatusOr<int64_t> OnboardingRecords::Add(const std::string& service, const std::string& team,
                                               int64_t after, OnboardingRecord record) {
  if (after >= kOnboardingRecordsMax) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("team %s was onboarded %d times: move its records away from the manager's "
                        "`onboarding/`",
                        team, after));
  }
  record.number = after + 1;
  const absl::StatusOr<bool> written =
      objects_->PutIfAbsent(ObjectOf(service, team, record.number), ToText(record));
  if (!written.ok()) return written.status();
  if (!*written) {
    return absl::AbortedError(
        absl::StrFormat("team %s is being onboarded by another call: ask again", team));
  }
  return record.number;
}

absl::StatusOr<std::vector<std::string>> OnboardingRecords::Teams(
    const std::string& service) const {
  const std::string prefix = PrefixOf(service);
  const auto objects = objects_->List(prefix);
  if (!objects.ok()) return objects.status();
  std::set<std::string> teams;
  for (const state::StoredObject& object : *objects) {
    const std::string rest = object.name.substr(prefix.size());
    teams.insert(rest.substr(0, rest.find('/')));
    if (teams.size() == kOnboardedTeamsMax) break;
  }
  return std::vector<std::string>(teams.begin(), teams.end());
}

}  // namespace turnout::manager
