#include "runtime/http_front.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/synchronization/mutex.h"
#include "connectors/steady_clock.h"
#include "runtime/answer_threads.h"

namespace turnout::runtime {
namespace {

using connectors::Socket;

// What is left unread of a request when its answer has gone out is read and thrown away for so
// long: closing with unread bytes would make the kernel discard the answer.
constexpr absl::Duration kDrainTimeout = absl::Milliseconds(200);
constexpr size_t kUnreadBytesMax = 256 << 10;
// When there are no more descriptors, nobody is accepted for so long.
constexpr absl::Duration kAcceptPause = absl::Milliseconds(100);
constexpr int kAcceptedAtOnceMax = 64;
constexpr size_t kReadBytes = 16 << 10;
// What all requests hold is counted each time that so much a part of their bound has come.
constexpr size_t kRoomLooks = 64;
// What one client takes before it is another one's turn.
constexpr size_t kTurnBytesMax = 256 << 10;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

enum class Phase { kHandshaking, kReading, kAnswering, kHeld, kWriting, kDraining };

struct Connection {
  uint64_t number = 0;  // in order of acceptance
  Socket socket;
  std::string peer;
  std::unique_ptr<connectors::Transport> transport;  // destroyed before its socket
  Phase phase = Phase::kHandshaking;
  absl::Time deadline;      // of the phase
  absl::Time end_deadline;  // of the connection
  std::string in;
  size_t head_bytes = 0;  // 0: the head isn't whole
  HttpRequest request;
  std::string out;
  size_t sent = 0;
  size_t drained = 0;

  size_t unsent() const { return out.size() - sent; }
  // Of its request, as far as it has come.
  size_t held_bytes() const {
    if (phase == Phase::kReading) return in.size();
    return phase == Phase::kAnswering ? request.body_bytes : 0;
  }
};

// What requests and answers hold may be secret, and is not left behind in memory.
void WipeAway(std::string* text) {
  ::explicit_bzero(text->data(), text->size());
  std::string().swap(*text);
}

short WantedOf(const Connection& connection) {
  if (connection.phase == Phase::kHeld) return POLLRDHUP;  // only whether it goes away
  if (connection.phase == Phase::kWriting) return POLLOUT;
  const bool writes = connection.transport != nullptr && connection.transport->wants_write();
  return writes ? POLLOUT : POLLIN;
}

}  // namespace

struct HttpFront::Impl {
  Impl(HttpFrontOptions with, ListenSocket at, HoldingHandler handle, Refuse to_refuse)
      : options(std::move(with)),
        listener(std::move(at)),
        handler(std::move(handle)),
        refuse(std::move(to_refuse)),
        wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
        answers(options.threads, options.connections_max, [this] { Wake(); }) {}

  void Wake() const {
    const uint64_t one = 1;
    (void)!::write(wake.get(), &one, sizeof(one));
  }
  void Run();
  void Poll();
  void LetGoOfTheIdle();
  // Whether what has come of all requests is within bounds, if need be without those of others.
  bool MakeRoom(const Connection* newest);
  absl::Duration UntilNextDeadline() const;
  bool HasPlace() const;
  void AcceptAll();
  bool Add(AcceptedSocket accepted);
  void TakeAnswers();

  // What is next on a connection, as far as it goes now. False: it is over.
  bool Advance(Connection* connection);
  bool Handshake(Connection* connection);
  bool ReadRequest(Connection* connection);
  bool LookAtRequest(Connection* connection);
  void Ask(Connection* connection);
  bool Answer(Connection* connection, std::string bytes);
  bool Write(Connection* connection);
  bool Drain(Connection* connection);

  // Of those whose phase is `phase`, or of all that aren't being answered: the oldest of the
  // address that has most of them. Null: there is none.
  Connection* Victim(std::optional<Phase> phase, const Connection* but);
  void CutOff(const Connection* connection);
  void KeepUnsentBounded(const Connection* newest);

  HttpFrontOptions options;
  ListenSocket listener;
  const HoldingHandler handler;
  const Refuse refuse;
  const Socket wake;
  std::atomic<bool> is_ending{false};
  std::atomic<bool> is_finishing{false};
  absl::Mutex mu;
  bool is_finished ABSL_GUARDED_BY(mu) = false;
  // The rest is the thread's.
  std::vector<std::unique_ptr<Connection>> connections;  // the oldest first
  uint64_t accepted_so_far = 0;
  size_t received = 0;  // since room was looked for
  absl::Time accept_again_at = absl::InfinitePast();
  absl::Time now;
  AnswerThreads answers;
  std::thread thread;
};

void HttpFront::Impl::Run() {
  // Writing to a socket that the client has closed is an error like others.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  while (!is_ending) Poll();
}

void HttpFront::Impl::Poll() {
  now = connectors::SteadyNow();
  std::vector<pollfd> waits = {{wake.get(), POLLIN, 0}};
  if (is_finishing) LetGoOfTheIdle();
  const bool accepts = !is_finishing && now >= accept_again_at && HasPlace();
  if (accepts) waits.push_back({listener.socket.get(), POLLIN, 0});
  std::vector<Connection*> waiting;
  for (const auto& connection : connections) {
    if (connection->phase == Phase::kAnswering) continue;
    waits.push_back({connection->socket.get(), WantedOf(*connection), 0});
    waiting.push_back(connection.get());
  }
  const int64_t wait_ms = absl::ToInt64Milliseconds(UntilNextDeadline()) + 1;
  ::poll(waits.data(), waits.size(), static_cast<int>(std::min<int64_t>(wait_ms, 60'000)));
  now = connectors::SteadyNow();
  uint64_t ignored = 0;
  if (waits[0].revents != 0) (void)!::read(wake.get(), &ignored, sizeof(ignored));
  const size_t first = waits.size() - waiting.size();
  std::vector<const Connection*> over;
  for (size_t i = 0; i < waiting.size(); ++i) {
    if (waits[first + i].revents != 0 && !Advance(waiting[i])) over.push_back(waiting[i]);
  }
  for (const Connection* const connection : over) CutOff(connection);
  TakeAnswers();
  connections.erase(std::remove_if(connections.begin(), connections.end(),
                                   [this](const auto& one) { return now >= one->deadline; }),
                    connections.end());
  if (accepts && waits[1].revents != 0) AcceptAll();
}

// Those that nothing is owed to, once nobody is to begin any more.
void HttpFront::Impl::LetGoOfTheIdle() {
  TakeAnswers();
  std::erase_if(connections, [](const auto& one) {
    return one->phase == Phase::kHandshaking || one->phase == Phase::kReading ||
           one->phase == Phase::kHeld;
  });
  const absl::MutexLock lock(&mu);
  is_finished = connections.empty();
}

bool HttpFront::Impl::MakeRoom(const Connection* newest) {
  for (;;) {
    size_t bytes = 0;
    absl::flat_hash_map<std::string_view, size_t> held;
    for (const auto& one : connections) {
      bytes += one->held_bytes();
      held[one->peer] += one->held_bytes();
    }
    if (bytes <= options.bodies_bytes_max) return true;
    // Whoever has most loses first: nobody holds others up with what they send by half.
    Connection* victim = nullptr;
    const auto rank = [&held](const Connection& of) {
      return std::pair(held[of.peer], of.held_bytes());
    };
    for (const auto& one : connections) {
      if (one->phase != Phase::kReading || one->in.empty()) continue;
      if (victim == nullptr || rank(*one) > rank(*victim)) victim = one.get();
    }
    if (victim == nullptr || victim == newest) return false;
    // Its turn may be yet to come: it is closed when its time is up, which is now.
    WipeAway(&victim->in);
    victim->deadline = absl::InfinitePast();
  }
}

absl::Duration HttpFront::Impl::UntilNextDeadline() const {
  absl::Time next = now + absl::Seconds(60);
  if (accept_again_at > now) next = std::min(next, accept_again_at);
  for (const auto& connection : connections) next = std::min(next, connection->deadline);
  return std::max(absl::ZeroDuration(), next - now);
}

bool HttpFront::Impl::HasPlace() const {
  return connections.size() < options.connections_max ||
         std::any_of(connections.begin(), connections.end(),
                     [](const auto& one) { return one->phase != Phase::kAnswering; });
}

void HttpFront::Impl::AcceptAll() {
  for (int i = 0; i < kAcceptedAtOnceMax && HasPlace(); ++i) {
    AcceptedSocket accepted = Accept(listener.socket);
    if (accepted.error != 0) accept_again_at = now + kAcceptPause;
    if (!accepted.socket.open() || !Add(std::move(accepted))) return;
  }
}

bool HttpFront::Impl::Add(AcceptedSocket accepted) {
  if (connections.size() >= options.connections_max) CutOff(Victim(std::nullopt, nullptr));
  auto connection = std::make_unique<Connection>();
  connection->number = ++accepted_so_far;
  connection->socket = std::move(accepted.socket);
  connection->peer = std::move(accepted.peer);
  connection->deadline = now + std::min(options.request_timeout, options.connection_timeout);
  connection->end_deadline = now + options.connection_timeout;
  const int descriptor = connection->socket.get();
  if (options.certificates != nullptr) {
    auto made = options.certificates->Current(now).MakeTransport(descriptor);
    if (!made.ok()) return true;  // this one is closed; the next may fare better
    connection->transport = *std::move(made);
  } else {
    connection->transport = connectors::MakePlainTransport(descriptor);
  }
  connections.push_back(std::move(connection));
  return true;
}

void HttpFront::Impl::TakeAnswers() {
  for (auto& [number, bytes] : answers.Take()) {
    const auto asked = std::find_if(connections.begin(), connections.end(),
                                    [n = number](const auto& one) { return one->number == n; });
    if (asked == connections.end()) continue;
    Connection* const connection = asked->get();
    // An answer may be given before the handler has said that it is held.
    if (connection->phase != Phase::kAnswering && connection->phase != Phase::kHeld) continue;
    if (!bytes.has_value()) {
      connection->phase = Phase::kHeld;
      connection->deadline = now + options.hold_max;
      continue;
    }
    if (connection->phase == Phase::kHeld) {
      connection->end_deadline = now + options.connection_timeout;
    }
    if (!Answer(connection, *std::move(bytes))) {
      CutOff(connection);
    } else {
      KeepUnsentBounded(connection);
    }
  }
}

bool HttpFront::Impl::Advance(Connection* connection) {
  switch (connection->phase) {
    case Phase::kHandshaking:
      return Handshake(connection);
    case Phase::kReading:
      return ReadRequest(connection);
    case Phase::kAnswering:
      return true;
    case Phase::kHeld:
      return false;  // it went away
    case Phase::kWriting:
      return Write(connection);
    case Phase::kDraining:
      return Drain(connection);
  }
  return false;
}

bool HttpFront::Impl::Handshake(Connection* connection) {
  const absl::StatusOr<bool> done = connection->transport->Handshake();
  if (!done.ok()) return false;
  if (!*done) return true;
  connection->phase = Phase::kReading;
  return ReadRequest(connection);
}

bool HttpFront::Impl::ReadRequest(Connection* connection) {
  char bytes[kReadBytes];
  for (;;) {
    const absl::StatusOr<size_t> got = connection->transport->Read(bytes, sizeof(bytes));
    if (!got.ok()) return false;
    if (*got == 0) return true;
    if (connection->deadline == absl::InfinitePast()) return false;
    connection->in.append(bytes, *got);
    ::explicit_bzero(bytes, *got);
    received += *got;
    if (received >= options.bodies_bytes_max / kRoomLooks) {
      received = 0;
      if (!MakeRoom(connection)) {
        return Answer(connection, refuse({503, "too many requests are large: ask again"}));
      }
    }
    if (!LookAtRequest(connection)) return false;
    if (connection->phase != Phase::kReading) return true;
  }
}

// Whether more of it is wanted; if not, what becomes of it.
bool HttpFront::Impl::LookAtRequest(Connection* connection) {
  const std::string& in = connection->in;
  HttpRequest& request = connection->request;
  if (connection->head_bytes == 0) {
    if (!absl::ascii_isalpha(static_cast<unsigned char>(in[0]))) {
      return Answer(connection, refuse({400, "this is no request of HTTP"}));
    }
    const size_t size = HttpHeadSize(in);
    if (std::min(size, in.size()) > kHttpHeadBytesMax) {
      return Answer(connection, refuse({431, "the request's head is too large"}));
    }
    if (size == std::string::npos) return true;
    const std::string_view head = std::string_view(in).substr(0, size);
    if (const auto fault = ReadHttpHead(head, options.body_bytes_max, &request)) {
      return Answer(connection, refuse(*fault));
    }
    connection->head_bytes = size;
    const bool wants_word = request.expects_continue && in.size() < size + request.body_bytes;
    // A socket to which nothing was written yet takes so little at once, or never.
    if (wants_word && connection->transport->Write({kContinue}).value_or(0) != kContinue.size()) {
      return false;
    }
  }
  if (in.size() < connection->head_bytes + request.body_bytes) return true;
  request.body = in.substr(connection->head_bytes, request.body_bytes);
  Ask(connection);
  return true;
}

void HttpFront::Impl::Ask(Connection* connection) {
  connection->phase = Phase::kAnswering;
  connection->deadline = connection->end_deadline;
  WipeAway(&connection->in);
  const bool is_asked =
      answers.Ask(connection->number, connection->end_deadline,
                  [this, request = std::move(connection->request), peer = connection->peer,
                   number = connection->number]() mutable {
                    auto answer = handler(request, peer, number);
                    WipeAway(&request.body);
                    return answer;
                  });
  if (!is_asked) Answer(connection, refuse({503, "too many requests wait: ask again"}));
}

bool HttpFront::Impl::Answer(Connection* connection, std::string bytes) {
  connection->phase = Phase::kWriting;
  connection->deadline = connection->end_deadline;
  connection->out = std::move(bytes);
  return Write(connection);
}

bool HttpFront::Impl::Write(Connection* connection) {
  const size_t turn_end = connection->sent + kTurnBytesMax;
  while (connection->unsent() > 0) {
    if (connection->sent >= turn_end) return true;
    const absl::StatusOr<size_t> took =
        connection->transport->Write({std::string_view(connection->out).substr(connection->sent)});
    if (!took.ok()) return false;
    if (*took == 0) return true;
    connection->sent += *took;
  }
  connection->transport.reset();  // with TLS, it takes its leave
  ::shutdown(connection->socket.get(), SHUT_WR);
  WipeAway(&connection->out);
  connection->sent = 0;
  connection->phase = Phase::kDraining;
  connection->deadline = std::min(connection->end_deadline, now + kDrainTimeout);
  return Drain(connection);
}

bool HttpFront::Impl::Drain(Connection* connection) {
  char thrown_away[kReadBytes];
  while (connection->drained < kUnreadBytesMax) {
    const ssize_t got = ::recv(connection->socket.get(), thrown_away, sizeof(thrown_away), 0);
    if (got == 0) return false;
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    connection->drained += static_cast<size_t>(got);
  }
  return false;
}

Connection* HttpFront::Impl::Victim(std::optional<Phase> phase, const Connection* but) {
  absl::flat_hash_map<std::string_view, size_t> held;
  for (const auto& one : connections) ++held[one->peer];
  Connection* victim = nullptr;
  size_t victim_held = 0;
  for (const auto& one : connections) {
    if (one.get() == but || one->phase == Phase::kAnswering) continue;
    if (phase.has_value() && one->phase != *phase) continue;
    if (held[one->peer] <= victim_held) continue;
    victim = one.get();
    victim_held = held[one->peer];
  }
  return victim;
}

void HttpFront::Impl::CutOff(const Connection* connection) {
  connections.erase(
      std::remove_if(connections.begin(), connections.end(),
                     [connection](const auto& one) { return one.get() == connection; }),
      connections.end());
}

void HttpFront::Impl::KeepUnsentBounded(const Connection* newest) {
  size_t unsent = 0;
  for (const auto& one : connections) unsent += one->unsent();
  while (unsent > options.unsent_bytes_max) {
    const Connection* const victim = Victim(Phase::kWriting, newest);
    if (victim == nullptr) return;
    unsent -= victim->unsent();
    CutOff(victim);
  }
}

HttpFront::HttpFront(HttpFrontOptions options, ListenSocket listener, Handler handler,
                     Refuse refuse)
    : HttpFront(std::move(options), std::move(listener),
                HoldingHandler([handle = std::move(handler)](const HttpRequest& request,
                                                             const std::string& peer, uint64_t) {
                  return std::optional<std::string>(handle(request, peer));
                }),
                std::move(refuse)) {}

HttpFront::HttpFront(HttpFrontOptions options, ListenSocket listener, HoldingHandler handler,
                     Refuse refuse)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(listener), std::move(handler),
                                   std::move(refuse))) {
  impl_->thread = std::thread([impl = impl_.get()] { impl->Run(); });
}

void HttpFront::Give(uint64_t number, std::string answer) {
  impl_->answers.Give(number, std::move(answer));
}

void HttpFront::Finish(absl::Duration within) {
  impl_->is_finishing = true;
  impl_->Wake();
  absl::MutexLock lock(&impl_->mu);
  connectors::AwaitSteadily(&impl_->mu, absl::Condition(&impl_->is_finished), within);
}

HttpFront::~HttpFront() {
  impl_->is_ending = true;
  impl_->Wake();
  impl_->thread.join();
}

}  // namespace turnout::runtime
