#include "runtime/preflight.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

namespace turnout::runtime {
namespace {

using connectors::NewTopic;
using connectors::TopicAdmin;
using connectors::TopicDescription;
using State = TopicDescription::State;

constexpr absl::Duration kCreationPoll = absl::Milliseconds(100);

TopicDescription Look(const TopicDescriptions& observed, const std::string& topic) {
  const auto found = observed.find(topic);
  TopicDescription description = found != observed.end() ? found->second : TopicDescription{};
  description.topic = topic;
  return description;
}

std::string WithReason(std::string sentence, const TopicDescription& topic) {
  return topic.reason.empty() ? sentence : absl::StrCat(sentence, ": ", topic.reason);
}

bool SendsTo(const router::RuleFile& team, const std::string& topic) {
  return std::any_of(team.rules.begin(), team.rules.end(), [&](const router::Rule& rule) {
    if (rule.rollout.is_shadow) return false;
    return std::any_of(rule.to.begin(), rule.to.end(),
                       [&](const router::DestinationTemplate& to) { return to.text == topic; });
  });
}

// What is wrong with this destination for good, or an empty team when nothing is.
TeamAside Judge(const PreflightOptions& options, const router::RuleFile& team,
                const std::string& destination, const TopicDescription& topic) {
  TeamAside aside;
  bool is_ill = false;
  if (destination == options.source_topic) {
    aside.reason = "is the source topic: its own output would be routed again without end";
    aside.cure = "send to another topic";
  } else if (destination == options.dead_letter_topic) {
    aside.reason = "is the dead-letter topic, which only Turnout itself writes to";
    aside.cure = "send to another topic";
  } else if (destination == options.rekey_topic && SendsTo(team, destination)) {
    aside.reason = "is the re-key topic, which only Turnout itself writes to";
    aside.cure = "send to another topic";
  } else if (destination == options.parking_topic) {
    aside.reason = "is the parking topic, which only Turnout itself writes to";
    aside.cure = "send to another topic";
  } else if (topic.state == State::kMissing) {
    is_ill = true;
    aside.reason = WithReason("does not exist", topic);
    aside.cure = options.create ? "create the topic, or let this principal create it"
                                : "create the topic, or set create_topics.enabled";
  } else if (topic.state == State::kForbidden) {
    is_ill = true;
    aside.reason = WithReason("may not be written", topic);
    aside.cure = "allow this principal to write to the topic";
  } else {
    return aside;
  }
  aside.topic = destination;
  aside.can_wait = is_ill && destination != options.rekey_topic;
  return aside;
}

// What keeps workers from starting on account of one of the pipeline's own topics, or nothing.
std::string Obstacle(const char* what, const char* use, const TopicDescription& topic,
                     const char* setting) {
  switch (topic.state) {
    case State::kReady:
      return "";
    case State::kMissing:
      return absl::StrCat(
          WithReason(absl::StrCat(what, " ", topic.topic, " does not exist"), topic),
          " (create it, or correct ", setting, ")");
    case State::kForbidden:
      return absl::StrCat(
          WithReason(absl::StrCat(what, " ", topic.topic, " may not be ", use), topic),
          " (allow this principal to do so)");
    case State::kUnwell:
      return absl::StrCat(WithReason(absl::StrCat(what, " ", topic.topic, " is unwell"), topic),
                          " (waiting for the brokers)");
  }
  return "";
}

NewTopic ToCreate(const PreflightOptions& options, const std::string& topic) {
  NewTopic created = options.new_topic;
  created.topic = topic;
  return created;
}

// The topic keeps matches on their way, and for replays.
std::string RekeyCaution(const TopicDescription& topic) {
  if (topic.state == State::kMissing) return "";
  std::string fault;
  const auto add = [&](const std::string& one) {
    absl::StrAppend(&fault, fault.empty() ? "" : ", ", one);
  };
  if (topic.compacted) add("compacts by key");
  if (topic.retention_ms > 0 && absl::Milliseconds(topic.retention_ms) < kRekeyRetentionMin) {
    add(absl::StrCat("keeps records for ", topic.retention_ms, " ms only"));
  }
  if (topic.retention_bytes > 0) {
    add(absl::StrCat("keeps ", topic.retention_bytes, " bytes a partition only"));
  }
  if (fault.empty()) return "";
  return absl::StrCat("the re-key topic ", topic.topic, " ", fault,
                      ": matches on their way are lost if no router reads them in time, and a "
                      "replay stands still where it can't reach back (set cleanup.policy=delete, "
                      "retention.bytes=-1 and retention.ms to ",
                      absl::ToInt64Milliseconds(kRekeyRetention), " or more)");
}

void LowerTo(int64_t batch_bytes_max, int64_t* lowest) {
  if (batch_bytes_max > 0 && (*lowest == 0 || batch_bytes_max < *lowest)) *lowest = batch_bytes_max;
}

absl::Status DescribeInto(TopicAdmin* admin, absl::Span<const std::string> topics, bool may_write,
                          absl::Duration timeout, TopicDescriptions* observed) {
  if (topics.empty()) return absl::OkStatus();
  auto described = admin->Describe(topics, may_write, timeout);
  if (!described.ok()) return described.status();
  for (TopicDescription& topic : *described) {
    std::string name = topic.topic;
    observed->insert_or_assign(std::move(name), std::move(topic));
  }
  return absl::OkStatus();
}

absl::StatusOr<TopicDescriptions> Observe(const PreflightOptions& options,
                                          absl::Span<const router::Team> teams, TopicAdmin* admin) {
  std::vector<std::string> written = TopicsOf(options, teams);
  if (!options.rekey_topic.empty() &&
      !std::binary_search(written.begin(), written.end(), options.rekey_topic)) {
    written.insert(std::upper_bound(written.begin(), written.end(), options.rekey_topic),
                   options.rekey_topic);
  }
  // The source is only read; asking whether it may be written would say nothing of that.
  written.erase(std::remove(written.begin(), written.end(), options.source_topic), written.end());
  if (!std::binary_search(written.begin(), written.end(), options.dead_letter_topic)) {
    written.push_back(options.dead_letter_topic);
  }
  if (!options.parking_topic.empty()) written.push_back(options.parking_topic);
  TopicDescriptions observed;
  absl::Status status = DescribeInto(admin, {options.source_topic}, /*may_write=*/false,
                                     options.describe_timeout, &observed);
  if (!status.ok()) return status;
  status = DescribeInto(admin, written, /*may_write=*/true, options.describe_timeout, &observed);
  if (!status.ok()) return status;
  return observed;
}

// Creates all, one by one where the brokers refuse some, and keeps the refusals by topic.
absl::Status CreateAll(const PreflightOptions& options, const std::vector<NewTopic>& topics,
                       TopicAdmin* admin, absl::flat_hash_map<std::string, std::string>* refusals) {
  const absl::Status all = admin->Create(topics, options.describe_timeout);
  if (all.ok() || absl::IsUnavailable(all)) return all;
  for (const NewTopic& topic : topics) {
    const absl::Status one = admin->Create({topic}, options.describe_timeout);
    if (absl::IsUnavailable(one)) return one;
    if (!one.ok()) (*refusals)[topic.topic] = std::string(one.message());
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> TopicsOf(const PreflightOptions& options,
                                  absl::Span<const router::Team> teams) {
  std::set<std::string> topics;
  for (const router::Team& team : teams) {
    if (router::Rekeys(*team, options.settings)) topics.insert(options.rekey_topic);
    for (const router::Rule& rule : team->rules) {
      if (rule.rollout.is_shadow) continue;
      for (const router::DestinationTemplate& to : rule.to) {
        if (to.is_constant()) topics.insert(to.text);
      }
    }
  }
  return {topics.begin(), topics.end()};
}

PreflightDecision DecidePreflight(const PreflightOptions& options,
                                  absl::Span<const router::Team> teams,
                                  const TopicDescriptions& observed) {
  PreflightDecision decision;
  const TopicDescription rekey = Look(observed, options.rekey_topic);
  decision.has_rekey_topic = rekey.state != State::kMissing;
  decision.rekey_caution = RekeyCaution(rekey);
  const TopicDescription source = Look(observed, options.source_topic);
  if (source.state == State::kMissing && options.create_source_partitions > 0) {
    decision.create.push_back(ToCreate(options, options.source_topic));
    decision.create.back().partitions = options.create_source_partitions;
  }
  decision.source_partitions = source.partitions;
  std::string obstacle = Obstacle("source topic", "read", source, "source.topic");
  if (!obstacle.empty()) decision.waiting_for.push_back(std::move(obstacle));
  if (options.settings.partitioned_by == router::kOnePartition && source.partitions > 1) {
    decision.waiting_for.push_back(absl::StrCat(
        "source topic ", options.source_topic, " has ", source.partitions,
        " partitions, and source.partitioned_by says `*`, that all keys meet in one (name the "
        "field that its events are partitioned by, or `none`)"));
  }

  const auto need = [&](const char* what, const std::string& topic, const char* setting) {
    const TopicDescription found = Look(observed, topic);
    if (found.state == State::kMissing && options.create) {
      decision.create.push_back(ToCreate(options, topic));
    }
    obstacle = Obstacle(what, "written", found, setting);
    if (!obstacle.empty()) decision.waiting_for.push_back(std::move(obstacle));
    LowerTo(found.batch_bytes_max, &decision.batch_bytes_max);
  };
  need("dead-letter topic", options.dead_letter_topic, "dead_letter_topic");
  if (!options.parking_topic.empty()) need("parking topic", options.parking_topic, "parking_topic");

  std::set<std::string> to_create;
  for (size_t i = 0; i < teams.size(); ++i) {
    bool well = true;
    for (const std::string& destination : TopicsOf(options, {&teams[i], 1})) {
      const TopicDescription topic = Look(observed, destination);
      TeamAside aside = Judge(options, *teams[i], destination, topic);
      if (aside.topic.empty()) {
        LowerTo(topic.batch_bytes_max, &decision.batch_bytes_max);
        continue;
      }
      well = false;
      aside.team = teams[i]->team;
      decision.aside.push_back(std::move(aside));
      const bool own = destination == options.source_topic ||
                       destination == options.dead_letter_topic ||
                       destination == options.parking_topic;
      const bool create = options.create || destination == options.rekey_topic;
      if (topic.state == State::kMissing && create && !own) to_create.insert(destination);
    }
    if (well) decision.in_force.push_back(i);
  }
  for (const std::string& topic : to_create) {
    decision.create.push_back(ToCreate(options, topic));
    if (topic != options.rekey_topic) continue;
    decision.create.back() = NewRekeyTopic(topic, options.rekey_partitions, source.partitions,
                                           options.new_topic.replication_factor);
  }
  return decision;
}

NewTopic NewRekeyTopic(const std::string& topic, int partitions, int source_partitions,
                       int16_t replication_factor) {
  return {.topic = topic,
          .partitions = partitions > 0 ? partitions : std::max(1, source_partitions),
          .replication_factor = replication_factor,
          .retention_ms = absl::ToInt64Milliseconds(kRekeyRetention),
          .goes_by_age_alone = true};
}

absl::StatusOr<PreflightDecision> RunPreflight(const PreflightOptions& options,
                                               absl::Span<const router::Team> teams,
                                               connectors::TopicAdmin* admin, Clock* clock) {
  absl::StatusOr<TopicDescriptions> observed = Observe(options, teams, admin);
  if (!observed.ok()) return observed.status();
  PreflightDecision decision = DecidePreflight(options, teams, *observed);
  if (decision.create.empty()) return decision;

  absl::flat_hash_map<std::string, std::string> refusals;
  const absl::Status created = CreateAll(options, decision.create, admin, &refusals);
  if (!created.ok()) return created;
  // Counted, not timed: a clock whose process is stopping sleeps no more.
  for (int64_t looks = options.creation_timeout / kCreationPoll; looks >= 0; --looks) {
    observed = Observe(options, teams, admin);
    if (!observed.ok()) return observed.status();
    bool settled = true;
    for (const NewTopic& topic : decision.create) {
      const auto found = observed->find(topic.topic);
      if (found == observed->end()) continue;
      const auto refused = refusals.find(topic.topic);
      if (refused == refusals.end()) {
        settled = settled && (found->second.state == State::kReady ||
                              found->second.state == State::kForbidden);
      } else if (found->second.state == State::kMissing) {
        found->second.reason = absl::StrCat("it could not be created: ", refused->second);
      }
    }
    if (settled) break;
    clock->Sleep(kCreationPoll);
  }
  return DecidePreflight(options, teams, *observed);
}

}  // namespace turnout::runtime
