#include "tests/connectors/fake_broker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/connectors/kafka_answers.h"

namespace turnout::connectors {
namespace {

constexpr int kPollMs = 5;
constexpr int16_t kUnknownTopic = 3;
constexpr int16_t kNotLeader = 6;
constexpr int16_t kTooLarge = 10;
constexpr int16_t kNotCoordinator = 16;
constexpr int16_t kNoSuchMechanism = 33;
constexpr int16_t kOutOfOrder = 45;
constexpr int16_t kInvalidEpoch = 47;
constexpr int16_t kInvalidTxnState = 48;
constexpr int16_t kConcurrentTransactions = 51;
constexpr int16_t kAuthenticationFailed = 58;
constexpr int16_t kProduceAddsItself = 12;
constexpr int kSessionsMissed = 50;
constexpr std::string_view kAcknowledged = "\1";

FakeBroker::Batch BatchOf(std::string_view bytes) {
  FakeBroker::Batch batch;
  batch.bytes = std::string(bytes);
  if (bytes.size() < 61) return batch;
  batch.transactional = (WireReader(bytes.substr(21)).Int16() & 0x10) != 0;
  WireReader reader(bytes.substr(43));
  batch.producer.id = reader.Int64();
  batch.producer.epoch = reader.Int16();
  batch.base_sequence = reader.Int32();
  batch.records = reader.Int32();
  return batch;
}

}  // namespace

FakeBroker::FakeBroker(int16_t transaction_version, int brokers)
    : transaction_version_(transaction_version) {
  for (int broker = 0; broker < brokers; ++broker) {
    listeners_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    ::bind(listeners_.back(), reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listeners_.back(), 16);
    ::getsockname(listeners_.back(), reinterpret_cast<sockaddr*>(&address), &size);
    ports_.push_back(ntohs(address.sin_port));
  }
  thread_ = std::thread([this] { Run(); });
}

FakeBroker::~FakeBroker() {
  stopping_ = true;
  thread_.join();
  for (const int listener : listeners_) ::close(listener);
}

std::string FakeBroker::address() const { return absl::StrCat("127.0.0.1:", ports_.front()); }

void FakeBroker::AddTopic(const std::string& name, int partitions) {
  const absl::MutexLock lock(&mu_);
  topics_[name] = partitions;
  for (int i = 0; i < partitions; ++i) partitions_[{name, i}];
}

void FakeBroker::RemoveTopic(const std::string& name) {
  const absl::MutexLock lock(&mu_);
  topics_.erase(name);
  std::erase_if(partitions_, [&name](const auto& one) { return one.first.first == name; });
}

void FakeBroker::SetLeader(const std::string& topic, int32_t partition, int broker) {
  const absl::MutexLock lock(&mu_);
  partitions_[{topic, partition}].leader = broker;
}

void FakeBroker::SetCoordinator(int broker) {
  const absl::MutexLock lock(&mu_);
  coordinator_ = broker;
}

void FakeBroker::SetBatchBytesMax(const std::string& topic, size_t bytes) {
  const absl::MutexLock lock(&mu_);
  batch_bytes_max_[topic] = bytes;
}

void FakeBroker::FailNext(Api api, int16_t code, int times) {
  const absl::MutexLock lock(&mu_);
  failures_[api].insert(failures_[api].end(), static_cast<size_t>(times), code);
}

void FakeBroker::CloseInsteadOfAnswering(Api api) {
  const absl::MutexLock lock(&mu_);
  ++closes_[api];
}

void FakeBroker::TimeOutBeforeNext(Api api) {
  const absl::MutexLock lock(&mu_);
  ++time_outs_[api];
}

void FakeBroker::AnswerNext(Api api, std::string body) {
  const absl::MutexLock lock(&mu_);
  answers_[api] = std::move(body);
}

void FakeBroker::WantSasl(std::string mechanism, absl::Duration session) {
  const absl::MutexLock lock(&mu_);
  mechanism_ = std::move(mechanism);
  session_ = session;
}

void FakeBroker::RefuseProofs(std::string challenge) {
  const absl::MutexLock lock(&mu_);
  challenge_ = std::move(challenge);
}

std::vector<std::string> FakeBroker::proofs() const {
  const absl::MutexLock lock(&mu_);
  return proofs_;
}

int FakeBroker::requests(Api api) const {
  int all = 0;
  for (int broker = 0; broker < static_cast<int>(ports_.size()); ++broker) {
    all += requests(api, broker);
  }
  return all;
}

int FakeBroker::requests(Api api, int broker) const {
  const absl::MutexLock lock(&mu_);
  const auto found = requests_.find({api, broker});
  return found == requests_.end() ? 0 : found->second;
}

int16_t FakeBroker::last_version(Api api) const {
  const absl::MutexLock lock(&mu_);
  const auto found = versions_.find(api);
  return found == versions_.end() ? int16_t{-1} : found->second;
}

std::vector<FakeBroker::Batch> FakeBroker::committed(const std::string& topic,
                                                     int32_t partition) const {
  const absl::MutexLock lock(&mu_);
  const auto found = partitions_.find({topic, partition});
  return found == partitions_.end() ? std::vector<Batch>() : found->second.committed;
}

int FakeBroker::committed_records(const std::string& topic) const {
  const absl::MutexLock lock(&mu_);
  int records = 0;
  for (const auto& [key, partition] : partitions_) {
    if (key.first != topic) continue;
    for (const Batch& batch : partition.committed) records += batch.records;
  }
  return records;
}

std::map<int32_t, int64_t> FakeBroker::committed_offsets() const {
  const absl::MutexLock lock(&mu_);
  return offsets_;
}

ProducerIdentity FakeBroker::producer(const std::string& transactional_id) const {
  const absl::MutexLock lock(&mu_);
  const auto found = producers_.find(transactional_id);
  return found == producers_.end() ? ProducerIdentity() : found->second.identity;
}

void FakeBroker::Fence(const std::string& transactional_id) {
  const absl::MutexLock lock(&mu_);
  Producer& producer = ProducerOf(transactional_id);
  ++producer.identity.epoch;
  producer.raised_by_end = false;
}

FakeBroker::Producer& FakeBroker::ProducerOf(const std::string& transactional_id) {
  const auto next = static_cast<int64_t>(1'000 + producers_.size());
  const auto [found, is_new] = producers_.try_emplace(transactional_id);
  if (is_new) found->second.identity = {next, -1};
  return found->second;
}

bool FakeBroker::IsCurrent(ProducerIdentity producer) const {
  return std::any_of(producers_.begin(), producers_.end(),
                     [producer](const auto& one) { return one.second.identity == producer; });
}

bool FakeBroker::IsBusy(std::string_view transactional_id) const {
  return keeps_last_id_busy_ && transactional_id == ended_last_;
}

void FakeBroker::EndTransaction(Producer& producer, bool commit) {
  for (auto& [key, partition] : partitions_) {
    Partition::OfProducer& ours = partition.producers[producer.identity.id];
    auto& to = partition.committed;
    if (commit) to.insert(to.end(), ours.open.begin(), ours.open.end());
    ours.open.clear();
    ours.in_transaction = false;
  }
  if (commit) {
    for (const auto& [index, offset] : producer.open_offsets) offsets_[index] = offset;
  }
  producer.open_offsets.clear();
  producer.committed = commit;
}

void FakeBroker::TimeOut() {
  for (auto& [id, producer] : producers_) {
    const int64_t number = producer.identity.id;
    const bool is_open = !producer.open_offsets.empty() ||
                         std::any_of(partitions_.begin(), partitions_.end(), [number](auto& one) {
                           return !one.second.producers[number].open.empty();
                         });
    if (!is_open) continue;
    EndTransaction(producer, /*commit=*/false);
    ++producer.identity.epoch;
    producer.raised_by_end = true;
  }
}

void FakeBroker::Run() {
  std::vector<Client> clients;
  while (!stopping_) {
    std::vector<pollfd> descriptors;
    for (const Client& client : clients) {
      const bool is_silent = client.broker == silent_broker_;
      descriptors.push_back({client.socket, static_cast<short>(is_silent ? 0 : POLLIN), 0});
    }
    for (const int listener : listeners_) descriptors.push_back({listener, POLLIN, 0});
    if (::poll(descriptors.data(), descriptors.size(), kPollMs) < 0) break;
    const size_t served = clients.size();
    for (size_t i = 0; i < served; ++i) {
      const bool readable = descriptors[i].revents != 0 && clients[i].broker != silent_broker_;
      const bool is_away = away_ || clients[i].broker == away_broker_;
      if (!is_away && (!readable || Serve(clients[i]))) continue;
      ::close(clients[i].socket);
      clients[i].socket = -1;
    }
    for (size_t i = 0; i < listeners_.size(); ++i) {
      if ((descriptors[served + i].revents & POLLIN) == 0) continue;
      const int socket = ::accept4(listeners_[i], nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) continue;
      clients.push_back({socket, static_cast<int>(i), ""});
      ++connections_;
    }
    std::erase_if(clients, [](const Client& client) { return client.socket < 0; });
  }
  for (const Client& client : clients) ::close(client.socket);
}

bool FakeBroker::Serve(Client& client) {
  char chunk[64 << 10];
  const ssize_t got = ::recv(client.socket, chunk, sizeof(chunk), 0);
  if (got <= 0) return false;
  client.received.append(chunk, static_cast<size_t>(got));
  while (client.received.size() >= 4) {
    const auto size = static_cast<size_t>(WireReader(client.received).Int32());
    if (client.received.size() < 4 + size) break;
    if (!OnFrame(client, std::string_view(client.received).substr(4, size))) return false;
    client.received.erase(0, 4 + size);
  }
  return true;
}

bool FakeBroker::MayAsk(const Client& client, Api api) const {
  const bool authenticates =
      api == Api::kApiVersions || api == Api::kSaslHandshake || api == Api::kSaslAuthenticate;
  return mechanism_.empty() || authenticates || absl::Now() < client.known_until;
}

std::string FakeBroker::Handshake(WireReader& request, int16_t code) {
  if (code == 0 && request.OldString() != mechanism_) code = kNoSuchMechanism;
  std::string out;
  WireWriter writer(&out);
  writer.Int16(code);
  writer.Int32(1);
  writer.OldString(mechanism_);
  return out;
}

std::string FakeBroker::Authenticate(Client& client, WireReader& request, int16_t code) {
  proofs_.emplace_back(request.String());
  if (!challenge_.empty() && proofs_.back() == kAcknowledged) code = kAuthenticationFailed;
  const bool ends = session_ > absl::ZeroDuration();
  if (code == 0 && challenge_.empty()) {
    client.known_until = ends ? absl::Now() + session_ * kSessionsMissed : absl::InfiniteFuture();
  }
  std::string out;
  WireWriter writer(&out);
  writer.Int16(code);
  writer.NullableString(code == 0 ? std::string_view() : "invalid credentials");
  writer.String(code == 0 ? challenge_ : std::string_view());
  writer.Int64(ends ? absl::ToInt64Milliseconds(session_) : 0);
  writer.NoTags();
  return out;
}

bool FakeBroker::OnFrame(Client& client, std::string_view frame) {
  WireReader request(frame);
  const auto api = static_cast<Api>(request.Int16());
  const int16_t version = request.Int16();
  const int32_t correlation = request.Int32();
  request.OldString();
  if (api != Api::kSaslHandshake) request.SkipTags();

  const absl::MutexLock lock(&mu_);
  if (!MayAsk(client, api)) return false;
  ++requests_[{api, client.broker}];
  versions_[api] = version;
  int16_t code = 0;
  if (!failures_[api].empty()) {
    code = failures_[api].front();
    failures_[api].pop_front();
  }
  if (time_outs_[api] > 0) {
    --time_outs_[api];
    TimeOut();
  }
  const bool of_coordinator = api == Api::kInitProducerId || api == Api::kEndTxn ||
                              api == Api::kAddPartitionsToTxn || api == Api::kTxnOffsetCommit;
  if (of_coordinator && client.broker != coordinator_) code = kNotCoordinator;
  std::string body = api == Api::kSaslHandshake ? Handshake(request, code)
                     : api == Api::kSaslAuthenticate
                         ? Authenticate(client, request, code)
                         : Answer(api, version, client.broker, request, code);
  if (closes_[api] > 0) {
    --closes_[api];
    return false;
  }
  if (const auto found = answers_.find(api); found != answers_.end()) {
    body = found->second;
    answers_.erase(found);
  }
  std::string answer;
  WireWriter writer(&answer);
  const bool tags = api != Api::kApiVersions && api != Api::kSaslHandshake;
  writer.Int32(static_cast<int32_t>(4 + (tags ? 1 : 0) + body.size()));
  writer.Int32(correlation);
  if (tags) writer.NoTags();
  answer += body;
  return ::send(client.socket, answer.data(), answer.size(), MSG_NOSIGNAL) >= 0;
}

std::string FakeBroker::Answer(Api api, int16_t version, int broker, WireReader& request,
                               int16_t code) {
  switch (api) {
    case Api::kApiVersions:
      return Versions();
    case Api::kMetadata:
      return Metadata(version, request);
    case Api::kFindCoordinator:
      return FindCoordinatorBytes(
          "key", {coordinator_, "127.0.0.1", ports_[static_cast<size_t>(coordinator_)]}, code);
    case Api::kInitProducerId:
      return InitProducer(request, code);
    case Api::kProduce:
      return Produce(version, broker, request, code);
    case Api::kAddPartitionsToTxn:
      return AddPartitions(request, code);
    case Api::kTxnOffsetCommit:
      return CommitOffsets(request, code);
    case Api::kEndTxn:
      return End(version, request, code);
    default:
      return ErrorBytes(code);
  }
}

std::string FakeBroker::Versions() {
  std::string out;
  WireWriter writer(&out);
  const std::vector<std::pair<int, int16_t>> newest = {
      {0, 13}, {3, 13}, {10, 6}, {17, 1}, {18, 4}, {20, 5}, {22, 6},
      {24, 5}, {25, 4}, {26, 5}, {27, 1}, {28, 5}, {29, 2}, {30, 2},
      {31, 2}, {36, 2}, {48, 1}, {49, 1}, {61, 0}, {65, 0}, {66, 0}};
  writer.Int16(0);
  writer.ArraySize(newest.size());
  for (const auto& [api, max] : newest) {
    writer.Int16(static_cast<int16_t>(api));
    writer.Int16(0);
    writer.Int16(max);
    writer.NoTags();
  }
  writer.Int32(0);
  std::string features;
  WireWriter field(&features);
  field.ArraySize(1);
  field.String("transaction.version");
  field.Int16(transaction_version_);
  field.Int16(transaction_version_);
  field.NoTags();
  writer.UnsignedVarint(1);
  writer.UnsignedVarint(2);
  writer.UnsignedVarint(static_cast<uint32_t>(features.size()));
  return out + features;
}

std::string FakeBroker::Metadata(int16_t version, WireReader& request) {
  MetadataAnswer answer;
  answer.controller = 0;
  for (size_t i = 0; i < ports_.size(); ++i) {
    answer.brokers.push_back({static_cast<int32_t>(i), "127.0.0.1", ports_[i]});
  }
  const size_t count = request.ArraySize(2);
  for (size_t i = 0; i < count; ++i) {
    for (int byte = 0; version >= 10 && byte < 16; ++byte) request.Int8();
    MetadataAnswer::Topic topic;
    topic.name = request.NullableString();
    request.SkipTags();
    const auto known = topics_.find(topic.name);
    topic.error_code = known == topics_.end() ? kUnknownTopic : int16_t{0};
    for (int partition = 0; known != topics_.end() && partition < known->second; ++partition) {
      topic.partitions.push_back({0, partition, partitions_[{topic.name, partition}].leader, 0});
    }
    answer.topics.push_back(topic);
  }
  return MetadataBytes(version, answer);
}

std::string FakeBroker::InitProducer(WireReader& request, int16_t code) {
  if (code != 0) return ProducerBytes(code, {});
  Producer& producer = ProducerOf(std::string(request.NullableString()));
  request.Int32();
  const ProducerIdentity current{request.Int64(), request.Int16()};
  if (current.id >= 0 && !(current == producer.identity)) return ProducerBytes(kInvalidEpoch, {});
  ++producer.identity.epoch;
  producer.raised_by_end = false;
  EndTransaction(producer, /*commit=*/false);
  return ProducerBytes(0, producer.identity);
}

int16_t FakeBroker::Append(const PartitionKey& key, int broker, std::string_view bytes,
                           bool adds_itself) {
  const auto found = partitions_.find(key);
  if (found == partitions_.end()) return kUnknownTopic;
  Partition& partition = found->second;
  if (partition.leader != broker) return kNotLeader;
  const auto limit = batch_bytes_max_.find(key.first);
  if (limit != batch_bytes_max_.end() && bytes.size() > limit->second) return kTooLarge;
  const Batch batch = BatchOf(bytes);
  if (!IsCurrent(batch.producer)) return kInvalidEpoch;
  Partition::OfProducer& ours = partition.producers[batch.producer.id];
  if (batch.transactional && !adds_itself && !ours.in_transaction) return kInvalidTxnState;
  if (ours.epoch != batch.producer.epoch) {
    ours.epoch = batch.producer.epoch;
    ours.next_sequence = 0;
  }
  if (batch.base_sequence < ours.next_sequence) return 0;  // it has it already
  if (batch.base_sequence > ours.next_sequence) return kOutOfOrder;
  ours.next_sequence += batch.records;
  (batch.transactional ? ours.open : partition.committed).push_back(batch);
  return 0;
}

std::string FakeBroker::Produce(int16_t version, int broker, WireReader& request, int16_t code) {
  if (IsBusy(request.NullableString())) code = kConcurrentTransactions;
  request.Int16();
  request.Int32();
  std::vector<PartitionError> outcomes;
  const size_t topics = request.ArraySize(1);
  for (size_t i = 0; i < topics; ++i) {
    const std::string topic(request.String());
    const size_t partitions = request.ArraySize(1);
    for (size_t j = 0; j < partitions; ++j) {
      const int32_t index = request.Int32();
      const std::string_view bytes = request.NullableString();
      request.SkipTags();
      const bool adds_itself = version >= kProduceAddsItself;
      const int16_t outcome = code != 0 ? code : Append({topic, index}, broker, bytes, adds_itself);
      outcomes.push_back({topic, index, outcome});
    }
    request.SkipTags();
  }
  return ProduceBytes(outcomes);
}

std::string FakeBroker::AddPartitions(WireReader& request, int16_t code) {
  const std::string_view id = request.String();
  if (IsBusy(id)) code = kConcurrentTransactions;
  const int64_t producer = request.Int64();
  request.Int16();
  std::vector<PartitionError> outcomes;
  const size_t topics = request.ArraySize(1);
  for (size_t i = 0; i < topics; ++i) {
    const std::string topic(request.String());
    const size_t partitions = request.ArraySize(4);
    for (size_t j = 0; j < partitions; ++j) {
      const int32_t index = request.Int32();
      if (code == 0) partitions_[{topic, index}].producers[producer].in_transaction = true;
      outcomes.push_back({topic, index, code});
    }
    request.SkipTags();
  }
  return PartitionErrorBytes(outcomes);
}

std::string FakeBroker::CommitOffsets(WireReader& request, int16_t code) {
  const std::string id(request.String());
  Producer& producer = ProducerOf(id);
  request.String();
  const ProducerIdentity sender{request.Int64(), request.Int16()};
  if (IsBusy(id)) code = kConcurrentTransactions;
  if (code == 0 && !(sender == producer.identity)) code = kInvalidEpoch;
  request.Int32();
  request.String();
  request.NullableString();
  request.ArraySize(1);
  const std::string topic(request.String());
  std::vector<PartitionError> outcomes;
  const size_t partitions = request.ArraySize(1);
  for (size_t i = 0; i < partitions; ++i) {
    const int32_t index = request.Int32();
    const int64_t offset = request.Int64();
    request.Int32();
    request.NullableString();
    request.SkipTags();
    if (code == 0) producer.open_offsets[index] = offset;
    outcomes.push_back({topic, index, code});
  }
  return PartitionErrorBytes(outcomes);
}

std::string FakeBroker::End(int16_t version, WireReader& request, int16_t code) {
  const std::string id(request.String());
  Producer& producer = ProducerOf(id);
  const ProducerIdentity sender{request.Int64(), request.Int16()};
  const bool commit = request.Bool();
  const bool raises = version >= 5;
  // An end that comes again is answered again.
  const bool again = raises && producer.raised_by_end && sender.id == producer.identity.id &&
                     sender.epoch + 1 == producer.identity.epoch;
  if (code == 0 && again && commit != producer.committed) code = kInvalidTxnState;
  if (code == 0 && !again && !(sender == producer.identity)) code = kInvalidEpoch;
  if (code == 0 && !again) {
    EndTransaction(producer, commit);
    if (raises) ++producer.identity.epoch;
    producer.raised_by_end = raises;
    ended_last_ = id;
  }
  return raises ? ProducerBytes(code, code == 0 ? producer.identity : ProducerIdentity{})
                : ErrorBytes(code);
}

}  // namespace turnout::connectors
