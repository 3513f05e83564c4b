#include "connectors/table_source.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "connectors/kafka_errors.h"
#include "connectors/kafka_handle.h"
#include "connectors/kafka_offsets.h"
#include "connectors/message_batch.h"
#include "connectors/steady_clock.h"
#include "connectors/topic_consumer.h"
#include "connectors/topic_offsets.h"

namespace turnout::connectors {
namespace {

constexpr size_t kTakeMax = 100;
constexpr int64_t kPollBytesMax = 4 << 20;
constexpr absl::Duration kAskTimeout = absl::Seconds(1);
// After a question that was not answered well, and while records were read.
constexpr absl::Duration kLookAgainAfter = absl::Milliseconds(500);
// People change a topic's settings now and then.
constexpr absl::Duration kAskConfigEvery = absl::Minutes(5);

class KafkaTableSource final : public TableSource {
 public:
  explicit KafkaTableSource(const KafkaTableOptions& options)
      : options_(options), doing_("table topic " + options.topic), known_(options.offsets) {}
  ~KafkaTableSource() override { batch_.Clear(); }

  absl::Status Start();

  absl::StatusOr<TableBatch> Poll(absl::Duration max_wait) override;
  void StartAnew() override;
  bool loaded() const override;
  int64_t lag() const override;
  TableLook look() const override { return look_; }

 private:
  struct Partition {
    int64_t next = 0;     // offset to read
    int64_t load_to = 0;  // the end when reading began
    int64_t end = 0;      // as of the last look
    bool moved = false;   // since the last answer
  };

  absl::Status Renew();
  absl::Status Look();
  void AskHowLongDeletionsAreKept();
  absl::StatusOr<int32_t> Count();
  absl::StatusOr<std::map<int32_t, int64_t>> Ask(int32_t partitions, int64_t timestamp);
  bool FitsTheLog(int32_t partition, int64_t begin, int64_t end) const;
  absl::Status Follow(const std::map<int32_t, int64_t>& begins,
                      const std::map<int32_t, int64_t>& ends);
  absl::Status TakeRecords(absl::Duration max_wait);
  absl::Status Keep(rd_kafka_message_t* message);

  const KafkaTableOptions options_;
  const std::string doing_;
  TopicConsumer consumer_;

  std::map<int32_t, int64_t> known_;  // of partitions that are not followed yet
  std::map<int32_t, Partition> partitions_;
  bool starts_anew_ = false;  // to be told with the next answer
  bool was_missing_ = false;  // the topic, when it was looked for last
  bool log_is_lost_ = false;  // what we asked to read is not there
  absl::Status problem_;      // of the last look
  TableLook look_;
  absl::Time ask_config_at_ = absl::InfinitePast();
  absl::Time look_at_ = absl::InfinitePast();
  MessageBatch batch_;
};

absl::Status KafkaTableSource::Start() {
  KafkaHandleSetup setup;
  setup.client = options_.client;
  setup.owner = this;
  absl::StatusOr<TopicConsumer> made = MakeTopicConsumer(
      {.topic = options_.topic, .group_id = "turnout-table", .fetch_wait_ms = 100},
      std::move(setup), doing_);
  if (!made.ok()) return made.status();
  consumer_ = *std::move(made);
  return absl::OkStatus();
}

absl::StatusOr<TableBatch> KafkaTableSource::Poll(absl::Duration max_wait) {
  batch_.Clear();
  if (consumer_.client->is_outdated()) {
    if (const absl::Status renewed = Renew(); !renewed.ok()) return renewed;
  }
  if (SteadyNow() >= look_at_ || log_is_lost_) {
    problem_ = Look();
    look_at_ = SteadyNow() + (problem_.ok() ? kTableLookEvery : kLookAgainAfter);
  }
  // Without an answer, what is followed already goes on being read, as far as it can be.
  if (!problem_.ok() && (partitions_.empty() || !absl::IsUnavailable(problem_))) return problem_;
  if (absl::Status taken = TakeRecords(max_wait); !taken.ok()) return taken;
  TableBatch answer;
  answer.starts_anew = std::exchange(starts_anew_, false);
  answer.records = batch_.Return(SIZE_MAX, INT64_MAX);
  for (auto& [number, partition] : partitions_) {
    if (std::exchange(partition.moved, false)) answer.next_offsets[number] = partition.next;
  }
  if (!log_is_lost_ && lag() == 0) look_.reached = look_.at;
  return answer;
}

// By fresh certificates, which librdkafka reads when a client is made: another one goes on where
// this one was.
absl::Status KafkaTableSource::Renew() {
  TopicConsumer before = std::exchange(consumer_, {});
  if (const absl::Status started = Start(); !started.ok()) {
    consumer_ = std::move(before);
    return started;
  }
  std::vector<SourceOffset> places;
  for (const auto& [number, partition] : partitions_)
    places.push_back({number, partition.next, {}});
  if (places.empty()) return absl::OkStatus();
  const PartitionList list = MakePartitionList(consumer_.client->get(), options_.topic, places);
  return TakeKafkaError(consumer_.client->get(),
                        rd_kafka_incremental_assign(consumer_.client->get(), list.get()), doing_);
}

absl::StatusOr<int32_t> KafkaTableSource::Count() {
  const absl::StatusOr<int32_t> count =
      CountPartitions(consumer_.client->get(), consumer_.topic.get(), doing_, kAskTimeout);
  if (!absl::IsNotFound(count.status())) return count;
  was_missing_ = true;
  return absl::InvalidArgumentError(
      absl::StrCat(count.status().message(), "; create it with cleanup.policy=compact"));
}

absl::StatusOr<std::map<int32_t, int64_t>> KafkaTableSource::Ask(int32_t partitions,
                                                                 int64_t timestamp) {
  auto offsets = OffsetsAtTime(consumer_.client->get(), options_.topic, partitions, timestamp,
                               doing_, kAskTimeout);
  if (!offsets.ok()) return offsets;
  for (const auto& [partition, offset] : *offsets) {
    if (offset >= 0) continue;
    return absl::UnavailableError(
        absl::StrCat(doing_, ": partition ", partition, " is not known to the broker"));
  }
  return offsets;
}

bool KafkaTableSource::FitsTheLog(int32_t partition, int64_t begin, int64_t end) const {
  const auto followed = partitions_.find(partition);
  if (followed != partitions_.end()) {
    return begin <= followed->second.next && followed->second.next <= end;
  }
  const auto known = known_.find(partition);
  return known == known_.end() || (begin <= known->second && known->second <= end);
}

// Looks at the topic: partitions, where their logs begin and end, and whether they are the ones
// that we know.
absl::Status KafkaTableSource::Look() {
  const absl::Time begun = SteadyNow();  // the ends are later ones
  const absl::StatusOr<int32_t> count = Count();
  if (!count.ok()) return count.status();
  const auto begins = Ask(*count, kBeginningOfLog);
  if (!begins.ok()) return begins.status();
  const auto ends = Ask(*count, kEndOfLog);
  if (!ends.ok()) return ends.status();
  // Offsets of partitions that are gone are another topic's as well.
  const bool has_read = !partitions_.empty() || !known_.empty();
  bool fits = !log_is_lost_ && !(was_missing_ && has_read);
  for (const auto& known : known_) fits = fits && known.first < *count;
  for (const auto& followed : partitions_) fits = fits && followed.first < *count;
  for (int32_t i = 0; i < *count; ++i) fits = fits && FitsTheLog(i, begins->at(i), ends->at(i));
  if (!fits) StartAnew();
  was_missing_ = false;
  log_is_lost_ = false;
  AskHowLongDeletionsAreKept();
  if (absl::Status followed = Follow(*begins, *ends); !followed.ok()) return followed;
  look_.at = begun;
  return absl::OkStatus();
}

// As before where no answer comes: the next time is soon enough.
void KafkaTableSource::AskHowLongDeletionsAreKept() {
  if (options_.admin == nullptr || SteadyNow() < ask_config_at_) return;
  ask_config_at_ = SteadyNow() + kAskConfigEvery;
  const std::string topics[] = {options_.topic};
  const auto described = options_.admin->Describe(topics, /*may_write=*/false, kAskTimeout);
  if (!described.ok() || described->front().delete_retention_ms <= 0) return;
  look_.deletions_kept_for = absl::Milliseconds(described->front().delete_retention_ms);
}

void KafkaTableSource::StartAnew() {
  starts_anew_ = true;
  known_.clear();
  partitions_.clear();
  look_at_ = absl::InfinitePast();
  rd_kafka_assign(consumer_.client->get(), nullptr);
}

absl::Status KafkaTableSource::Follow(const std::map<int32_t, int64_t>& begins,
                                      const std::map<int32_t, int64_t>& ends) {
  std::vector<SourceOffset> fresh;
  for (const auto& [number, end] : ends) {
    const auto [place, is_new] = partitions_.try_emplace(number);
    Partition& partition = place->second;
    partition.end = end;
    if (!is_new) continue;
    const auto known = known_.find(number);
    partition.next = known != known_.end() ? known->second : begins.at(number);
    partition.load_to = end;
    partition.moved = true;
    fresh.push_back({number, partition.next, {}});
  }
  known_.clear();
  if (fresh.empty()) return absl::OkStatus();
  const PartitionList list = MakePartitionList(consumer_.client->get(), options_.topic, fresh);
  return TakeKafkaError(consumer_.client->get(),
                        rd_kafka_incremental_assign(consumer_.client->get(), list.get()), doing_);
}

absl::Status KafkaTableSource::TakeRecords(absl::Duration max_wait) {
  rd_kafka_message_t* first = rd_kafka_consumer_poll(
      consumer_.client->get(),
      static_cast<int>(std::clamp<int64_t>(absl::ToInt64Milliseconds(max_wait), 0, 60'000)));
  if (first == nullptr) return FatalKafkaError(consumer_.client->get(), doing_);
  absl::Status status = Keep(first);
  while (status.ok() && batch_.size() + kTakeMax <= kTablePollRecordsMax &&
         batch_.bytes() < kPollBytesMax) {
    rd_kafka_message_t* taken[kTakeMax];
    const ssize_t count = rd_kafka_consume_batch_queue(consumer_.queue.get(), 0, taken, kTakeMax);
    for (ssize_t i = 0; i < count; ++i) status.Update(Keep(taken[i]));
    if (count < static_cast<ssize_t>(kTakeMax)) break;
  }
  return status;
}

// Takes over a message; one that is an error is sorted instead.
absl::Status KafkaTableSource::Keep(rd_kafka_message_t* message) {
  const auto found = partitions_.find(message->partition);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && found != partitions_.end() &&
      message->offset >= found->second.next) {
    found->second.next = message->offset + 1;
    found->second.moved = true;
    batch_.Add(message);
    return absl::OkStatus();
  }
  absl::Status status;
  switch (message->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      // Beyond the last record there may be markers of transactions, and what was compacted away.
      if (found != partitions_.end() && message->offset > found->second.next) {
        found->second.next = message->offset;
        found->second.moved = true;
      }
      break;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      log_is_lost_ = true;
      break;
    case RD_KAFKA_RESP_ERR__FATAL:
      status = FatalKafkaError(consumer_.client->get(), doing_);
      break;
    default:
      break;  // librdkafka tries again by itself; a topic that is gone is found by the next look
  }
  rd_kafka_message_destroy(message);
  return status;
}

bool KafkaTableSource::loaded() const {
  return !partitions_.empty() && !starts_anew_ && !log_is_lost_ &&
         std::all_of(partitions_.begin(), partitions_.end(), [](const auto& partition) {
           return partition.second.next >= partition.second.load_to;
         });
}

int64_t KafkaTableSource::lag() const {
  int64_t lag = 0;
  for (const auto& [number, partition] : partitions_) {
    lag += std::max<int64_t>(0, partition.end - partition.next);
  }
  return lag;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TableSource>> MakeKafkaTableSource(
    const KafkaTableOptions& options) {
  auto source = std::make_unique<KafkaTableSource>(options);
  if (absl::Status status = source->Start(); !status.ok()) return status;
  return source;
}

}  // namespace turnout::connectors
