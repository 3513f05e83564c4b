// BrokerConnection: one connection to one broker: requests out, answers in, in order.
//
// Internal to connectors/. It connects when it is first asked for, encrypts, asks for the broker's
// versions, authenticates, and is ready then; when it is lost, what was on its way fails and the
// next use connects again, after a pause that doubles. It never waits: its owner polls its
// descriptor and tells it what is ready, and what time it is.
//
//   closed -> connecting -> (encrypting) -> asking versions -> (authenticating) -> ready -> closed
//
// An authentication that ends (KIP-368) is renewed on the same connection, behind what is on its
// way, when it is next asked for in the last fifth of its time: ready -> authenticating -> ready.
//
// Errors: Unavailable, with the reason, for what is lost with the connection and for what is not
//   answered in time, which a broker that refuses our credentials is too. Unimplemented: the broker
//   is too old.
// Units: times as the owner's clock gives them.
// Threads: one.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/client_security.h"
#include "connectors/kafka_api.h"
#include "connectors/request_frame.h"
#include "connectors/tls_transport.h"
#include "connectors/transport.h"

namespace turnout::connectors {

// Common to the connections of a client; outlives them.
struct ConnectionSettings {
  std::string client_id;
  ClientSecurity security;
  const TlsContext* tls = nullptr;                     // with security.tls
  absl::Duration setup_timeout = absl::Seconds(10);    // until it is ready
  absl::Duration request_timeout = absl::Seconds(30);  // for an answer; the broker is lost then
};

// A broker's answer: a frame, of which `body` is what the decoders read.
class Answer {
 public:
  Answer(std::string frame, size_t body_begin)
      : frame_(std::move(frame)), body_begin_(body_begin) {}
  std::string_view body() const { return std::string_view(frame_).substr(body_begin_); }

 private:
  std::string frame_;
  size_t body_begin_;
};

class BrokerConnection {
 public:
  static constexpr size_t kAnswerBytesMax = 64 << 20;
  static constexpr size_t kInFlightMax = 64;

  BrokerConnection(const ConnectionSettings* settings, std::string host, int port);

  // Begins to connect if it is closed and may. OK when it is ready, else Unavailable with what is
  // known of why.
  absl::Status Ready(absl::Time now);
  bool ready() const { return stage_ == Stage::kReady; }
  bool closed() const { return stage_ == Stage::kClosed; }
  // What both sides speak, once it is ready.
  const ApiVersionTable& versions() const { return versions_; }

  // Only while it is ready. A request's header; the rest is the caller's to append.
  RequestFrame Begin(Api api);
  // Sends what Begin gave, in its order. Returns the number under which the answer can be taken.
  int32_t Send(Api api, RequestFrame frame, absl::Time now);
  bool has_room() const { return pending_.size() < kInFlightMax; }

  // Nothing while it is on its way.
  std::optional<absl::StatusOr<Answer>> Take(int32_t request);
  // The answer is of no interest any more. What the frame borrows is free then, if need be by
  // giving the connection up.
  void Forget(int32_t request);

  // To be made anew, since what it was made with has changed: as soon as all that is on its way is
  // answered, and before anything else is.
  void Renew() { renew_ = stage_ != Stage::kClosed; }

  // After a broker's throttle time: nothing is sent until then.
  void HoldUntil(absl::Time then) { held_until_ = then; }

  // The broker has another address now.
  void MoveTo(const std::string& host, int port);
  // When closed, not to connect before.
  void RetryAt(absl::Time when) { retry_at_ = when; }

  // For poll(): -1 when there is nothing to wait for.
  int descriptor() const { return socket_.get(); }
  bool wants_write(absl::Time now) const;
  // When it has to be told the time at the latest.
  absl::Time deadline() const;

  void OnReady(absl::Time now);  // the descriptor is ready for what it was polled for
  void OnTime(absl::Time now);
  void Close(const absl::Status& why, absl::Time now);

  const std::string& name() const { return name_; }  // host:port

 private:
  enum class Stage { kClosed, kConnecting, kEncrypting, kVersions, kMechanism, kProof, kReady };

  // A request that is queued, being sent or waits for its answer.
  struct Pending {
    int32_t request = 0;
    Api api = Api::kApiVersions;
    bool ours = false;  // part of the setting up
    bool forgotten = false;
    absl::Time deadline;
  };

  absl::Status Connect(absl::Time now);
  absl::Status Advance(absl::Time now);
  absl::Status OnConnected(absl::Time now);
  absl::Status AskVersions(absl::Time now);
  absl::Status OnSetupAnswer(Api api, std::string_view body, absl::Time now);
  absl::Status OnVersions(std::string_view body, absl::Time now);
  void BeginAuthentication(absl::Time now);
  absl::Status OnMechanism(std::string_view body, absl::Time now);
  absl::Status OnProof(std::string_view body, absl::Time now);
  void SendProof(const std::string& proof, absl::Time now);
  void OnSetUp();
  RequestFrame BeginVersion(Api api, int16_t version);
  int32_t SendAs(Api api, RequestFrame frame, bool ours, absl::Time now);

  absl::Status Write(absl::Time now);
  absl::Status Read(absl::Time now);
  absl::Status TakeFrames(absl::Time now);
  absl::Status OnFrame(std::string frame, absl::Time now);

  const ConnectionSettings* const settings_;
  std::string host_;
  int port_;
  std::string name_;

  Stage stage_ = Stage::kClosed;
  absl::Status why_closed_;
  Socket socket_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<SaslClient> sasl_;
  ApiVersionTable versions_;
  size_t attempts_ = 0;
  absl::Duration backoff_;
  absl::Time retry_at_ = absl::InfinitePast();
  bool wanted_ = false;  // closed, and somebody waits for it
  bool renew_ = false;
  absl::Time setup_deadline_ = absl::InfiniteFuture();
  absl::Time expires_at_ = absl::InfiniteFuture();  // the authentication's end
  absl::Time held_until_ = absl::InfinitePast();

  int32_t last_request_ = 0;
  std::deque<RequestFrame> unsent_;
  size_t sent_bytes_ = 0;        // of the first of them
  std::deque<Pending> pending_;  // in the order in which they are answered
  absl::flat_hash_map<int32_t, absl::StatusOr<Answer>> answers_;
  std::string chunk_;     // what is read goes here first
  std::string received_;  // what is no whole answer yet
};

}  // namespace turnout::connectors
