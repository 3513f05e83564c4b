#include "connectors/cluster_client.h"

#include <poll.h>

#include <algorithm>

#include "absl/container/inlined_vector.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "connectors/protocol_errors.h"
#include "connectors/steady_clock.h"

namespace turnout::connectors {
namespace {

constexpr absl::Duration kLookUpBackoff = absl::Milliseconds(20);
// Topics that are known already are not asked for more often, however many partitions fail.
constexpr absl::Duration kRefreshBackoff = absl::Milliseconds(50);
constexpr int kDefaultPort = 9092;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

struct Address {
  std::string host;
  int port = kDefaultPort;
};

// "host", "host:port", "[v6]:port", each with librdkafka's optional "SSL://" before it.
absl::StatusOr<Address> AddressOf(absl::string_view text) {
  const size_t scheme = text.find("://");
  if (scheme != absl::string_view::npos) text.remove_prefix(scheme + 3);
  Address address;
  const size_t colon = text.rfind(':');
  const size_t bracket = text.rfind(']');
  const bool has_port =
      colon != absl::string_view::npos && (bracket == absl::string_view::npos || bracket < colon);
  if (has_port && (!absl::SimpleAtoi(text.substr(colon + 1), &address.port) || address.port < 1 ||
                   address.port > 65'535)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("brokers: `%s` is no host:port", std::string(text)));
  }
  absl::string_view host = has_port ? text.substr(0, colon) : text;
  absl::ConsumePrefix(&host, "[");
  absl::ConsumeSuffix(&host, "]");
  address.host = std::string(host);
  return address;
}

}  // namespace

ClusterClient::ClusterClient(const KafkaClientOptions& options) : options_(options) {
  settings_.client_id = options.client_id;
}

ClusterClient::~ClusterClient() = default;

absl::StatusOr<std::unique_ptr<ClusterClient>> ClusterClient::Make(
    const KafkaClientOptions& options) {
  std::unique_ptr<ClusterClient> client(new ClusterClient(options));
  const absl::Status started = client->Start();
  if (!started.ok()) return started;
  return client;
}

// What was there before stays in use where it fails.
absl::Status ClusterClient::TakeSecurity() {
  absl::StatusOr<ClientSecurity> security = ClientSecurityOf(
      options_.security != nullptr ? options_.security->Current() : options_.properties,
      options_.tokens);
  if (!security.ok()) return security.status();
  std::unique_ptr<TlsContext> context;
  if (security->tls) {
    absl::StatusOr<std::unique_ptr<TlsContext>> tls = TlsContext::Make(*security->tls);
    if (!tls.ok()) return tls.status();
    context = *std::move(tls);
  }
  settings_.security = *std::move(security);
  settings_.tls = context.get();
  tls_ = std::move(context);
  return absl::OkStatus();
}

// Passwords are for the next authentication; certificates are shown when a connection is made.
void ClusterClient::RenewSecurity() {
  if (options_.security == nullptr) return;
  const uint64_t passwords = options_.security->password_edition();
  const uint64_t certificates = options_.security->certificate_edition();
  if (passwords == password_edition_ && certificates == certificate_edition_) return;
  password_edition_ = passwords;
  if (!TakeSecurity().ok()) return;  // a file is replaced again: the next edition comes with it
  if (std::exchange(certificate_edition_, certificates) == certificates) return;
  EachConnection([](BrokerConnection& connection) { connection.Renew(); });
}

absl::Status ClusterClient::Start() {
  if (options_.security != nullptr) {
    password_edition_ = options_.security->password_edition();
    certificate_edition_ = options_.security->certificate_edition();
  }
  const absl::Status secured = TakeSecurity();
  if (!secured.ok()) return secured;
  for (absl::string_view part :
       absl::StrSplit(options_.bootstrap_servers, ',', absl::SkipWhitespace())) {
    const absl::StatusOr<Address> address = AddressOf(absl::StripAsciiWhitespace(part));
    if (!address.ok()) return address.status();
    bootstrap_.push_back(
        std::make_unique<BrokerConnection>(&settings_, address->host, address->port));
  }
  if (bootstrap_.empty()) return absl::InvalidArgumentError("brokers: names none");
  return absl::OkStatus();
}

template <typename Visit>
void ClusterClient::EachConnection(Visit visit) {
  for (const auto& connection : bootstrap_) visit(*connection);
  for (const auto& [id, connection] : brokers_) visit(*connection);
}

void ClusterClient::Turn(absl::Time until) {
  RenewSecurity();
  Poll(until);
  const absl::Time now = SteadyNow();
  EachConnection([now](BrokerConnection& connection) { connection.OnTime(now); });
  PursueTopics(now);
  for (auto& [key, known] : coordinators_) PursueCoordinator(key, known, now);
}

void ClusterClient::Poll(absl::Time until) {
  const absl::Time begin = SteadyNow();
  constexpr size_t kFewBrokers = 8;
  absl::InlinedVector<pollfd, kFewBrokers> descriptors;
  absl::InlinedVector<BrokerConnection*, kFewBrokers> polled;
  EachConnection([&](BrokerConnection& connection) {
    until = std::min(until, connection.deadline());
    if (connection.descriptor() < 0) return;
    const short wanted = connection.wants_write(begin) ? POLLIN | POLLOUT : POLLIN;
    descriptors.push_back({connection.descriptor(), wanted, 0});
    polled.push_back(&connection);
  });
  if (!wanted_.empty()) until = std::min(until, std::max(topics_retry_at_, begin + kLookUpBackoff));
  const absl::Duration wait = std::max(until - begin, absl::ZeroDuration());
  const timespec timeout = absl::ToTimespec(wait);
  if (::ppoll(descriptors.data(), descriptors.size(), &timeout, nullptr) <= 0) return;
  const absl::Time now = SteadyNow();
  for (size_t i = 0; i < polled.size(); ++i) {
    if (descriptors[i].revents != 0) polled[i]->OnReady(now);
  }
}

absl::StatusOr<BrokerConnection*> ClusterClient::AnyBroker() {
  const absl::Time now = SteadyNow();
  BrokerConnection* ready = nullptr;
  EachConnection([&ready](BrokerConnection& connection) {
    if (connection.ready() && connection.has_room()) ready = &connection;
  });
  absl::Status why;
  if (ready != nullptr) {
    why = ready->Ready(now);
    if (why.ok()) return ready;
  }
  // Whichever is there first. Those of the config go on being tried, since all others may have
  // gone.
  EachConnection([&why, now](BrokerConnection& connection) {
    const absl::Status status = connection.Ready(now);
    // That one is too old is not forgotten over another that can't be reached.
    if (!status.ok() && !absl::IsUnimplemented(why)) why = status;
  });
  trouble_ = std::string(why.message());
  return why.ok() ? absl::UnavailableError("no broker is connected yet") : why;
}

absl::StatusOr<BrokerConnection*> ClusterClient::Broker(int32_t id) {
  const auto found = brokers_.find(id);
  if (found == brokers_.end()) {
    return absl::UnavailableError(absl::StrFormat("broker %d is not known", id));
  }
  BrokerConnection& connection = *found->second;
  const absl::Status status = connection.Ready(SteadyNow());
  if (!status.ok()) {
    trouble_ = std::string(status.message());
    return status;
  }
  if (!connection.has_room()) {
    return absl::UnavailableError(
        absl::StrFormat("broker %s has many requests to answer", connection.name()));
  }
  trouble_.clear();
  return &connection;
}

std::vector<int32_t> ClusterClient::brokers() const {
  std::vector<int32_t> ids;
  for (const auto& [id, connection] : brokers_) ids.push_back(id);
  return ids;
}

const ClusterClient::Topic* ClusterClient::FindTopic(std::string_view name) const {
  const auto found = topics_.find(View(name));
  return found == topics_.end() ? nullptr : &found->second;
}

void ClusterClient::WantTopic(std::string_view name) {
  if (!topics_.contains(View(name))) topics_retry_at_ = absl::InfinitePast();
  wanted_.emplace(View(name));
}

void ClusterClient::ForgetTopic(std::string_view name) { topics_.erase(View(name)); }

void ClusterClient::PursueTopics(absl::Time now) {
  if (topics_lookup_.connection != nullptr) {
    const auto answer = topics_lookup_.connection->Take(topics_lookup_.request);
    if (!answer) return;
    LearnTopics(*answer, now);
    topics_lookup_ = {};
    asked_.clear();
  }
  if (!wanted_.empty() && now >= topics_retry_at_) AskForTopics(now);
}

void ClusterClient::AskForTopics(absl::Time now) {
  const absl::StatusOr<BrokerConnection*> broker = AnyBroker();
  if (!broker.ok()) return;
  asked_.assign(wanted_.begin(), wanted_.end());
  wanted_.clear();
  BrokerConnection& connection = **broker;
  RequestFrame frame = connection.Begin(Api::kMetadata);
  WriteMetadata(connection.versions().Version(Api::kMetadata), asked_, frame.own());
  topics_lookup_ = {&connection, connection.Send(Api::kMetadata, std::move(frame), now)};
  topics_retry_at_ = now + kRefreshBackoff;
}

void ClusterClient::LearnTopics(const absl::StatusOr<Answer>& answer, absl::Time now) {
  const int16_t version = topics_lookup_.connection->versions().Version(Api::kMetadata);
  absl::StatusOr<MetadataAnswer> metadata =
      answer.ok() ? ReadMetadata(version, answer->body()) : answer.status();
  if (!metadata.ok()) {
    trouble_ = std::string(metadata.status().message());
    wanted_.insert(asked_.begin(), asked_.end());
    return;
  }
  LearnBrokers(metadata->brokers);
  for (const MetadataAnswer::Topic& told : metadata->topics) {
    Topic& topic = topics_[told.name];
    topic.error_code = told.error_code;
    topic.told = now;
    topic.leaders.assign(told.partitions.size(), -1);
    for (const MetadataAnswer::Partition& partition : told.partitions) {
      const auto index = static_cast<size_t>(partition.index);
      if (index < topic.leaders.size()) topic.leaders[index] = partition.leader;
    }
  }
}

void ClusterClient::LearnBrokers(const std::vector<MetadataAnswer::Broker>& brokers) {
  for (const MetadataAnswer::Broker& broker : brokers) {
    std::unique_ptr<BrokerConnection>& connection = brokers_[broker.id];
    if (connection == nullptr) {
      connection = std::make_unique<BrokerConnection>(&settings_, broker.host, broker.port);
    } else {
      connection->MoveTo(broker.host, broker.port);
    }
  }
}

absl::StatusOr<BrokerConnection*> ClusterClient::Coordinator(CoordinatorKind kind,
                                                             const std::string& key) {
  Known& known = coordinators_[{kind, key}];
  if (known.broker >= 0) {
    absl::StatusOr<BrokerConnection*> broker = Broker(known.broker);
    // One that can't be reached has probably handed over.
    if (brokers_.at(known.broker)->closed()) known.broker = -1;
    return broker;
  }
  PursueCoordinator({kind, key}, known, SteadyNow());
  if (known.trouble.ok()) return absl::UnavailableError("the coordinator is not known yet");
  if (absl::IsUnavailable(known.trouble)) return known.trouble;
  return std::exchange(known.trouble, absl::OkStatus());
}

void ClusterClient::ForgetCoordinator(CoordinatorKind kind, const std::string& key) {
  const auto found = coordinators_.find({kind, key});
  if (found != coordinators_.end()) found->second.broker = -1;
}

void ClusterClient::PursueCoordinator(const CoordinatorKey& key, Known& known, absl::Time now) {
  if (known.lookup.connection != nullptr) {
    const auto answer = known.lookup.connection->Take(known.lookup.request);
    if (!answer) return;
    LearnCoordinator(*answer, known, now);
    known.lookup = {};
  }
  if (known.broker >= 0 || now < known.retry_at) return;
  const absl::StatusOr<BrokerConnection*> broker = AnyBroker();
  if (!broker.ok()) {
    known.trouble = broker.status();
    return;
  }
  BrokerConnection& connection = **broker;
  RequestFrame frame = connection.Begin(Api::kFindCoordinator);
  WriteFindCoordinator(key.first, key.second, frame.own());
  known.lookup = {&connection, connection.Send(Api::kFindCoordinator, std::move(frame), now)};
}

void ClusterClient::LearnCoordinator(const absl::StatusOr<Answer>& answer, Known& known,
                                     absl::Time now) {
  known.retry_at = now + kLookUpBackoff;
  const absl::StatusOr<FindCoordinatorAnswer> found =
      answer.ok() ? ReadFindCoordinator(answer->body()) : answer.status();
  known.trouble = found.ok() ? StatusOfProtocolCode(found->error_code, "finding the coordinator",
                                                    found->error_message)
                             : absl::UnavailableError(found.status().message());
  if (!known.trouble.ok()) return;
  LearnBrokers({found->broker});
  known.broker = found->broker.id;
}

void ClusterClient::Reconnect() {
  const absl::Time now = SteadyNow();
  EachConnection([now](BrokerConnection& connection) {
    connection.Close(absl::UnavailableError("connecting anew"), now);
    connection.RetryAt(now);
  });
}

}  // namespace turnout::connectors
