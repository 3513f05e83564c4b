#include "deploy/manager/onboarding_work.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "deploy/manager/onboarding_objects.h"

namespace turnout::manager {
namespace {

constexpr absl::Duration kPolicyLag = absl::Seconds(3);
constexpr absl::Duration kPolicyPause = absl::Milliseconds(100);

// ACLs can't be looked at where brokers have no authorizer, and mean nothing there.
absl::Status OfAcls(const absl::Status& status) {
  if (!absl::IsFailedPrecondition(status)) return status;
  return absl::InvalidArgumentError(
      absl::StrCat(status.message(), "; these brokers have no ACLs: set `onboarding.acls: false`"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<OnboardingWork>> OnboardingWork::Open(const OnboardingPolicy& policy,
                                                                     const std::string& pipeline) {
  std::unique_ptr<OnboardingWork> work(new OnboardingWork(policy));
  auto routers = runtime::TopicProvisioning::Open(pipeline);
  if (!routers.ok()) return routers.status();
  work->group_ = (*routers)->group();
  work->own_names_ = (*routers)->OwnNames();
  if (policy.kafka.empty()) {
    work->kafka_ = *std::move(routers);
  } else {
    auto kafka = runtime::TopicProvisioning::Open(policy.kafka);
    if (!kafka.ok()) return kafka.status();
    work->kafka_ = *std::move(kafka);
  }
  if (policy.applies()) {
    absl::StatusOr<kube::KubeOptions> options =
        kube::CompleteKubeOptions({.server = policy.kubernetes.server,
                                   .token_file = policy.kubernetes.token_file,
                                   .ca_file = policy.kubernetes.ca_file},
                                  kube::PodPlaceOfEnvironment());
    if (!options.ok()) return options.status();
    work->kubernetes_ = std::make_unique<kube::KubeClient>(*std::move(options));
  }
  return work;
}

absl::Status OnboardingWork::CheckTeam(const std::string& team) const {
  for (const std::string& name : own_names_) {
    if (absl::StartsWith(name, absl::StrCat(team, "."))) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a team ", team, " would have the pipeline's own ", name, ": give it another name"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<OnboardingFacts> OnboardingWork::Look(const std::string& service,
                                                     const std::string& team,
                                                     const std::vector<std::string>& topics,
                                                     const std::vector<OnboardingStep>& objects) {
  OnboardingFacts facts;
  auto existing = kafka_->Partitions(topics);
  if (!existing.ok()) return existing.status();
  facts.topics = *std::move(existing);
  const std::string reader = Filled(policy_.reader, service, team);
  if (policy_.acls) {
    for (const std::string& principal : {reader, policy_.router}) {
      if (principal.empty()) continue;
      const auto acls = kafka_->AclsOf(principal);
      if (!acls.ok()) return OfAcls(acls.status());
      facts.acls.insert(facts.acls.end(), acls->begin(), acls->end());
    }
  }
  if (policy_.quota_percent > 0) {
    const auto quota = kafka_->ReadQuotaOf(std::string(absl::StripPrefix(reader, "User:")));
    if (!quota.ok()) return quota.status();
    facts.quota = *quota;
  }
  for (const OnboardingStep& object : objects) {
    if (object.kind != StepKind::kObject) continue;
    absl::StatusOr<kube::KubeObject> found = kubernetes_->Get(object.path);
    if (absl::IsNotFound(found.status())) continue;
    if (!found.ok()) return found.status();
    facts.objects[object.path] = std::move(found->json);
  }
  return facts;
}

// A policy judges a route by its router's teams, and may not have heard yet of the one that was
// added a moment ago.
absl::Status OnboardingWork::Apply(const OnboardingStep& step) {
  const absl::Time until = absl::Now() + kPolicyLag;
  while (true) {
    const absl::Status applied =
        kubernetes_
            ->Apply(step.path, step.text, {.field_manager = step.field_manager, .force = false})
            .status();
    if (!absl::IsPermissionDenied(applied) || absl::Now() > until) return applied;
    absl::SleepFor(kPolicyPause);
  }
}

absl::Status OnboardingWork::Make(const OnboardingStep& step) {
  switch (step.kind) {
    case StepKind::kTopic:
      return kafka_->CreateTopics({step.topic});
    case StepKind::kAcl:
      return kafka_->CreateAcls({step.acl});
    case StepKind::kQuota:
      return kafka_->SetReadQuota(step.name, static_cast<double>(step.bytes_per_second));
    case StepKind::kObject:
      return Apply(step);
    case StepKind::kRules:
    case StepKind::kFile:
      break;
  }
  return absl::InternalError("rules are published and files committed, not made here");
}

absl::Status OnboardingWork::Undo(const OnboardingStep& step) {
  switch (step.kind) {
    case StepKind::kTopic:
      return kafka_->DeleteTopics({step.name});
    case StepKind::kAcl:
      return kafka_->DeleteAcls({step.acl});
    case StepKind::kQuota:
      return kafka_->SetReadQuota(step.name, std::nullopt);
    case StepKind::kObject: {
      if (kubernetes_ == nullptr) {
        return absl::InvalidArgumentError(absl::StrCat(
            step.name,
            " was applied to Kubernetes: set `onboarding.kubernetes`, and take `onboarding.git` "
            "away, to have it undone"));
      }
      if (IsPartOfAnother(step.text)) {
        const absl::StatusOr<kube::KubeObject> there = kubernetes_->Get(step.path);
        if (absl::IsNotFound(there.status())) return absl::OkStatus();
        return kubernetes_
            ->Apply(step.path, WithoutPart(step.text), {.field_manager = step.field_manager})
            .status();
      }
      const absl::Status gone = kubernetes_->Delete(step.path);
      return absl::IsNotFound(gone) ? absl::OkStatus() : gone;
    }
    case StepKind::kRules:
    case StepKind::kFile:
      break;
  }
  return absl::InternalError("rules are published and files committed, not undone here");
}

}  // namespace turnout::manager
