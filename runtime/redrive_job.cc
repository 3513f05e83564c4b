#include "runtime/redrive_job.h"

#include <algorithm>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "connectors/chosen_sink.h"
#include "connectors/kafka_topic_admin.h"
#include "connectors/record_size.h"
#include "runtime/command_client.h"
#include "runtime/preflight.h"
#include "runtime/record_headers.h"
#include "runtime/redriven_event.h"
#include "runtime/rekey.h"

namespace turnout::runtime {
namespace {

using connectors::DestinationFailure;
using connectors::Event;
using connectors::OutputRecord;
using connectors::TopicDescription;

constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr absl::Duration kAskWithin = absl::Seconds(5);
constexpr absl::Duration kLook = absl::Milliseconds(200);
constexpr int kBatchEventsMax = 500;
constexpr int kTriesMax = 5;

// For as long as that may help.
absl::Status Again(absl::FunctionRef<absl::Status()> call) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (true) {
    absl::Status status = call();
    if (!absl::IsUnavailable(status) || absl::Now() > deadline) return status;
    absl::SleepFor(kLook);
  }
}

// A rate is kept by batches of a quarter of a second.
int BatchEventsMax(int64_t events_per_second) {
  if (events_per_second == 0) return kBatchEventsMax;
  return static_cast<int>(std::clamp<int64_t>(events_per_second / 4, 1, kBatchEventsMax));
}

}  // namespace

std::string WhyLeft(const DeadLetter& letter, const std::string& source_topic, bool is_parked) {
  if (is_parked && letter.kind != kErrorMissingKey) {
    return "the routers themselves send it on once its destination is well";
  }
  // Its state is another, and it may have been meant for another topic than the rule's.
  if (letter.is_of_replay && (letter.destination.empty() || !letter.steps.empty())) {
    return "it is of a replay, which live rules and their state have nothing to do with";
  }
  if (letter.is_omitted) {
    return "its value was too large to be kept here (`turnout replay` has it from the source)";
  }
  if (!absl::StartsWith({letter.source.data(), letter.source.size()},
                        absl::StrCat(source_topic, "/"))) {
    return "it is not an event of this pipeline's source";
  }
  return "";
}

RedriveJob::RedriveJob(const Config& config, const connectors::KafkaClientOptions& client,
                       RedriveOptions options)
    : config_(config),
      client_(client),
      options_(std::move(options)),
      topic_(options_.parking ? config.parking_topic : config.dead_letter_topic) {}

connectors::KafkaClientOptions RedriveJob::ClientOf(const std::string& part) const {
  connectors::KafkaClientOptions client = client_;
  absl::StrAppend(&client.client_id, "-", part);
  return client;
}

absl::StatusOr<RedriveSummary> RedriveJob::Run() {
  RedriveSummary summary;
  absl::Status done = Prepare();
  if (done.ok()) done = PutBackAll(&summary);
  if (sink_ != nullptr) sink_->Close(kAskWithin);
  if (!done.ok() && !absl::IsCancelled(done)) return done;
  summary.is_done = done.ok();
  return summary;
}

// The sink first: what a job before had open is over then, and its marks are all there are.
absl::Status RedriveJob::Prepare() {
  if (!options_.dry_run) {
    if (absl::Status prepared = PrepareRekeyTopic(); !prepared.ok()) return prepared;
    connectors::KafkaSinkOptions sink;
    sink.client = ClientOf("sink");
    sink.transactional_id = absl::StrCat(config_.group, "-redrive");
    sink.source_topic = topic_;
    sink.transaction_timeout_ms =
        static_cast<int>(absl::ToInt64Milliseconds(config_.limits.transaction_timeout));
    auto made = connectors::MakeChosenSink(sink, config_.sink, [](auto, const auto&) {});
    if (!made.ok()) return made.status();
    sink_ = *std::move(made);
    if (absl::Status opened = Again([this] { return sink_->Open(); }); !opened.ok()) return opened;
  }
  auto reader = DlqReader::Open(ClientOf("reader"), topic_,
                                BatchEventsMax(options_.events_per_second), &stopping_);
  if (!reader.ok()) return NamingSetting(reader.status(), SettingOfTopic(options_.parking));
  reader_ = *std::move(reader);
  return absl::OkStatus();
}

absl::StatusOr<TopicDescription> RedriveJob::FindRekeyTopic() {
  TopicDescription found;
  absl::Status asked = Again([&] {
    const auto described = admin_->Describe({config_.rekey_topic}, /*may_write=*/true, kAskWithin);
    if (described.ok()) found = described->front();
    return described.status();
  });
  if (!asked.ok()) return asked;
  return found;
}

// Made where no rule has needed it yet; routers that run find it within
// limits.destination_recheck.
absl::Status RedriveJob::PrepareRekeyTopic() {
  auto admin = connectors::MakeKafkaTopicAdmin(ClientOf("admin"));
  if (!admin.ok()) return admin.status();
  admin_ = *std::move(admin);
  auto found = FindRekeyTopic();
  if (!found.ok()) return found.status();
  if (found->state == TopicDescription::State::kMissing) {
    const auto source = admin_->Describe({config_.topic}, /*may_write=*/false, kAskWithin);
    if (!source.ok()) return source.status();
    const connectors::NewTopic topic =
        NewRekeyTopic(config_.rekey_topic, config_.rekey_partitions, source->front().partitions,
                      static_cast<int16_t>(config_.create_topics.replication_factor));
    absl::Status created = admin_->Create({topic}, kAskWithin);
    if (!created.ok()) return created;
    const absl::Time deadline = absl::Now() + kPatience;
    while (found.ok() && found->state == TopicDescription::State::kMissing &&
           absl::Now() < deadline) {
      absl::SleepFor(kLook);
      found = FindRekeyTopic();
    }
    if (!found.ok()) return found.status();
  }
  if (found->state != TopicDescription::State::kReady) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "the re-key topic %s, through which events are put back, can't be written: %s; grant "
        "Write and Describe on it",
        config_.rekey_topic, found->reason));
  }
  rekey_bytes_max_ = found->batch_bytes_max;
  return absl::OkStatus();
}

absl::Status RedriveJob::EachOutgoing(std::map<std::string, uint64_t>* left,
                                      OnOutgoing on_outgoing) {
  std::vector<Outgoing> outgoing;
  DeadLetter letter;
  return reader_->ReadAll([&](absl::Span<const Event> records) {
    outgoing.clear();
    for (const Event& record : records) {
      if (reader_->WasPutBack(record) || !ReadDeadLetter(record, &letter)) continue;
      if (!options_.filter.Takes(letter)) continue;
      if (std::string why = WhyLeft(letter, config_.topic, options_.parking); !why.empty()) {
        ++(*left)[std::move(why)];
        continue;
      }
      outgoing.push_back({.letter = letter});
      EncodeRedriven(letter.source, outgoing.back().letter.from(), &outgoing.back().redriven);
      if (IsTooLarge(outgoing.back())) {
        ++(*left)["with where it goes on from, it is too large for the re-key topic"];
        outgoing.pop_back();
      }
    }
    return on_outgoing(outgoing);
  });
}

absl::Status RedriveJob::PutBackAll(RedriveSummary* summary) {
  const auto tell = [&] {
    if (!options_.on_progress || options_.dry_run) return;
    options_.on_progress(static_cast<int64_t>(summary->put_back.total()), summary->total);
  };
  if (options_.ends) reader_->EndAt(*options_.ends);
  summary->ends = reader_->Ends();
  if (options_.on_progress && !options_.dry_run) {
    std::map<std::string, uint64_t> ignored;
    absl::Status counted = EachOutgoing(&ignored, [&](absl::Span<const Outgoing> letters) {
      summary->total += static_cast<int64_t>(letters.size());
      return absl::OkStatus();
    });
    if (!counted.ok()) return counted;
  }
  began_ = absl::Now();
  tell();
  return EachOutgoing(&summary->left, [&](absl::Span<const Outgoing> letters) {
    absl::Status put_back = PutBack(letters, summary);
    if (!put_back.ok()) return put_back;
    tell();
    KeepRate(summary->put_back.total());
    return absl::OkStatus();
  });
}

absl::Status RedriveJob::PutBack(absl::Span<const Outgoing> letters, RedriveSummary* summary) {
  if (letters.empty()) return absl::OkStatus();
  absl::Status done = options_.dry_run ? absl::OkStatus() : TryPutBack(letters);
  // The brokers don't take one of them: the others go without it.
  if (absl::IsOutOfRange(done)) {
    if (letters.size() == 1) {
      ++summary->left[std::string(done.message())];
      return absl::OkStatus();
    }
    const size_t half = letters.size() / 2;
    done = PutBack(letters.first(half), summary);
    return done.ok() ? PutBack(letters.subspan(half), summary) : done;
  }
  if (!done.ok()) return done;
  for (const Outgoing& one : letters) summary->put_back.Add(one.letter);
  return absl::OkStatus();
}

// OutOfRange: a record is refused for what is in it.
absl::Status RedriveJob::TryPutBack(absl::Span<const Outgoing> letters) {
  absl::Status done;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    done = Produce(letters);
    if (!absl::IsAborted(done)) return done;
    const std::vector<DestinationFailure> failures = sink_->FailuresOfTransaction();
    if (absl::Status aborted = Again([this] { return sink_->Abort(); }); !aborted.ok()) {
      return aborted;
    }
    for (const DestinationFailure& failure : failures) {
      if (failure.kind != DestinationFailure::Kind::kRecordRefused &&
          failure.kind != DestinationFailure::Kind::kRecordTooLarge) {
        continue;
      }
      return absl::OutOfRangeError(
          absl::StrFormat("the topic %s refuses it: %s", failure.topic, failure.reason));
    }
  }
  return absl::UnavailableError(done.message());
}

absl::Status RedriveJob::Produce(absl::Span<const Outgoing> letters) {
  if (absl::Status begun = Again([this] { return sink_->Begin(); }); !begun.ok()) return begun;
  for (const Outgoing& one : letters) {
    if (absl::Status sent = Send(one); !sent.ok()) return sent;
  }
  if (absl::Status marked = ProduceMarks(letters); !marked.ok()) return marked;
  return Again([this] { return sink_->Commit({}, {}); });
}

OutputRecord RedriveJob::RecordOf(const Outgoing& outgoing) {
  const Event& event = outgoing.letter.event;
  headers_.assign(event.headers.begin(), event.headers.end());
  headers_.emplace_back(kRedrivenHeader, outgoing.redriven);
  headers_.emplace_back(kRekeyedKeyHeader, event.key);
  return {.topic = config_.rekey_topic,
          .timestamp_ms = event.timestamp_ms,
          .key = event.key,
          .value = event.value,
          .headers = headers_};
}

bool RedriveJob::IsTooLarge(const Outgoing& outgoing) {
  return rekey_bytes_max_ >= 0 &&
         connectors::RecordBatchBytes(RecordOf(outgoing)) > rekey_bytes_max_;
}

absl::Status RedriveJob::Send(const Outgoing& outgoing) {
  const OutputRecord record = RecordOf(outgoing);
  return Again([&] { return sink_->Produce(record); });
}

absl::Status RedriveJob::ProduceMarks(absl::Span<const Outgoing> letters) {
  std::map<int32_t, OffsetSet> put_back;
  for (const Outgoing& one : letters) {
    const Event& event = one.letter.event;
    put_back[event.partition].Add(event.offset, event.offset + 1);
  }
  const connectors::Header header = {kMarkHeader, "1"};
  for (const auto& [partition, offsets] : put_back) {
    const std::string key = MarkKey(partition, reader_->partitions());
    const std::string value = offsets.ToMark();
    const OutputRecord record = {.topic = topic_,
                                 .timestamp_ms = absl::ToUnixMillis(absl::Now()),
                                 .key = key,
                                 .value = value,
                                 .headers = {&header, 1}};
    if (absl::Status sent = Again([&] { return sink_->Produce(record); }); !sent.ok()) return sent;
  }
  return absl::OkStatus();
}

// Sleeps until so many are due.
void RedriveJob::KeepRate(uint64_t put_back) {
  if (options_.events_per_second == 0 || options_.dry_run) return;
  const absl::Time due =
      began_ + absl::Seconds(1) * (static_cast<double>(put_back) /
                                   static_cast<double>(options_.events_per_second));
  while (!stopping_ && absl::Now() < due) {
    absl::SleepFor(std::min(kLook, due - absl::Now()));
  }
}

}  // namespace turnout::runtime
