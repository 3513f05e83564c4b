#include "runtime/rollback_command.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/bearer_token.h"
#include "runtime/config_checks.h"
#include "runtime/exit_status.h"
#include "runtime/http_request.h"
#include "state/http_client.h"

namespace turnout::runtime {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kStatusOk = 200;
// A router answers within four.
constexpr absl::Duration kTimeout = absl::Seconds(6);
constexpr size_t kAnswerBytesMax = 64 << 20;

constexpr std::string_view kHttps = "https://";

// An admin API.
struct Router {
  std::string url;      // http://address, or https:// and what its certificate is of
  std::string address;  // host:port, of one address
  bool operator<(const Router& other) const { return address < other.address; }
  bool operator==(const Router& other) const { return address == other.address; }
};

// A router, and what it goes back to.
struct Target {
  Router router;
  std::string from;  // the rule set in force there
  std::string to;
};

// All addresses of host:port, sorted, each once.
absl::StatusOr<std::vector<Router>> Resolve(const std::string& name) {
  const bool is_https = absl::StartsWith(name, {kHttps.data(), kHttps.size()});
  const std::string admin = is_https ? name.substr(kHttps.size()) : name;
  if (const std::string wrong = CheckListen(admin); !wrong.empty()) {
    return absl::InvalidArgumentError(absl::StrFormat("`%s` %s", name, wrong));
  }
  const size_t colon = admin.rfind(':');
  std::string host = admin.substr(0, colon);
  const std::string port = admin.substr(colon + 1);
  if (host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return absl::UnavailableError(absl::StrFormat("%s: %s", admin, ::gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, ::freeaddrinfo);
  std::vector<Router> routers;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    char text[NI_MAXHOST];
    const bool is_read = ::getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof(text), nullptr,
                                       0, NI_NUMERICHOST) == 0;
    if (!is_read) continue;
    const bool is_v6 = one->ai_family == AF_INET6;
    const std::string address = absl::StrCat(is_v6 ? "[" : "", text, is_v6 ? "]:" : ":", port);
    routers.push_back({is_https ? name : absl::StrCat("http://", address), address});
  }
  std::sort(routers.begin(), routers.end());
  routers.erase(std::unique(routers.begin(), routers.end()), routers.end());
  return routers;
}

// One that is reached over a network, and not by https.
const Router* FindOpen(const std::vector<Router>& routers) {
  for (const Router& router : routers) {
    const bool is_https = absl::StartsWith(router.url, {kHttps.data(), kHttps.size()});
    if (!is_https && !IsLoopbackHost(router.address)) return &router;
  }
  return nullptr;
}

class AdminClient {
 public:
  AdminClient(std::string token, const std::string& ca_file)
      : token_(std::move(token)), http_({.ca_bundle = ca_file, .direct = true}) {}

  absl::StatusOr<Json> Ask(const std::string& method, const Router& router, const std::string& path,
                           const std::string& body = "") {
    state::HttpRequest request;
    request.method = method;
    request.url = absl::StrCat(router.url, path);
    request.connect_to = router.address;
    request.body = body;
    request.timeout = kTimeout;
    request.answer_bytes_max = kAnswerBytesMax;
    if (!token_.empty()) request.headers = {{"Authorization", absl::StrCat("Bearer ", token_)}};
    const absl::StatusOr<state::HttpResponse> answer = http_.Send(request);
    if (!answer.ok()) return answer.status();
    Json json = Json::parse(answer->body, nullptr, /*allow_exceptions=*/false);
    if (answer->status == kStatusOk && json.is_object()) return json;
    const std::string error = json.is_object() ? json.value("error", "") : "";
    return absl::UnavailableError(
        absl::StrFormat("it answers %d%s%s", answer->status, error.empty() ? "" : ": ", error));
  }

 private:
  const std::string token_;
  state::HttpClient http_;
};

// The rule set that was in force before the one that is: `versions` has the newest first.
std::string Before(const Json& page, const std::string& in_force) {
  const Json& versions = page.at("versions");
  for (size_t i = 0; i < versions.size(); ++i) {
    if (versions[i].at("rule_set") != in_force) continue;
    return i + 1 < versions.size() ? versions[i + 1].at("rule_set").get<std::string>() : "";
  }
  return versions.empty() ? "" : versions[0].at("rule_set").get<std::string>();
}

absl::StatusOr<Target> Look(AdminClient& client, const Router& router, const std::string& to) {
  const absl::StatusOr<Json> page = client.Ask("GET", router, "/v1/rules");
  if (!page.ok()) return page.status();
  try {  // nlohmann's accessors throw; what they refuse is no router's answer
    if (page->at("rule_set").is_null()) return absl::UnavailableError("no rules are in force yet");
    Target target{.router = router, .from = page->at("rule_set").get<std::string>(), .to = to};
    if (target.to.empty()) target.to = Before(*page, target.from);
    if (!target.to.empty()) return target;
    return absl::NotFoundError(
        absl::StrFormat("no rule set from before %s is kept there", target.from));
  } catch (const Json::exception& error) {
    return absl::UnavailableError(absl::StrFormat("its /v1/rules can't be read: %s", error.what()));
  }
}

int Say(std::FILE* err, const std::string& what) {
  std::fprintf(err, "turnout rollback: %s\n", what.c_str());
  return kExitFailed;
}

int RollBack(AdminClient& client, const std::vector<Router>& routers, const std::string& to,
             std::FILE* out, std::FILE* err) {
  std::vector<Target> targets;
  for (const Router& router : routers) {
    const absl::StatusOr<Target> target = Look(client, router, to);
    if (!target.ok()) {
      return Say(err, absl::StrCat("nothing is changed: ", router.address, ": ",
                                   target.status().message()));
    }
    if (!targets.empty() && target->to != targets[0].to) {
      return Say(err, absl::StrFormat("nothing is changed: %s would go back to %s, %s to %s (say "
                                      "which with --to HASH)",
                                      targets[0].router.address, targets[0].to, router.address,
                                      target->to));
    }
    targets.push_back(*target);
  }
  int status = kExitOk;
  for (const Target& target : targets) {
    const std::string body = Json({{"to", target.to}}).dump();
    const auto answer = client.Ask("POST", target.router, "/v1/rules/rollback", body);
    if (answer.ok()) {
      std::fprintf(out, "%s: from %s back to %s\n", target.router.address.c_str(),
                   target.from.c_str(), target.to.c_str());
    } else {
      status = Say(err, absl::StrCat(target.router.address, ": ", answer.status().message()));
    }
  }
  return status;
}

int Resume(AdminClient& client, const std::vector<Router>& routers, std::FILE* out,
           std::FILE* err) {
  int status = kExitOk;
  for (const Router& router : routers) {
    const auto answer = client.Ask("POST", router, "/v1/rules/resume");
    if (answer.ok()) {
      std::fprintf(out, "%s: goes on with what its origin has\n", router.address.c_str());
    } else {
      status = Say(err, absl::StrCat(router.address, ": ", answer.status().message()));
    }
  }
  return status;
}

}  // namespace

int RunRollback(const RollbackOptions& options, std::FILE* out, std::FILE* err) {
  std::string token;
  if (!options.token_file.empty()) {
    absl::StatusOr<std::string> read = ReadBearerToken(options.token_file);
    if (!read.ok()) {
      Say(err, std::string(read.status().message()));
      return kExitRefused;
    }
    token = *std::move(read);
  }
  std::vector<Router> routers;
  for (const std::string& admin : options.admins) {
    const absl::StatusOr<std::vector<Router>> found = Resolve(admin);
    if (!found.ok()) {
      Say(err, std::string(found.status().message()));
      return absl::IsInvalidArgument(found.status()) ? kExitRefused : kExitFailed;
    }
    routers.insert(routers.end(), found->begin(), found->end());
  }
  if (const Router* const open = token.empty() ? nullptr : FindOpen(routers)) {
    Say(err, absl::StrFormat("nothing is asked: whoever is on the way to %s would read the token "
                             "(set admin.tls there, and write --admin https://HOST:PORT)",
                             open->address));
    return kExitRefused;
  }
  AdminClient client(std::move(token), options.ca_file);
  return options.resumes ? Resume(client, routers, out, err)
                         : RollBack(client, routers, options.to, out, err);
}

}  // namespace turnout::runtime
