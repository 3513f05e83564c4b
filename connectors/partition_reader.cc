#include "connectors/partition_reader.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "connectors/kafka_errors.h"
#include "connectors/kafka_offsets.h"
#include "connectors/message_batch.h"
#include "connectors/steady_clock.h"
#include "connectors/topic_consumer.h"
#include "connectors/topic_offsets.h"

namespace turnout::connectors {
namespace {

constexpr int kAskTimeoutMs = 1'000;
constexpr int kPollMs = 100;
constexpr int32_t kNoPartition = -1;
constexpr absl::Duration kAgainAfter = absl::Milliseconds(200);
constexpr absl::Duration kBeginAgainAfter = absl::Seconds(1);

// What is to be read; `number` tells one Seek from the next.
struct Wanted {
  int64_t number = 0;
  int32_t partition = 0;
  int64_t offset = -1;
  int64_t since_ms = -1;
};

class KafkaPartitionReader final : public PartitionReader {
 public:
  KafkaPartitionReader(const KafkaClientOptions& options, std::string topic)
      : options_(options), topic_(std::move(topic)) {}
  ~KafkaPartitionReader() override;

  void Seek(int32_t partition, int64_t offset, int64_t since_ms) override;
  void Stop() override;
  absl::Span<const Event> Take() override;
  bool is_at_end() const override {
    const absl::MutexLock lock(&mu_);
    return is_at_end_ && reading_ == wanted_.number && ready_.empty();
  }
  std::string trouble() const override {
    const absl::MutexLock lock(&mu_);
    return trouble_;
  }

 private:
  absl::Status Start();
  void Want(int32_t partition, int64_t offset, int64_t since_ms);
  rd_kafka_t* client() const { return consumer_.client->get(); }
  void Run();
  bool Assign(const Wanted& wanted);
  absl::StatusOr<int64_t> Ask(int32_t partition, int64_t timestamp_ms);
  absl::StatusOr<int64_t> StartOf(const Wanted& wanted);
  void Read(const Wanted& wanted);
  bool IsWholeLog(const rd_kafka_message_t& end) const;
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (stopping_ || wanted_.number != reading_) return true;
    return wanted_.partition != kNoPartition && ready_.size() < kReaderRecordsMax &&
           ready_.bytes() < static_cast<int64_t>(kReaderBytesMax);
  }
  void SetTrouble(const absl::Status& status) {
    const absl::MutexLock lock(&mu_);
    trouble_ = std::string(status.message());
  }

  const KafkaClientOptions options_;
  const std::string topic_;
  TopicConsumer consumer_;
  std::thread thread_;  // reads; the caller's are Seek, Stop and Take
  MessageBatch taken_;  // the caller's

  mutable absl::Mutex mu_;
  Wanted wanted_ ABSL_GUARDED_BY(mu_);
  int64_t reading_ ABSL_GUARDED_BY(mu_) = 0;  // number of what is assigned
  MessageBatch ready_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool is_at_end_ ABSL_GUARDED_BY(mu_) = false;
  std::string trouble_ ABSL_GUARDED_BY(mu_);

  // The caller's: what could not be begun, and when that is tried again.
  std::optional<Wanted> not_begun_;
  absl::Time begin_at_;
};

absl::Status KafkaPartitionReader::Start() {
  KafkaHandleSetup setup;
  setup.client = options_;
  setup.owner = this;
  absl::StatusOr<TopicConsumer> made = MakeTopicConsumer({.topic = topic_,
                                                          .group_id = "turnout-parking",
                                                          .fetch_wait_ms = 50,
                                                          .queued_kbytes_max = 2'048,
                                                          // They are missed by their numbers.
                                                          .passes_gaps = true},
                                                         std::move(setup), "topic " + topic_);
  if (!made.ok()) return made.status();
  consumer_ = *std::move(made);
  return absl::OkStatus();
}

KafkaPartitionReader::~KafkaPartitionReader() {
  if (!thread_.joinable()) return;
  {
    const absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  thread_.join();
  taken_.Clear();
  const absl::MutexLock lock(&mu_);
  ready_.Clear();
}

void KafkaPartitionReader::Seek(int32_t partition, int64_t offset, int64_t since_ms) {
  not_begun_.reset();
  if (!thread_.joinable()) {
    const absl::Status started = Start();
    if (!started.ok()) {
      not_begun_ = {.partition = partition, .offset = offset, .since_ms = since_ms};
      begin_at_ = SteadyNow() + kBeginAgainAfter;
      return SetTrouble(started);
    }
    thread_ = std::thread([this] { Run(); });
  }
  Want(partition, offset, since_ms);
}

void KafkaPartitionReader::Stop() {
  not_begun_.reset();
  if (thread_.joinable()) Want(kNoPartition, -1, -1);
}

void KafkaPartitionReader::Want(int32_t partition, int64_t offset, int64_t since_ms) {
  taken_.Clear();
  const absl::MutexLock lock(&mu_);
  wanted_ = {wanted_.number + 1, partition, offset, since_ms};
  ready_.Clear();
  is_at_end_ = false;
  trouble_.clear();
}

absl::Span<const Event> KafkaPartitionReader::Take() {
  if (not_begun_ && SteadyNow() >= begin_at_) {
    const Wanted wanted = *not_begun_;
    Seek(wanted.partition, wanted.offset, wanted.since_ms);
  }
  taken_.ReleaseReturned();
  taken_.Clear();
  const absl::MutexLock lock(&mu_);
  ready_.MoveTo(&taken_);
  return taken_.Return(kReaderRecordsMax, kReaderBytesMax * 2);
}

void KafkaPartitionReader::Run() {
  for (;;) {
    Wanted wanted;
    bool is_new = false;
    {
      const absl::MutexLock lock(&mu_);
      mu_.Await(absl::Condition(this, &KafkaPartitionReader::HasWork));
      if (stopping_) return;
      wanted = wanted_;
      is_new = wanted_.number != reading_;
    }
    if (!is_new) {
      Read(wanted);
    } else if (!Assign(wanted)) {
      absl::MutexLock lock(&mu_);
      AwaitSteadily(&mu_, absl::Condition(&stopping_), kAgainAfter);
    }
  }
}

absl::StatusOr<int64_t> KafkaPartitionReader::Ask(int32_t partition, int64_t timestamp_ms) {
  const SourceOffset asked = {partition, timestamp_ms, {}};
  const PartitionList list = MakePartitionList(client(), topic_, {&asked, 1});
  rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(client(), list.get(), kAskTimeoutMs);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = list->elems[0].err;
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return StatusOfKafkaCode(code, "looking for what is parked in " + topic_);
  }
  return list->elems[0].offset;
}

// The end is asked for first: what comes between the two questions is behind it.
absl::StatusOr<int64_t> KafkaPartitionReader::StartOf(const Wanted& wanted) {
  if (wanted.since_ms < 0) return wanted.offset;
  const absl::StatusOr<int64_t> end = Ask(wanted.partition, kEndOfLog);
  if (!end.ok()) return end.status();
  absl::StatusOr<int64_t> start = Ask(wanted.partition, wanted.since_ms);
  if (!start.ok()) return start.status();
  if (*start < 0) *start = *end;
  return wanted.offset < 0 ? *start : std::min(*start, wanted.offset);
}

bool KafkaPartitionReader::Assign(const Wanted& wanted) {
  // By fresh certificates: nobody holds a record of the old client's, since this is another Seek.
  if (consumer_.client->is_outdated()) {
    TopicConsumer before = std::exchange(consumer_, {});
    if (const absl::Status renewed = Start(); !renewed.ok()) {
      consumer_ = std::move(before);
      SetTrouble(renewed);
      return false;
    }
  }
  rd_kafka_assign(client(), nullptr);
  if (wanted.partition != kNoPartition) {
    const absl::StatusOr<int64_t> start = StartOf(wanted);
    if (!start.ok()) SetTrouble(start.status());
    if (!start.ok()) return false;
    const SourceOffset from = {wanted.partition, *start, {}};
    const PartitionList list = MakePartitionList(client(), topic_, {&from, 1});
    rd_kafka_assign(client(), list.get());
  }
  const absl::MutexLock lock(&mu_);
  reading_ = wanted.number;
  return true;
}

void KafkaPartitionReader::Read(const Wanted& wanted) {
  rd_kafka_message_t* message = rd_kafka_consumer_poll(client(), kPollMs);
  if (message == nullptr) return;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    // A passing trouble of the client's, which it cures by itself.
    if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      SetTrouble(StatusOfKafkaCode(message->err, "reading " + topic_));
    } else if (IsWholeLog(*message)) {
      const absl::MutexLock lock(&mu_);
      is_at_end_ = wanted_.number == wanted.number;
    }
    rd_kafka_message_destroy(message);
    return;
  }
  const absl::MutexLock lock(&mu_);
  if (wanted_.number == wanted.number) {
    trouble_.clear();
    ready_.Add(message);
  } else {
    rd_kafka_message_destroy(message);
  }
}

// A reader of committed records comes to an end before those of an open transaction, too.
bool KafkaPartitionReader::IsWholeLog(const rd_kafka_message_t& end) const {
  int64_t low = -1;
  int64_t high = -1;
  const rd_kafka_resp_err_t code =
      rd_kafka_get_watermark_offsets(client(), topic_.c_str(), end.partition, &low, &high);
  return code == RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0 && end.offset >= high;
}

}  // namespace

std::unique_ptr<PartitionReader> MakeKafkaPartitionReader(const KafkaClientOptions& options,
                                                          const std::string& topic) {
  return std::make_unique<KafkaPartitionReader>(options, topic);
}

}  // namespace turnout::connectors
