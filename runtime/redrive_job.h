// RedriveJob: puts dead letters back, each once: into the re-key topic, from where the routers take
// them on where they stood (redriven_event.h).
//
//   dead-letter topic, up to its end now --> filter --> re-key topic
//                  ^                                        |
//                  '------ marks: these were put back ------'   one transaction
//
// One that dies, or is stopped, has put back what it committed, and the same again does the rest.
// Two at a time fence each other: they share a transactional id, `<group>-redrive`. What fails once
// more is a new dead letter, behind the end, and is not put back by this job.
//
// Errors: Unavailable - brokers don't answer: the same again. FailedPrecondition - another job took
//   over. InvalidArgument - a topic is missing, or something is not granted.
// Threads: Run on one; RequestStop on any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/sink.h"
#include "connectors/topic_admin.h"
#include "runtime/config.h"
#include "runtime/dlq_filter.h"
#include "runtime/dlq_reader.h"

namespace turnout::runtime {

struct RedriveOptions {
  DlqFilter filter;
  bool parking = false;           // from the parking topic: what waits for a table's key
  int64_t events_per_second = 0;  // 0: as fast as it goes
  bool dry_run = false;           // says what would be put back
  // By partition: what lies from there on is none of this job's, as in an earlier run of it that
  // has put back some. None: the end that the topic has now.
  std::optional<std::map<int32_t, int64_t>> ends;
  // Called after each batch; empty: nobody asks. With it, letters are counted first.
  std::function<void(int64_t done, int64_t total)> on_progress;
};

struct RedriveSummary {
  bool is_done = false;                  // else it was stopped
  DlqCounts put_back;                    // by this run; or that would be
  std::map<std::string, uint64_t> left;  // of those that were meant: why
  int64_t total = 0;                     // to put back, if progress was asked for
  std::map<int32_t, int64_t> ends;       // of the dead letters that were looked at
};

// Why this dead letter can't be put back; empty where it can.
std::string WhyLeft(const DeadLetter& letter, const std::string& source_topic, bool is_parked);

class RedriveJob {
 public:
  // Borrows what it is made of. `client` is how brokers are reached.
  RedriveJob(const Config& config, const connectors::KafkaClientOptions& client,
             RedriveOptions options);

  absl::StatusOr<RedriveSummary> Run();
  void RequestStop() { stopping_ = true; }

 private:
  // A dead letter on its way, with bytes of its own where a header needs some.
  struct Outgoing {
    DeadLetter letter;
    std::string redriven;  // the header's value
  };

  connectors::KafkaClientOptions ClientOf(const std::string& part) const;
  absl::Status Prepare();
  absl::Status PrepareRekeyTopic();
  absl::StatusOr<connectors::TopicDescription> FindRekeyTopic();
  absl::Status PutBackAll(RedriveSummary* summary);
  // Those that can be put back; counts in `left` why others can't.
  using OnOutgoing = absl::FunctionRef<absl::Status(absl::Span<const Outgoing> letters)>;
  absl::Status EachOutgoing(std::map<std::string, uint64_t>* left, OnOutgoing on_outgoing);
  absl::Status PutBack(absl::Span<const Outgoing> letters, RedriveSummary* summary);
  absl::Status TryPutBack(absl::Span<const Outgoing> letters);
  absl::Status Produce(absl::Span<const Outgoing> letters);
  // Lifetime: of the next one.
  connectors::OutputRecord RecordOf(const Outgoing& outgoing);
  bool IsTooLarge(const Outgoing& outgoing);
  absl::Status Send(const Outgoing& outgoing);
  absl::Status ProduceMarks(absl::Span<const Outgoing> letters);
  void KeepRate(uint64_t put_back);

  const Config& config_;
  const connectors::KafkaClientOptions& client_;
  const RedriveOptions options_;
  const std::string topic_;
  std::atomic<bool> stopping_{false};
  std::unique_ptr<connectors::TopicAdmin> admin_;
  std::unique_ptr<connectors::Sink> sink_;
  std::unique_ptr<DlqReader> reader_;
  int64_t rekey_bytes_max_ = -1;  // of a record; -1: not known
  absl::Time began_;
  std::vector<connectors::Header> headers_;  // of one record
};

}  // namespace turnout::runtime
