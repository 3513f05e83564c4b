#include "runtime/managed_values.h"

#include <signal.h>
#include <string.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "router/document.h"
#include "runtime/bearer_token.h"
#include "runtime/http_request.h"
#include "runtime/log.h"

namespace turnout::runtime {
namespace {

constexpr size_t kNameBytesMax = 100;
constexpr absl::Duration kStartPause = absl::Milliseconds(500);
constexpr char kItems[] = "/items/";

bool IsItemName(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

// Whoever is on the way would read what is asked for, and the token.
absl::Status CheckAddress(const std::string& url) {
  constexpr absl::string_view kHttp = "http://";
  if (absl::StartsWith(url, "https://")) return absl::OkStatus();
  const std::string rest = absl::StartsWith(url, kHttp) ? url.substr(kHttp.size()) : "";
  if (IsLoopbackHost(rest.substr(0, rest.find_first_of("/?")))) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(url,
                   " is neither https:// nor this machine's: whoever is on the way would read "
                   "what is asked for (write https://)"));
}

void Wipe(std::string* text) { ::explicit_bzero(text->data(), text->size()); }

// A member of the answer that is a text; empty: there is none.
std::string TextOf(const router::Node& answer, std::string_view name) {
  for (const router::Member& member : answer.members) {
    if (member.name == name && member.value.kind == router::Node::Kind::kString) {
      return member.value.text;
    }
  }
  return "";
}

absl::Status Refused(const std::string& url, int status, const std::string& said) {
  std::string cure = said;
  if (cure.empty()) cure = "see what is wrong there";
  const std::string text = absl::StrFormat("%s answers %d: %s", url, status, cure);
  return status == 429 || status >= 500 ? absl::UnavailableError(text)
                                        : absl::InvalidArgumentError(text);
}

// The `text` of what is answered there.
absl::StatusOr<state::SecretText> AskFor(state::HttpClient* http, const Config::SecretsFrom& from,
                                         std::string method, const std::string& url) {
  if (const absl::Status checked = CheckAddress(url); !checked.ok()) return checked;
  state::HttpRequest request{.method = std::move(method),
                             .url = url,
                             .answer_bytes_max = kManagedBytesMax,
                             .timeout = kManagedTimeout};
  if (!from.token_file.empty()) {
    const absl::StatusOr<std::string> token = ReadBearerToken(from.token_file);
    if (!token.ok()) return token.status();
    request.headers.emplace_back("Authorization", absl::StrCat("Bearer ", *token));
  }
  absl::StatusOr<state::HttpResponse> answer = http->Send(request);
  if (!answer.ok()) return answer.status();
  std::vector<router::Problem> problems;
  std::optional<router::Node> read = router::ParseJson(answer->body, &problems);
  Wipe(&answer->body);
  const bool is_given = answer->status == 200 && read.has_value();
  state::SecretText text(is_given ? TextOf(*read, "text") : "");
  const std::string said = read.has_value() ? TextOf(*read, "error") : "";
  if (read.has_value()) {
    for (router::Member& member : read->members) Wipe(&member.value.text);
  }
  if (!is_given) return Refused(url, answer->status, said);
  return text;
}

bool IsToEnd() {
  sigset_t pending;
  return ::sigpending(&pending) == 0 &&
         (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

// Calls again while the manager is away.
template <typename Call>
auto Patiently(Call call) -> decltype(call()) {
  const absl::Time until = absl::Now() + kManagedStartWait;
  for (bool is_first = true;; is_first = false) {
    auto answer = call();
    if (!absl::IsUnavailable(answer.status()) || absl::Now() > until || IsToEnd()) return answer;
    if (is_first) {
      std::fprintf(stderr, "waiting for the config manager: %s\n",
                   WithoutSecrets(std::string(answer.status().message())).c_str());
    }
    absl::SleepFor(kStartPause);
  }
}

}  // namespace

ManagedValues::ManagedValues(Config::SecretsFrom from)
    : from_(std::move(from)), http_(state::HttpOptions{.ca_bundle = from_.ca_bundle}) {}

absl::StatusOr<state::SecretText> ManagedValues::Ask(std::string_view kind,
                                                     const std::string& name) {
  if (from_.url.empty()) {
    return absl::InvalidArgumentError(
        "no config manager is named (set secrets_from.url: https://HOST/v1/services/SERVICE)");
  }
  return kind == "secret"
             ? AskFor(&http_, from_, "POST", absl::StrCat(from_.url, "/secrets/", name, "/release"))
             : AskFor(&http_, from_, "GET", absl::StrCat(from_.url, "/items/config/", name));
}

absl::StatusOr<std::string> ManagedValues::Get(std::string_view kind, const std::string& name,
                                               absl::Time now) {
  if (!IsItemName(name)) {
    return absl::InvalidArgumentError("is no item's name (letters, digits, `.`, `_` and `-`)");
  }
  const absl::MutexLock lock(&mu_);
  Kept& kept = kept_[absl::StrFormat("%s/%s", kind, name)];
  if (now >= kept.ask_at) {
    absl::StatusOr<state::SecretText> asked = Ask(kind, name);
    const bool was_ok = kept.problem.ok();
    kept.problem = asked.status();
    kept.ask_at = now + (asked.ok() ? from_.recheck : std::min(kManagedRetry, from_.recheck));
    if (asked.ok()) {
      kept.value = *std::move(asked);
      kept.has_value = true;
    } else if (was_ok && kept.has_value) {
      LogWarning("secret_not_renewed",
                 absl::StrFormat("%s/%s: %s; what was given last is used meanwhile", kind, name,
                                 kept.problem.message()));
    }
  }
  if (!kept.problem.ok() && !(kept.has_value && absl::IsUnavailable(kept.problem))) {
    return kept.problem;
  }
  return std::string(kept.value.view());
}

absl::StatusOr<std::string> ManagedValues::GetAtStart(std::string_view kind,
                                                      const std::string& name) {
  return Patiently([&] { return Get(kind, name, absl::Now()); });
}

ConfigEnvironment EnvironmentOf(const Config& config) {
  ConfigEnvironment environment = RealEnvironment();
  const auto values = std::make_shared<ManagedValues>(config.secrets_from);
  environment.managed = [values](const Config::SecretsFrom&, std::string_view kind,
                                 const std::string& name) {
    return values->Get(kind, name, absl::Now());
  };
  return environment;
}

absl::StatusOr<std::string> ReadManagedPipeline(const std::string& url, Config::SecretsFrom* from) {
  const size_t items = url.find(kItems);
  if (items == std::string::npos) {
    return absl::InvalidArgumentError(
        "is no item's address (write https://HOST/v1/services/SERVICE/items/pipeline/NAME)");
  }
  from->url = url.substr(0, items);
  state::HttpClient http(state::HttpOptions{.ca_bundle = from->ca_bundle});
  const auto text = Patiently([&] { return AskFor(&http, *from, "GET", url); });
  if (!text.ok()) return text.status();
  return std::string(text->view());
}

}  // namespace turnout::runtime
