#include "runtime/rule_trial.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "router/content_hash.h"
#include "state/task_store.h"

namespace turnout::runtime {
namespace {

// Stands for the re-key topic's.
constexpr int32_t kRekeyedPartition = -1;
// Pending changes are made part of the states once in so many events, or when they are so much.
constexpr int64_t kCommitEvery = 1'000;
constexpr size_t kPendingBytesMax = size_t{16} << 20;

uint64_t ContentOf(const router::Output& output) {
  router::ContentHash hash;
  hash.AddNumber(output.key.data() == nullptr);
  hash.Add(output.key);
  hash.Add(output.value);
  return hash.Value();
}

}  // namespace

RuleTrial::RuleTrial(std::shared_ptr<const router::RuleSet> rules, std::string directory,
                     state::StateResources* resources, SchemaRegistry* schemas)
    : rules_(std::move(rules)),
      directory_(std::move(directory)),
      resources_(resources),
      router_(rules_),
      format_(schemas) {}

RuleTrial::~RuleTrial() = default;

absl::Status RuleTrial::Find(int32_t partition, router::TaskSteps** steps) {
  *steps = nullptr;
  if (!rules_->keeps_state()) return absl::OkStatus();
  Task& task = tasks_[partition];
  if (task.state == nullptr) {
    auto made = state::TaskStore::Create(absl::StrCat(directory_, "/", partition), resources_,
                                         /*start_offset=*/0);
    if (!made.ok()) return made.status();
    task.state = *std::move(made);
    task.steps = std::make_unique<router::TaskSteps>(task.state.get());
  }
  *steps = task.steps.get();
  return absl::OkStatus();
}

absl::Status RuleTrial::Take(const router::Routes& routes, std::vector<TrialOutput>* outputs) {
  if (!routes.state_error.ok()) return routes.state_error;
  is_unreadable_ = is_unreadable_ || !routes.payload_error.ok();
  for (const router::Output& output : routes.outputs) {
    for (const router::RuleIndex rule : output.rules) {
      outputs->push_back(
          {rules_->rules()[rule].id, std::string(output.destination), ContentOf(output)});
    }
  }
  // As live: an event that could not be read is a dead letter already.
  const auto rejections =
      routes.payload_error.ok() ? routes.rejections : absl::Span<const router::Rejection>();
  for (const router::Rejection& rejection : rejections) {
    outputs->push_back({rules_->rules()[rejection.rule].id,
                        std::string(rejection.park ? kToParking : kToDeadLetters)});
  }
  for (const router::Rekeyed& rekeyed : routes.rekeyed) {
    hops_.push_back({.is_shadow = rekeyed.is_shadow,
                     .rule_ids = std::string(rekeyed.rule_ids),
                     .steps = {rekeyed.steps.begin(), rekeyed.steps.end()}});
  }
  return absl::OkStatus();
}

absl::Status RuleTrial::Apply(const connectors::Event& event, std::string_view topic,
                              std::vector<TrialOutput>* outputs) {
  outputs->clear();
  hops_.clear();
  is_unreadable_ = false;
  PayloadReading reading;
  if (rules_->reads_payload()) reading = format_.Read(event.value, absl::InfiniteDuration());
  payload_ = reading.decoded.data() == nullptr ? event.value : reading.decoded;
  const router::Event routed = {.value = event.value,
                                .key = event.key,
                                .topic = topic,
                                .partition = event.partition,
                                .timestamp_ms = event.timestamp_ms,
                                .headers = event.headers,
                                .decoded = reading.decoded,
                                .undecodable = reading.undecodable};
  router::TaskSteps* steps = nullptr;
  if (absl::Status found = Find(event.partition, &steps); !found.ok()) return found;
  if (absl::Status took = Take(router_.Route(routed, steps), outputs); !took.ok()) return took;
  for (size_t i = 0; i < hops_.size(); ++i) {  // one may lead to others
    const Hop hop = hops_[i];
    if (absl::Status found = Find(kRekeyedPartition, &steps); !found.ok()) return found;
    const router::Routes& routes =
        router_.Continue(routed, hop.steps, hop.rule_ids, hop.is_shadow, steps);
    if (absl::Status took = Take(routes, outputs); !took.ok()) return took;
  }
  std::sort(outputs->begin(), outputs->end());
  ++applied_;
  return CommitIfMuch();
}

absl::Status RuleTrial::CommitIfMuch() {
  size_t pending_bytes = 0;
  for (const auto& [partition, task] : tasks_) pending_bytes += task.state->pending_bytes();
  if (applied_ % kCommitEvery != 0 && pending_bytes < kPendingBytesMax) return absl::OkStatus();
  for (const auto& [partition, task] : tasks_) {
    if (absl::Status committed = task.steps->Commit(applied_, rules_->hash()); !committed.ok()) {
      return committed;
    }
  }
  return absl::OkStatus();
}

}  // namespace turnout::runtime
