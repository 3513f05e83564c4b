// Process: one running pipeline: Kafka clients, rules, workers and the admin API, joined in one
// place.
//
// Start binds the admin API, reads the rules and starts the threads; a control thread runs the
// pre-flight, waits for brokers and topics as long as it takes, starts the workers, reads rule
// files that have changed, and brings back teams whose destinations have recovered. It knows
// nothing of signals and never ends the operating system's process, so the `demo` command and the
// tests run it beside other things.
//
// Errors: Start answers InvalidArgument for what a person must mend (rules, the listen address, a
//   Kafka property) and names all of it. Brokers or topics that are away are no errors: see
//   /readyz.
// Threads: Start once; RequestReload, RequestStop and the accessors on any thread, after Start;
// Wait on one. Lifetime: what ProcessOptions borrows outlives the Process. Destroying it stops it.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "connectors/topic_admin.h"
#include "runtime/config.h"

namespace turnout::runtime {

struct ProcessOptions {
  Config config;
  // Runs against a Kafka inside this process instead of config.brokers, and creates the source, the
  // dead-letter topic and every constant destination in it.
  bool embedded = false;
  int embedded_source_partitions = 4;
  // Who answers for topics; null: librdkafka's admin client (EmbeddedKafka itself when embedded).
  connectors::TopicAdmin* topic_admin = nullptr;
};

class Process {
 public:
  explicit Process(ProcessOptions options);
  ~Process();

  absl::Status Start();

  // Until every thread has ended: OK when that was asked for, Internal when a worker cannot go on.
  absl::Status Wait();

  // Look at the rule files now, whatever limits.rules_recheck says. Returns at once.
  void RequestReload();

  // Finish the batch, commit, leave the group. Returns at once; Wait returns soon after
  // limits.shutdown_timeout, even with all brokers gone.
  void RequestStop();

  // host:port of the admin API, with the port that was really taken.
  std::string address() const;
  // For any Kafka client on this machine: the embedded Kafka's, else config.brokers.
  std::string bootstrap_servers() const;
  // What /readyz says with status 200: workers run and nothing is waited for.
  bool IsReady() const;
  // The bodies of /metrics and /v1/status.
  std::string MetricsText() const;
  std::string StatusJson() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace turnout::runtime
