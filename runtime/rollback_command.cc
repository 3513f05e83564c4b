#include "runtime/rollback_command.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/bearer_token.h"
#include "runtime/config_checks.h"
#include "state/http_client.h"

namespace turnout::runtime {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kStatusOk = 200;
// A router answers within four.
constexpr absl::Duration kTimeout = absl::Seconds(6);
constexpr size_t kAnswerBytesMax = 64 << 20;

// A router, and what it goes back to.
struct Target {
  std::string address;  // host:port, of one address
  std::string from;     // the rule set in force there
  std::string to;
};

// All addresses of host:port, sorted, each once.
absl::StatusOr<std::vector<std::string>> Resolve(const std::string& admin) {
  if (const std::string wrong = CheckListen(admin); !wrong.empty()) {
    return absl::InvalidArgumentError(absl::StrFormat("`%s` %s", admin, wrong));
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
  std::vector<std::string> addresses;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    char text[NI_MAXHOST];
    const bool is_read = ::getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof(text), nullptr,
                                       0, NI_NUMERICHOST) == 0;
    if (!is_read) continue;
    const bool is_v6 = one->ai_family == AF_INET6;
    addresses.push_back(absl::StrCat(is_v6 ? "[" : "", text, is_v6 ? "]:" : ":", port));
  }
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

class AdminClient {
 public:
  explicit AdminClient(std::string token) : token_(std::move(token)), http_({.direct = true}) {}

  absl::StatusOr<Json> Ask(const std::string& method, const std::string& address,
                           const std::string& path, const std::string& body = "") {
    state::HttpRequest request;
    request.method = method;
    request.url = absl::StrCat("http://", address, path);
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

absl::StatusOr<Target> Look(AdminClient& client, const std::string& address,
                            const std::string& to) {
  const absl::StatusOr<Json> page = client.Ask("GET", address, "/v1/rules");
  if (!page.ok()) return page.status();
  try {  // nlohmann's accessors throw; what they refuse is no router's answer
    if (page->at("rule_set").is_null()) return absl::UnavailableError("no rules are in force yet");
    Target target{.address = address, .from = page->at("rule_set").get<std::string>(), .to = to};
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

int RollBack(AdminClient& client, const std::vector<std::string>& addresses, const std::string& to,
             std::FILE* out, std::FILE* err) {
  std::vector<Target> targets;
  for (const std::string& address : addresses) {
    const absl::StatusOr<Target> target = Look(client, address, to);
    if (!target.ok()) {
      return Say(err,
                 absl::StrCat("nothing is changed: ", address, ": ", target.status().message()));
    }
    if (!targets.empty() && target->to != targets[0].to) {
      return Say(err, absl::StrFormat("nothing is changed: %s would go back to %s, %s to %s (say "
                                      "which with --to HASH)",
                                      targets[0].address, targets[0].to, address, target->to));
    }
    targets.push_back(*target);
  }
  int status = kExitOk;
  for (const Target& target : targets) {
    const std::string body = Json({{"to", target.to}}).dump();
    const auto answer = client.Ask("POST", target.address, "/v1/rules/rollback", body);
    if (answer.ok()) {
      std::fprintf(out, "%s: from %s back to %s\n", target.address.c_str(), target.from.c_str(),
                   target.to.c_str());
    } else {
      status = Say(err, absl::StrCat(target.address, ": ", answer.status().message()));
    }
  }
  return status;
}

int Resume(AdminClient& client, const std::vector<std::string>& addresses, std::FILE* out,
           std::FILE* err) {
  int status = kExitOk;
  for (const std::string& address : addresses) {
    const auto answer = client.Ask("POST", address, "/v1/rules/resume");
    if (answer.ok()) {
      std::fprintf(out, "%s: goes on with what its origin has\n", address.c_str());
    } else {
      status = Say(err, absl::StrCat(address, ": ", answer.status().message()));
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
      return kExitUsage;
    }
    token = *std::move(read);
  }
  std::vector<std::string> addresses;
  for (const std::string& admin : options.admins) {
    const absl::StatusOr<std::vector<std::string>> found = Resolve(admin);
    if (!found.ok()) {
      Say(err, std::string(found.status().message()));
      return absl::IsInvalidArgument(found.status()) ? kExitUsage : kExitFailed;
    }
    addresses.insert(addresses.end(), found->begin(), found->end());
  }
  AdminClient client(std::move(token));
  return options.resumes ? Resume(client, addresses, out, err)
                         : RollBack(client, addresses, options.to, out, err);
}

}  // namespace turnout::runtime
