// FakeBroker: a broker of our own on 127.0.0.1 that speaks the newest versions which the batch sink
// does (librdkafka's mock cluster knows only older ones), and fails as it is told.
//
// It keeps the rules that matter to a producer: epochs that are too low are refused, sequence
// numbers have no gaps, a batch that comes again is taken once, an end raises the epoch. It shares
// the codec's primitive types with what it tests; the real broker's tests don't.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "connectors/kafka_api.h"
#include "connectors/record.h"
#include "connectors/transaction_protocol.h"
#include "connectors/wire_format.h"

namespace turnout::connectors {

class FakeBroker {
 public:
  struct Batch {
    ProducerIdentity producer;
    int32_t base_sequence = 0;
    int32_t records = 0;
    bool transactional = false;
    std::string bytes;
  };
  using PartitionKey = std::pair<std::string, int32_t>;

  // A cluster of so many brokers, which are numbered from 0.
  explicit FakeBroker(int16_t transaction_version = 2, int brokers = 1);
  ~FakeBroker();

  // Of the first broker.
  std::string address() const;

  // Led by the first broker.
  void AddTopic(const std::string& name, int partitions);
  void RemoveTopic(const std::string& name);
  // The others say that they are not; -1: there is none.
  void SetLeader(const std::string& topic, int32_t partition, int broker);
  void SetCoordinator(int broker);
  // Larger batches are refused.
  void SetBatchBytesMax(const std::string& topic, size_t bytes);
  // The next requests of this kind are answered so, and change nothing.
  void FailNext(Api api, int16_t code, int times = 1);
  // The connection is closed instead of the next answer; what was asked for is done.
  void CloseInsteadOfAnswering(Api api);
  // Before the next request of this kind all open transactions reach their time-out: the broker
  // aborts them and raises their epochs.
  void TimeOutBeforeNext(Api api);
  // The next answer is these bytes.
  void AnswerNext(Api api, std::string body);
  // Nothing is answered while all are away; connections are closed.
  void SetAway(bool away) { away_ = away; }
  void SetBrokerAway(int broker) { away_broker_ = broker; }
  // Its connections stay, and it answers nothing; -1: all do.
  void SetBrokerSilent(int broker) { silent_broker_ = broker; }

  // Clients have to authenticate by this mechanism, in one message, and are told to do so anew
  // within each `session` (zero: once). Who asks for anything else before is cut off, and so is who
  // has not for so long that no busy machine explains it.
  void WantSasl(std::string mechanism, absl::Duration session = absl::ZeroDuration());
  // All of them are refused: by this challenge, and once that is acknowledged, with an error.
  void RefuseProofs(std::string challenge);
  // The messages that they did it with.
  std::vector<std::string> proofs() const;
  int connections() const { return connections_; }

  // How many requests of a kind have come, to all brokers or one of them.
  int requests(Api api) const;
  int requests(Api api, int broker) const;
  int16_t last_version(Api api) const;
  // Batches that were committed, or produced without a transaction.
  std::vector<Batch> committed(const std::string& topic, int32_t partition) const;
  int committed_records(const std::string& topic) const;
  std::map<int32_t, int64_t> committed_offsets() const;
  ProducerIdentity producer(const std::string& transactional_id = "tx") const;
  // Somebody else opens a producer with the same id.
  void Fence(const std::string& transactional_id = "tx");
  // An id whose transaction was the last to end is busy with its markers: it may not begin another
  // one before the next has ended.
  void KeepLastIdBusy() { keeps_last_id_busy_ = true; }

 private:
  struct Client {
    int socket = -1;
    int broker = 0;
    std::string received;
    absl::Time known_until = absl::InfinitePast();  // who it is
  };
  struct Partition {
    struct OfProducer {
      int16_t epoch = -1;
      int32_t next_sequence = 0;
      std::vector<Batch> open;
      bool in_transaction = false;
    };
    int leader = 0;
    std::map<int64_t, OfProducer> producers;  // by their ids
    std::vector<Batch> committed;
  };
  // By its transactional id, which is empty for one without transactions.
  struct Producer {
    ProducerIdentity identity;
    bool raised_by_end = false;  // the epoch, last time
    bool committed = false;      // by that end
    std::map<int32_t, int64_t> open_offsets;
  };

  void Run();
  bool Serve(Client& client);
  bool OnFrame(Client& client, std::string_view frame);
  bool MayAsk(const Client& client, Api api) const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  std::string Handshake(WireReader& request, int16_t code) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string Authenticate(Client& client, WireReader& request, int16_t code)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string Answer(Api api, int16_t version, int broker, WireReader& request, int16_t code)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string Versions();
  std::string Metadata(int16_t version, WireReader& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string InitProducer(WireReader& request, int16_t code) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string Produce(int16_t version, int broker, WireReader& request, int16_t code)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Producer& ProducerOf(const std::string& transactional_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsBusy(std::string_view transactional_id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Ends what the producer has open.
  void EndTransaction(Producer& producer, bool commit) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TimeOut() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsCurrent(ProducerIdentity producer) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  int16_t Append(const PartitionKey& key, int broker, std::string_view bytes, bool adds_itself)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string AddPartitions(WireReader& request, int16_t code) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string CommitOffsets(WireReader& request, int16_t code) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string End(int16_t version, WireReader& request, int16_t code)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const int16_t transaction_version_;
  std::vector<int> listeners_;  // by broker
  std::vector<int> ports_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> away_{false};
  std::atomic<int> away_broker_{-1};
  std::atomic<int> silent_broker_{-1};
  std::atomic<bool> keeps_last_id_busy_{false};
  std::atomic<int> connections_{0};

  mutable absl::Mutex mu_;
  std::map<PartitionKey, Partition> partitions_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, int> topics_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, size_t> batch_bytes_max_ ABSL_GUARDED_BY(mu_);  // by topic
  std::map<Api, std::deque<int16_t>> failures_ ABSL_GUARDED_BY(mu_);
  std::map<Api, int> closes_ ABSL_GUARDED_BY(mu_);
  std::map<Api, int> time_outs_ ABSL_GUARDED_BY(mu_);
  std::map<Api, std::string> answers_ ABSL_GUARDED_BY(mu_);
  std::map<std::pair<Api, int>, int> requests_ ABSL_GUARDED_BY(mu_);  // by broker too
  int coordinator_ ABSL_GUARDED_BY(mu_) = 0;
  std::string mechanism_ ABSL_GUARDED_BY(mu_);  // empty: none is wanted
  absl::Duration session_ ABSL_GUARDED_BY(mu_);
  std::string challenge_ ABSL_GUARDED_BY(mu_);  // empty: nobody is refused
  std::vector<std::string> proofs_ ABSL_GUARDED_BY(mu_);
  std::map<Api, int16_t> versions_ ABSL_GUARDED_BY(mu_);
  std::map<int32_t, int64_t> offsets_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, Producer> producers_ ABSL_GUARDED_BY(mu_);
  std::string ended_last_ ABSL_GUARDED_BY(mu_) = "none";  // transactional id
  std::thread thread_;
};

}  // namespace turnout::connectors
