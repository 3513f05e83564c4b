#include "connectors/broker_connection.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "connectors/protocol_errors.h"
#include "connectors/steady_clock.h"
#include "connectors/wire_format.h"

namespace turnout::connectors {
namespace {

constexpr absl::Duration kBackoffMin = absl::Milliseconds(20);
constexpr absl::Duration kBackoffMax = absl::Seconds(1);
constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kPieces = 256;
constexpr size_t kLengthBytes = 4;
// Of an authentication's time, after which it is renewed; brokers refuse to do so more than once a
// second, even where a token has less time left.
constexpr double kSessionPart = 0.8;
constexpr absl::Duration kRenewWaitMin = absl::Milliseconds(1'100);

}  // namespace

BrokerConnection::BrokerConnection(const ConnectionSettings* settings, std::string host, int port)
    : settings_(settings),
      host_(std::move(host)),
      port_(port),
      name_(absl::StrCat(host_, ":", port_)),
      why_closed_(absl::UnavailableError("not connected yet")) {}

absl::Status BrokerConnection::Ready(absl::Time now) {
  if (renew_ && stage_ == Stage::kReady) {
    if (!pending_.empty()) {
      return absl::UnavailableError(
          absl::StrFormat("broker %s: connecting anew once it has answered", name_));
    }
    Close(absl::UnavailableError("connecting anew by fresh certificates"), now);
  }
  if (stage_ == Stage::kReady && now >= expires_at_) {
    why_closed_ = absl::UnavailableError(absl::StrFormat("broker %s: authenticating anew", name_));
    setup_deadline_ = now + settings_->setup_timeout;
    BeginAuthentication(now);
  }
  if (stage_ == Stage::kReady) return absl::OkStatus();
  wanted_ = true;
  if (stage_ == Stage::kClosed && now >= retry_at_) {
    const absl::Status status = Connect(now);
    if (!status.ok()) Close(status, now);
  }
  return why_closed_;
}

absl::Status BrokerConnection::Connect(absl::Time now) {
  absl::StatusOr<Socket> socket = BeginConnect(host_, port_, attempts_++);
  if (!socket.ok()) return socket.status();
  socket_ = *std::move(socket);
  stage_ = Stage::kConnecting;
  renew_ = false;
  setup_deadline_ = now + settings_->setup_timeout;
  return absl::OkStatus();
}

void BrokerConnection::Close(const absl::Status& why, absl::Time now) {
  const absl::Status named(why.code(), absl::StrFormat("broker %s: %s", name_, why.message()));
  for (const Pending& pending : pending_) {
    if (!pending.ours && !pending.forgotten) answers_.emplace(pending.request, named);
  }
  // Brokers close connections that were idle for long.
  const bool was_idle = stage_ == Stage::kReady && pending_.empty();
  why_closed_ = named;
  stage_ = Stage::kClosed;
  wanted_ = false;
  held_until_ = absl::InfinitePast();
  pending_.clear();
  unsent_.clear();
  sent_bytes_ = 0;
  received_.clear();
  sasl_.reset();
  transport_.reset();
  socket_.Close();
  setup_deadline_ = expires_at_ = absl::InfiniteFuture();
  backoff_ = std::clamp(backoff_ * 2, kBackoffMin, kBackoffMax);
  retry_at_ = was_idle ? now : now + backoff_;
}

void BrokerConnection::MoveTo(const std::string& host, int port) {
  if (host == host_ && port == port_) return;
  const absl::Time now = SteadyNow();
  Close(absl::UnavailableError("it has another address now"), now);
  retry_at_ = now;
  host_ = host;
  port_ = port;
  name_ = absl::StrCat(host_, ":", port_);
}

bool BrokerConnection::wants_write(absl::Time now) const {
  if (stage_ == Stage::kConnecting) return true;
  if (transport_ != nullptr && transport_->wants_write()) return true;
  return !unsent_.empty() && now >= held_until_;
}

absl::Time BrokerConnection::deadline() const {
  if (stage_ == Stage::kClosed) return wanted_ ? retry_at_ : absl::InfiniteFuture();
  absl::Time earliest = setup_deadline_;
  if (!pending_.empty()) earliest = std::min(earliest, pending_.front().deadline);
  if (held_until_ != absl::InfinitePast()) earliest = std::min(earliest, held_until_);
  return earliest;
}

void BrokerConnection::OnTime(absl::Time now) {
  if (now >= held_until_) held_until_ = absl::InfinitePast();
  if (stage_ == Stage::kClosed) return;
  if (now >= setup_deadline_) {
    return Close(absl::UnavailableError("no connection in time"), now);
  }
  if (!pending_.empty() && now >= pending_.front().deadline) {
    Close(absl::UnavailableError(
              absl::StrFormat("%s was not answered in time", ApiName(pending_.front().api))),
          now);
  }
}

void BrokerConnection::OnReady(absl::Time now) {
  const absl::Status status = Advance(now);
  if (!status.ok()) Close(status, now);
}

absl::Status BrokerConnection::Advance(absl::Time now) {
  if (stage_ == Stage::kConnecting) {
    const absl::Status status = OnConnected(now);
    if (!status.ok()) return status;
  }
  if (stage_ == Stage::kEncrypting) {
    const absl::StatusOr<bool> done = transport_->Handshake();
    if (!done.ok()) return done.status();
    if (!*done) return absl::OkStatus();
    const absl::Status status = AskVersions(now);
    if (!status.ok()) return status;
  }
  const absl::Status written = Write(now);
  if (!written.ok()) return written;
  return Read(now);
}

absl::Status BrokerConnection::OnConnected(absl::Time now) {
  const absl::Status outcome = ConnectOutcome(socket_);
  if (!outcome.ok()) return outcome;
  if (settings_->security.tls) {
    absl::StatusOr<std::unique_ptr<Transport>> encrypted =
        settings_->tls->MakeTransport(socket_.get(), host_);
    if (!encrypted.ok()) return encrypted.status();
    transport_ = *std::move(encrypted);
    stage_ = Stage::kEncrypting;
    return absl::OkStatus();
  }
  transport_ = MakePlainTransport(socket_.get());
  return AskVersions(now);
}

absl::Status BrokerConnection::AskVersions(absl::Time now) {
  stage_ = Stage::kVersions;
  RequestFrame frame = BeginVersion(Api::kApiVersions, 3);
  WriteApiVersions("turnout", TURNOUT_VERSION, frame.own());
  SendAs(Api::kApiVersions, std::move(frame), /*ours=*/true, now);
  return absl::OkStatus();
}

absl::Status BrokerConnection::OnSetupAnswer(Api api, std::string_view body, absl::Time now) {
  switch (api) {
    case Api::kApiVersions:
      return OnVersions(body, now);
    case Api::kSaslHandshake:
      return OnMechanism(body, now);
    default:
      return OnProof(body, now);
  }
}

absl::Status BrokerConnection::OnVersions(std::string_view body, absl::Time now) {
  const absl::StatusOr<ApiVersionsAnswer> answer = ReadApiVersions(body);
  if (!answer.ok()) return answer.status();
  if (answer->error_code != 0) {
    return absl::UnimplementedError(
        absl::StrFormat("too old for the batch sink (%s)", ProtocolErrorText(answer->error_code)));
  }
  absl::StatusOr<ApiVersionTable> versions = ApiVersionTable::Agree(*answer);
  if (!versions.ok()) return versions.status();
  versions_ = *std::move(versions);
  if (!settings_->security.sasl) {
    OnSetUp();
    return absl::OkStatus();
  }
  BeginAuthentication(now);
  return absl::OkStatus();
}

void BrokerConnection::BeginAuthentication(absl::Time now) {
  stage_ = Stage::kMechanism;
  expires_at_ = absl::InfiniteFuture();
  sasl_ = MakeSaslClient(*settings_->security.sasl, RandomNonce);
  RequestFrame frame = BeginVersion(Api::kSaslHandshake, 1);
  WriteSaslHandshake(sasl_->mechanism(), frame.own());
  SendAs(Api::kSaslHandshake, std::move(frame), /*ours=*/true, now);
}

absl::Status BrokerConnection::OnMechanism(std::string_view body, absl::Time now) {
  const absl::StatusOr<SaslHandshakeAnswer> answer = ReadSaslHandshake(body);
  if (!answer.ok()) return answer.status();
  if (answer->error_code != 0) {
    return absl::UnavailableError(absl::StrFormat(
        "takes no %s, only %s; check sasl.mechanism", sasl_->mechanism(),
        absl::StrJoin(answer->mechanisms, ", ",
                      [](std::string* out, std::string_view name) { out->append(name); })));
  }
  stage_ = Stage::kProof;
  const absl::StatusOr<std::string> first = sasl_->First();
  if (!first.ok()) return first.status();
  SendProof(*first, now);
  return absl::OkStatus();
}

void BrokerConnection::SendProof(const std::string& proof, absl::Time now) {
  RequestFrame frame = BeginVersion(Api::kSaslAuthenticate, 2);
  WriteSaslAuthenticate(proof, frame.own());
  SendAs(Api::kSaslAuthenticate, std::move(frame), /*ours=*/true, now);
}

absl::Status BrokerConnection::OnProof(std::string_view body, absl::Time now) {
  const absl::StatusOr<SaslAuthenticateAnswer> answer = ReadSaslAuthenticate(body);
  if (!answer.ok()) return answer.status();
  if (answer->error_code != 0) {
    // Most brokers' error repeats what they lack.
    const std::string_view refusal = sasl_->refusal();
    const bool is_said = answer->error_message.find(refusal) != std::string_view::npos;
    return absl::UnavailableError(absl::StrFormat(
        "%s: %s%s%s; check the sasl.* properties", ProtocolErrorText(answer->error_code),
        answer->error_message, is_said ? "" : " ", is_said ? "" : refusal));
  }
  const absl::StatusOr<std::string> next = sasl_->Next(answer->bytes);
  if (!next.ok()) return next.status();
  if (!sasl_->done()) {
    SendProof(*next, now);
    return absl::OkStatus();
  }
  if (answer->session_lifetime_ms > 0) {
    const absl::Duration lifetime = absl::Milliseconds(answer->session_lifetime_ms);
    expires_at_ = now + std::max(lifetime * kSessionPart, kRenewWaitMin);
  }
  OnSetUp();
  return absl::OkStatus();
}

void BrokerConnection::OnSetUp() {
  stage_ = Stage::kReady;
  wanted_ = false;
  sasl_.reset();
  setup_deadline_ = absl::InfiniteFuture();
  backoff_ = absl::ZeroDuration();
}

RequestFrame BrokerConnection::BeginVersion(Api api, int16_t version) {
  RequestFrame frame;
  WriteRequestHeader(api, version, ++last_request_, settings_->client_id, frame.own());
  return frame;
}

RequestFrame BrokerConnection::Begin(Api api) { return BeginVersion(api, versions_.Version(api)); }

int32_t BrokerConnection::Send(Api api, RequestFrame frame, absl::Time now) {
  const int32_t request = SendAs(api, std::move(frame), /*ours=*/false, now);
  const absl::Status status = Write(now);
  if (!status.ok()) Close(status, now);
  return request;
}

int32_t BrokerConnection::SendAs(Api api, RequestFrame frame, bool ours, absl::Time now) {
  frame.Seal();
  unsent_.push_back(std::move(frame));
  pending_.push_back({last_request_, api, ours, false, now + settings_->request_timeout});
  return last_request_;
}

std::optional<absl::StatusOr<Answer>> BrokerConnection::Take(int32_t request) {
  const auto found = answers_.find(request);
  if (found == answers_.end()) return std::nullopt;
  std::optional<absl::StatusOr<Answer>> answer(std::move(found->second));
  answers_.erase(found);
  return answer;
}

void BrokerConnection::Forget(int32_t request) {
  answers_.erase(request);
  for (size_t i = 0; i < pending_.size(); ++i) {
    if (pending_[i].request != request) continue;
    pending_[i].forgotten = true;
    // The last of those pending are the unsent ones.
    if (i + unsent_.size() >= pending_.size()) {
      Close(absl::UnavailableError("given up in the midst of a request"), SteadyNow());
      retry_at_ = absl::InfinitePast();
    }
    return;
  }
}

absl::Status BrokerConnection::Write(absl::Time now) {
  if (now < held_until_) return absl::OkStatus();
  std::array<std::string_view, kPieces> pieces;
  while (!unsent_.empty()) {
    RequestFrame& frame = unsent_.front();
    const size_t count = frame.Rest(sent_bytes_, absl::MakeSpan(pieces));
    const absl::StatusOr<size_t> sent =
        transport_->Write(absl::MakeConstSpan(pieces.data(), count));
    if (!sent.ok()) return sent.status();
    if (*sent == 0) return absl::OkStatus();
    sent_bytes_ += *sent;
    if (sent_bytes_ < frame.bytes()) continue;
    unsent_.pop_front();
    sent_bytes_ = 0;
  }
  return absl::OkStatus();
}

absl::Status BrokerConnection::Read(absl::Time now) {
  chunk_.resize(kReadBytes);
  for (;;) {
    const absl::StatusOr<size_t> got = transport_->Read(chunk_.data(), chunk_.size());
    if (!got.ok()) return got.status();
    if (*got == 0) return absl::OkStatus();
    received_.append(chunk_, 0, *got);
    const absl::Status status = TakeFrames(now);
    if (!status.ok()) return status;
    if (*got < kReadBytes && !settings_->security.tls) return absl::OkStatus();
  }
}

absl::Status BrokerConnection::TakeFrames(absl::Time now) {
  size_t begin = 0;
  while (received_.size() - begin >= kLengthBytes) {
    const std::string_view rest = std::string_view(received_).substr(begin);
    const int32_t length = WireReader(rest).Int32();
    if (length < static_cast<int32_t>(kLengthBytes) ||
        length > static_cast<int32_t>(kAnswerBytesMax)) {
      return absl::UnavailableError(absl::StrFormat(
          "sends an answer of %d bytes, which no Kafka broker does; check the port, and whether it "
          "wants TLS",
          length));
    }
    const auto size = static_cast<size_t>(length);
    if (rest.size() - kLengthBytes < size) break;
    const absl::Status status = OnFrame(std::string(rest.substr(kLengthBytes, size)), now);
    if (!status.ok()) return status;
    begin += kLengthBytes + size;
  }
  received_.erase(0, begin);
  return absl::OkStatus();
}

absl::Status BrokerConnection::OnFrame(std::string frame, absl::Time now) {
  const absl::StatusOr<int32_t> request = ReadCorrelationId(frame);
  if (!request.ok()) return request.status();
  if (pending_.size() <= unsent_.size() || *request != pending_.front().request) {
    return absl::UnavailableError("answers a request that it was not asked");
  }
  const Pending pending = pending_.front();
  pending_.pop_front();
  const absl::StatusOr<AnswerFrame> answer = ReadAnswerHeader(pending.api, frame);
  if (!answer.ok()) {
    if (!pending.ours && !pending.forgotten) answers_.emplace(pending.request, answer.status());
    return answer.status();
  }
  if (pending.ours) return OnSetupAnswer(pending.api, answer->body, now);
  if (pending.forgotten) return absl::OkStatus();
  const size_t body_begin = frame.size() - answer->body.size();
  answers_.emplace(pending.request, Answer(std::move(frame), body_begin));
  return absl::OkStatus();
}

}  // namespace turnout::connectors
