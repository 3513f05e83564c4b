// ExplainPage: POST /v1/explain: an event, explained with the rules in force here and with what
// their steps remember.
//
// The body is an event as JSON (explained_event.h), or {"partition": N, "offset": N} of the source;
// with "rule": "team/name" of that rule alone. Patterns are judged on the asking thread; the task's
// state is read by its worker between two transactions (task_visits.h). At most one is answered at
// a time.
//
// Answers show payloads, so not everybody may ask: see AdminServer.
//
// Errors, by the answer's status: 400 for a body that is none, an unknown rule, or a position that
//   holds no record; 503 where brokers or the worker don't answer in time, or another one is being
//   answered.
// Threads: any. Lifetime: what is borrowed outlives it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "connectors/kafka_client.h"
#include "router/explainer.h"
#include "runtime/admin_server.h"
#include "runtime/explain_json.h"
#include "runtime/rule_feed.h"
#include "runtime/table_feed.h"
#include "runtime/task_visits.h"

namespace turnout::runtime {

struct ExplainPageOptions {
  std::string source_topic;
  connectors::KafkaClientOptions client;  // to read an event by its position
  bool provenance_headers = true;
  SchemaRegistry* schemas = nullptr;                // borrowed; null: values are JSON
  absl::Duration read_within = absl::Seconds(3);    // an event by its position
  absl::Duration schema_within = absl::Seconds(3);  // the schema of an event
  absl::Duration visit_within = absl::Seconds(1);   // a worker's answer
};

class ExplainPage {
 public:
  // `tables` may be null where the config has none.
  ExplainPage(ExplainPageOptions options, const RuleFeed* feed, const TableFeed* tables,
              TaskVisits* visits)
      : options_(std::move(options)), feed_(feed), tables_(tables), visits_(visits) {}

  AdminAnswer Answer(std::string_view body);

 private:
  // What a body asks for.
  struct Question {
    ExplainedEvent event;
    std::string rule;
  };
  absl::StatusOr<Question> Read(std::string_view body) const;
  absl::StatusOr<std::string> Explain(const Question& question) const;
  void AskTask(const Question& question, router::Explainer* explainer, const router::Event& event,
               ExplainFrame* frame, router::Explanation* explanation) const;

  const ExplainPageOptions options_;
  const RuleFeed* const feed_;
  const TableFeed* const tables_;
  TaskVisits* const visits_;
  absl::Mutex mu_;  // held while one is answered
};

}  // namespace turnout::runtime
