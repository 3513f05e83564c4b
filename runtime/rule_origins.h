// RuleOrigins: the origin that a config's `rules` names, and the reporter of its
// `rules_from.report_to`.
//
// Threads: any.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "connectors/kafka_client.h"
#include "connectors/topic_admin.h"
#include "runtime/config.h"
#include "runtime/rule_origin.h"
#include "runtime/rule_reporter.h"

namespace turnout::runtime {

struct RuleOriginParts {
  connectors::TopicAdmin* admin = nullptr;  // borrowed
  // Of a client of that name, on the pipeline's brokers.
  std::function<connectors::KafkaClientOptions(const std::string& name)> client;
  std::function<void()> wake;  // whoever takes from the origin
};

// Whether the origin answers in its own time: it is asked over the network.
bool IsRemote(const Config& config);

std::unique_ptr<RuleOrigin> MakeRuleOrigin(const Config& config, RuleOriginParts parts);

// Null: nobody wants to know.
std::unique_ptr<RuleReporter> MakeRuleReporter(const Config& config, RuleOriginParts parts);

// Where the config manager takes pulses: beside its reports. Empty: there is none that takes them,
// since `rules_from.report_to` is no URL that ends with /reports.
std::string PulseUrl(const Config& config);
// For RouterPulse.
std::function<absl::StatusOr<size_t>(const std::string&, const std::atomic<bool>&)> MakePulseSend(
    const Config& config);

}  // namespace turnout::runtime
