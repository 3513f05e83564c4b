#include "deploy/manager/onboarding_plan.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "deploy/manager/json_writer.h"
#include "deploy/manager/onboarding_objects.h"
#include "nlohmann/json.hpp"

namespace turnout::manager {
namespace {

using runtime::Acl;
using runtime::AclOperation;
using runtime::AclPattern;
using runtime::AclResource;

constexpr std::array<std::string_view, 6> kKindNames = {"topic", "acl",    "quota",
                                                        "rules", "object", "file"};
constexpr std::array<std::string_view, 4> kStateNames = {"there", "make", "other", "blocked"};
constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kPercent = 100;

std::string_view ResourceName(AclResource resource) {
  switch (resource) {
    case AclResource::kTopic:
      return "topic";
    case AclResource::kGroup:
      return "group";
    case AclResource::kTransactionalId:
      return "transactional id";
    case AclResource::kCluster:
      return "cluster";
  }
  return "resource";
}

std::string NameOf(const Acl& acl) {
  return absl::StrFormat(
      "%s may %s %s %s%s", acl.principal, acl.operation == AclOperation::kRead ? "read" : "write",
      ResourceName(acl.resource), acl.name, acl.pattern == AclPattern::kPrefixed ? "*" : "");
}

class Planner {
 public:
  Planner(const OnboardingRequest& request, const OnboardingPolicy& policy,
          const OnboardingFacts& facts, const StepsMade& made)
      : request_(request), policy_(policy), facts_(facts), made_(made) {}

  void Topic(const std::string& name);
  void AddAcl(Acl acl, bool stays);
  void Quota();
  void Rules();
  void Object(OnboardingStep step);
  void File(OnboardingStep step);
  std::vector<OnboardingStep> Done() { return std::move(steps_); }

 private:
  const OnboardingStep* Made(const OnboardingStep& step) const {
    const auto found = made_.find(step.id());
    return found == made_.end() ? nullptr : &found->second;
  }
  void Judge(OnboardingStep step, const std::optional<std::string>& there, bool is_same);

  const OnboardingRequest& request_;
  const OnboardingPolicy& policy_;
  const OnboardingFacts& facts_;
  const StepsMade& made_;
  std::vector<OnboardingStep> steps_;
};

void Planner::Topic(const std::string& name) {
  OnboardingStep step{.kind = StepKind::kTopic, .name = name};
  step.topic = {.name = name,
                .partitions = PartitionsFor(request_.rate, policy_),
                .replication_factor = static_cast<int16_t>(
                    policy_.replication_factor == 0 ? -1 : policy_.replication_factor),
                .retention_ms = policy_.retention_hours * kHourMs};
  const auto found = facts_.topics.find(name);
  if (found != facts_.topics.end()) {
    const bool is_enough = found->second >= step.topic.partitions;
    step.state = is_enough ? StepState::kThere : StepState::kOther;
    if (!is_enough) {
      step.note = absl::StrFormat(
          "it has %d partitions, and this rate is for %d: more of them change which keys meet in "
          "one, so that is for a person to do",
          found->second, step.topic.partitions);
    }
    step.topic.partitions = found->second;
  }
  steps_.push_back(std::move(step));
}

void Planner::AddAcl(Acl acl, bool stays) {
  OnboardingStep step{.kind = StepKind::kAcl, .name = NameOf(acl), .stays = stays, .acl = acl};
  const bool is_there = std::find(facts_.acls.begin(), facts_.acls.end(), acl) != facts_.acls.end();
  step.state = is_there ? StepState::kThere : StepState::kMake;
  if (stays) step.note = "the router's own: it stays when the team goes";
  steps_.push_back(std::move(step));
}

void Planner::Quota() {
  const std::string reader = Filled(policy_.reader, request_.service, request_.team);
  OnboardingStep step{.kind = StepKind::kQuota,
                      .name = std::string(absl::StripPrefix(reader, "User:"))};
  const int64_t bytes = request_.mean_bytes > 0 ? request_.mean_bytes : policy_.mean_bytes;
  // The product of the largest of each is below 2^63.
  step.bytes_per_second = std::max<int64_t>(
      1, static_cast<int64_t>(static_cast<double>(request_.rate) * static_cast<double>(bytes) *
                              static_cast<double>(policy_.quota_percent) / kPercent));
  const OnboardingStep* const made = Made(step);
  if (facts_.quota.has_value()) {
    const auto there = static_cast<int64_t>(*facts_.quota);
    if (there == step.bytes_per_second) {
      step.state = StepState::kThere;
    } else if (made == nullptr || made->bytes_per_second != there) {
      step.state = StepState::kOther;
      step.note = absl::StrFormat("it is %d bytes a second, which somebody else has set", there);
    }
  }
  steps_.push_back(std::move(step));
}

// Of what has a text. What the team has changed since it was made is the team's; what was made
// otherwise before is ours to change.
void Planner::Judge(OnboardingStep step, const std::optional<std::string>& there, bool is_same) {
  const OnboardingStep* const made = Made(step);
  if (!there.has_value()) {
    step.state = StepState::kMake;
  } else if (is_same) {
    step.state = StepState::kThere;
  } else if (made != nullptr && made->text == step.text) {
    step.state = StepState::kThere;
    step.note = "it was changed since it was made, and stays so";
  } else if (made == nullptr || (step.kind != StepKind::kObject && made->text != *there)) {
    step.state = StepState::kBlocked;
    step.note = step.kind == StepKind::kRules
                    ? "the team has rules already that were not made by this: change them as rules "
                      "are changed"
                    : "there is one that was not made by this: change that, or take it away";
  }
  steps_.push_back(std::move(step));
}

void Planner::Rules() {
  OnboardingStep step{
      .kind = StepKind::kRules, .name = request_.team, .text = RuleFileOf(request_)};
  const bool is_same = facts_.rules == step.text;
  Judge(std::move(step), facts_.rules, is_same);
}

void Planner::Object(OnboardingStep step) {
  const auto found = facts_.objects.find(step.path);
  if (found == facts_.objects.end()) {
    if (IsPartOfAnother(step.text)) {
      step.state = StepState::kBlocked;
      step.note = "there is no such EventRouter: the platform has to make it first";
    }
    steps_.push_back(std::move(step));
    return;
  }
  step.note = WhyNotTheirs(found->second, step.text);
  if (!step.note.empty()) {
    step.state = StepState::kBlocked;
    steps_.push_back(std::move(step));
    return;
  }
  const bool is_same = HasObject(found->second, step.text);
  // Of one that others share it is a part alone that is ours.
  if (step.stays || IsPartOfAnother(step.text)) {
    step.state = is_same ? StepState::kThere : StepState::kMake;
    steps_.push_back(std::move(step));
    return;
  }
  Judge(std::move(step), found->second, is_same);
}

void Planner::File(OnboardingStep step) {
  const auto found = facts_.files.find(step.name);
  std::optional<std::string> there;
  if (found != facts_.files.end()) there = found->second;
  const bool is_same = there == step.text;
  Judge(std::move(step), there, is_same);
}

}  // namespace

std::string OnboardingStep::id() const { return std::string(KindName(kind)) + " " + name; }

std::string_view KindName(StepKind kind) { return kKindNames[static_cast<size_t>(kind)]; }
std::string_view StateName(StepState state) { return kStateNames[static_cast<size_t>(state)]; }

int32_t PartitionsFor(int64_t rate, const OnboardingPolicy& policy) {
  const int64_t wanted = (rate + policy.per_partition_rate - 1) / policy.per_partition_rate;
  return static_cast<int32_t>(std::clamp(wanted, policy.partitions_min, policy.partitions_max));
}

std::vector<OnboardingStep> PlanOnboarding(const OnboardingRequest& request,
                                           const OnboardingPolicy& policy,
                                           const std::vector<std::string>& topics,
                                           const std::string& router_group,
                                           std::vector<OnboardingStep> objects,
                                           const OnboardingFacts& facts, const StepsMade& made) {
  Planner planner(request, policy, facts, made);
  for (const std::string& topic : topics) planner.Topic(topic);
  const std::string reader = Filled(policy.reader, request.service, request.team);
  if (policy.acls) {
    for (const std::string& topic : topics) {
      planner.AddAcl({.name = topic, .principal = reader}, false);
      if (policy.router.empty()) continue;
      planner.AddAcl({.name = topic, .principal = policy.router, .operation = AclOperation::kWrite},
                     false);
    }
    planner.AddAcl({.resource = AclResource::kGroup,
                    .name = absl::StrCat(request.team, "."),
                    .pattern = AclPattern::kPrefixed,
                    .principal = reader},
                   false);
    if (!policy.router.empty()) {
      planner.AddAcl({.resource = AclResource::kTransactionalId,
                      .name = absl::StrCat(router_group, "-"),
                      .pattern = AclPattern::kPrefixed,
                      .principal = policy.router,
                      .operation = AclOperation::kWrite},
                     true);
    }
  }
  if (policy.quota_percent > 0) planner.Quota();
  if (policy.rules == RulesGo::kManager) planner.Rules();
  for (OnboardingStep& object : objects) {
    if (object.kind == StepKind::kFile) {
      planner.File(std::move(object));
    } else {
      planner.Object(std::move(object));
    }
  }
  return planner.Done();
}

std::string ToJson(const OnboardingStep& step) {
  JsonObject json;
  json.Text("kind", KindName(step.kind)).Text("name", step.name).Flag("stays", step.stays);
  json.Text("state", StateName(step.state)).Text("note", step.note);
  switch (step.kind) {
    case StepKind::kTopic:
      json.Number("partitions", step.topic.partitions)
          .Number("replication_factor", step.topic.replication_factor)
          .Number("retention_ms", step.topic.retention_ms);
      break;
    case StepKind::kAcl:
      json.Number("resource", static_cast<int>(step.acl.resource))
          .Text("resource_name", step.acl.name)
          .Number("pattern", static_cast<int>(step.acl.pattern))
          .Text("principal", step.acl.principal)
          .Number("operation", static_cast<int>(step.acl.operation));
      break;
    case StepKind::kQuota:
      json.Number("bytes_per_second", step.bytes_per_second);
      break;
    case StepKind::kRules:
    case StepKind::kObject:
    case StepKind::kFile:
      json.Text("text", step.text)
          .Text("path", step.path)
          .Text("field_manager", step.field_manager);
      break;
  }
  return json.Done();
}

std::string ShownJson(const OnboardingStep& step) {
  JsonObject json;
  json.Text("kind", KindName(step.kind)).Text("name", step.name);
  json.Text("state", StateName(step.state)).Text("note", step.note).Flag("stays", step.stays);
  if (step.kind == StepKind::kTopic) json.Number("partitions", step.topic.partitions);
  if (step.kind == StepKind::kQuota) json.Number("bytes_per_second", step.bytes_per_second);
  if (!step.text.empty()) json.Text("text", step.text);
  return json.Done();
}

absl::StatusOr<std::vector<OnboardingStep>> ReadSteps(std::string_view json_array) {
  const auto json = nlohmann::json::parse(json_array, nullptr, /*allow_exceptions=*/false);
  const absl::Status unreadable = absl::DataLossError("steps that can't be read");
  if (!json.is_array()) return unreadable;
  std::vector<OnboardingStep> steps;
  for (const nlohmann::json& one : json) {
    if (!one.is_object()) return unreadable;
    const auto text = [&one](const char* name) {
      const auto found = one.find(name);
      return found != one.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    const auto number = [&one](const char* name) {
      const auto found = one.find(name);
      return found != one.end() && found->is_number_integer() ? found->get<int64_t>() : int64_t{0};
    };
    const auto* const kind = std::find(kKindNames.begin(), kKindNames.end(), text("kind"));
    const auto* const state = std::find(kStateNames.begin(), kStateNames.end(), text("state"));
    if (kind == kKindNames.end() || state == kStateNames.end()) return unreadable;
    OnboardingStep& step = steps.emplace_back();
    step.kind = static_cast<StepKind>(kind - kKindNames.begin());
    step.state = static_cast<StepState>(state - kStateNames.begin());
    step.name = text("name");
    step.note = text("note");
    step.stays = one.contains("stays") && one["stays"] == true;
    step.topic = {.name = step.name,
                  .partitions = static_cast<int32_t>(number("partitions")),
                  .replication_factor = static_cast<int16_t>(number("replication_factor")),
                  .retention_ms = number("retention_ms")};
    if (step.kind == StepKind::kAcl) {
      step.acl = {.resource = static_cast<AclResource>(number("resource")),
                  .name = text("resource_name"),
                  .pattern = static_cast<AclPattern>(number("pattern")),
                  .principal = text("principal"),
                  .operation = static_cast<AclOperation>(number("operation"))};
    }
    step.bytes_per_second = number("bytes_per_second");
    step.text = text("text");
    step.path = text("path");
    step.field_manager = text("field_manager");
  }
  return steps;
}

}  // namespace turnout::manager
