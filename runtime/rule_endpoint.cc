#include "runtime/rule_endpoint.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "connectors/steady_clock.h"
#include "router/content_hash.h"
#include "runtime/bearer_token.h"

namespace turnout::runtime {
namespace {

constexpr int kOk = 200;
constexpr int kNotModified = 304;
// Between any two questions, whatever was answered.
constexpr absl::Duration kPauseMin = absl::Milliseconds(100);
// What an error's text may take of a message.
constexpr size_t kShownBytesMax = 200;

state::HttpOptions ClientOptions(const RuleEndpointOptions& options) {
  state::HttpOptions http;
  http.ca_bundle = options.ca_bundle;
  return http;
}

std::string WithWait(const std::string& url, absl::Duration wait) {
  return absl::StrCat(url, url.find('?') == std::string::npos ? "?" : "&",
                      "wait=", absl::ToInt64Seconds(wait));
}

// The first line of what an error says of itself.
std::string Shown(const std::string& body) {
  absl::string_view text = absl::StripAsciiWhitespace(body);
  text = text.substr(0, std::min({text.find('\n'), text.find('\r'), kShownBytesMax}));
  return text.empty() ? "" : absl::StrCat(": ", text);
}

absl::Status Refused(const RuleEndpointOptions& options, const state::HttpResponse& answer) {
  const std::string url = PlainUrl(options.url);
  std::string cure = "see what is wrong there";
  if (answer.status == 401 || answer.status == 403) {
    cure = options.token_file.empty()
               ? "name a token it takes in rules_from.token_file"
               : absl::StrCat("see that it takes the token in ", options.token_file);
  } else if (answer.status == 404) {
    cure = "see that `rules` names the right place";
  } else if (answer.status >= 300 && answer.status < 400) {
    cure = "nobody is followed: name the place itself in `rules`";
  }
  return absl::UnavailableError(
      absl::StrFormat("%s answers %d%s (%s)", url, answer.status, Shown(answer.body), cure));
}

}  // namespace

RuleEndpoint::RuleEndpoint(RuleEndpointOptions options)
    : options_(std::move(options)), http_(ClientOptions(options_)) {
  status_.kind = "http";
  status_.name = PlainUrl(options_.url);
  thread_ = std::thread([this] { Run(); });
}

RuleEndpoint::~RuleEndpoint() {
  stop_ = true;
  {
    absl::MutexLock lock(&mu_);  // wakes who pauses
  }
  thread_.join();
}

std::optional<RuleFiles> RuleEndpoint::Take(absl::Time) {
  absl::MutexLock lock(&mu_);
  return std::exchange(news_, std::nullopt);
}

RuleOriginStatus RuleEndpoint::status() const {
  absl::MutexLock lock(&mu_);
  return status_;
}

void RuleEndpoint::Run() {
  absl::Duration failed_pause = kPauseMin;
  bool is_well = false;
  while (!stop_) {
    const absl::Time asked_at = connectors::SteadyNow();
    absl::StatusOr<state::HttpResponse> answer = Ask(/*may_wait=*/is_well);
    absl::StatusOr<bool> learned = answer.ok() ? Learn(*std::move(answer)) : answer.status();
    is_well = learned.ok();
    const bool is_told = Tell(learned.status());
    if (is_told || (is_well && *learned)) options_.on_news();
    if (!is_well) {
      failed_pause = std::min(failed_pause * 2, options_.pause_max);
      Pause(failed_pause);
      continue;
    }
    failed_pause = kPauseMin;
    // One that does not wait is not asked without end.
    const absl::Duration took = connectors::SteadyNow() - asked_at;
    Pause(*learned ? kPauseMin : std::max(kPauseMin, options_.pause - took));
  }
}

absl::StatusOr<state::HttpResponse> RuleEndpoint::Ask(bool may_wait) {
  state::HttpRequest request;
  request.url = options_.url;
  request.headers = {{"Accept", "application/json"}, {"Turnout-Instance", options_.instance}};
  request.answer_bytes_max = options_.bytes_max;
  request.timeout = kAnswerTimeout;
  request.stop = &stop_;
  if (!etag_.empty()) request.headers.emplace_back("If-None-Match", etag_);
  if (!etag_.empty() && may_wait && options_.wait > absl::ZeroDuration()) {
    request.url = WithWait(request.url, options_.wait);
    request.timeout += options_.wait;
    request.may_stall = true;
  }
  if (!options_.token_file.empty()) {
    const absl::StatusOr<std::string> token = ReadBearerToken(options_.token_file);
    if (!token.ok()) return token.status();
    request.headers.emplace_back("Authorization", absl::StrCat("Bearer ", *token));
  }
  return http_.Send(request);
}

absl::StatusOr<bool> RuleEndpoint::Learn(state::HttpResponse answer) {
  if (answer.status == kNotModified && !etag_.empty()) return false;
  if (answer.status != kOk) return Refused(options_, answer);
  router::ContentHash hash;
  hash.Add(answer.body);
  const bool is_same = answer.Header("etag") == etag_ && hash.Value() == body_hash_;
  etag_ = answer.Header("etag");
  body_hash_ = hash.Value();
  if (is_same) return false;
  RuleFiles files;
  absl::StatusOr<RuleTextsByName> texts = ReadRuleDocument(options_.url, std::move(answer.body));
  if (texts.ok()) {
    for (auto& [name, text] : *texts) files.files[name].text = std::move(text);
  } else {
    files.is_complete = false;
    files.refused.push_back(RefusedOrigin(PlainUrl(options_.url),
                                          std::string(texts.status().message()),
                                          "mend it there; until then nothing changes"));
  }
  absl::MutexLock lock(&mu_);
  news_ = std::move(files);
  status_.version = etag_;
  status_.last_change = absl::Now();
  return true;
}

// True when the status is another.
bool RuleEndpoint::Tell(const absl::Status& asked) {
  absl::MutexLock lock(&mu_);
  const std::string problem(asked.message());
  const bool is_news = problem != status_.problem;
  status_.problem = problem;
  status_.has_answered = status_.has_answered || asked.ok();
  return is_news;
}

void RuleEndpoint::Pause(absl::Duration pause) {
  absl::MutexLock lock(&mu_);
  const auto is_stopped = [this] { return stop_.load(); };
  connectors::AwaitSteadily(&mu_, absl::Condition(&is_stopped), pause);
}

}  // namespace turnout::runtime
