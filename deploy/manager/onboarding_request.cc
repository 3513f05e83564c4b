#include "deploy/manager/onboarding_request.h"

#include <algorithm>
#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/change.h"
#include "deploy/manager/item.h"
#include "nlohmann/json.hpp"
#include "router/document.h"
#include "router/suggest.h"

namespace turnout::manager {
namespace {

using Json = nlohmann::ordered_json;
using router::Node;

constexpr char kDefaultRule[] = "all";

std::string TextOf(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

absl::Status Wrong(std::string_view name, std::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrFormat("the body's `%s` is to be %s", name, wanted));
}

// Members of the body, of which the first that is wrong is said.
class Body {
 public:
  explicit Body(const Node& node) : node_(node) {}

  void Text(std::string_view name, size_t bytes_max, bool is_needed, std::string* into) {
    const Node* const found = node_.Find(name);
    if (found == nullptr && !is_needed) return;
    if (found == nullptr || found->kind != Node::Kind::kString || found->text.empty() ||
        found->text.size() > bytes_max) {
      return Fail(name, absl::StrFormat("a text of 1 to %d bytes", bytes_max));
    }
    *into = found->text;
  }
  void Number(std::string_view name, int64_t max, bool is_needed, int64_t* into) {
    const Node* const found = node_.Find(name);
    if (found == nullptr && !is_needed) return;
    if (found == nullptr || found->kind != Node::Kind::kNumber ||
        !absl::SimpleAtoi(found->text, into) || *into < 1 || *into > max) {
      Fail(name, absl::StrFormat("a whole number from 1 to %d", max));
    }
  }
  void Texts(std::string_view name, std::vector<std::string>* into) {
    const Node* const found = node_.Find(name);
    if (found == nullptr) return;
    const auto is_text = [](const Node& one) { return one.kind == Node::Kind::kString; };
    if (found->kind != Node::Kind::kArray || found->items.size() > kOnboardingTopicsMax ||
        !std::all_of(found->items.begin(), found->items.end(), is_text)) {
      return Fail(name, absl::StrFormat("a list of up to %d texts", kOnboardingTopicsMax));
    }
    for (const Node& one : found->items) into->push_back(one.text);
  }
  void Flag(std::string_view name, bool* into) {
    const Node* const found = node_.Find(name);
    if (found == nullptr) return;
    if (found->kind != Node::Kind::kBool) return Fail(name, "true or false");
    *into = found->text == "true";
  }
  void Only(const std::vector<std::string_view>& known) {
    std::set<std::string_view> seen;
    for (const router::Member& member : node_.members) {
      if (std::find(known.begin(), known.end(), member.name) == known.end()) {
        status_.Update(absl::InvalidArgumentError(
            absl::StrFormat("the body: unknown name %s: %s", router::Quoted(member.name),
                            router::NearestNameCure(member.name, known))));
      } else if (!seen.insert(member.name).second) {
        Fail(member.name, "there once");
      }
    }
  }
  void Fail(std::string_view name, std::string_view wanted) { status_.Update(Wrong(name, wanted)); }
  const absl::Status& status() const { return status_; }

 private:
  const Node& node_;
  absl::Status status_;
};

// The rules as an array, of whichever form they came in. `json` is known to be an object.
absl::StatusOr<std::string> RulesOf(const Json& json, const std::vector<std::string>& to) {
  const bool has_rules = json.contains("rules");
  if (has_rules == json.contains("match")) {
    return absl::InvalidArgumentError(
        "the body is to have `match`, a pattern, or `rules`, and not both");
  }
  if (has_rules) {
    if (json.contains("name")) return Wrong("name", "absent beside `rules`, which have their own");
    if (!json["rules"].is_array() || json["rules"].empty())
      return Wrong("rules", "a list of rules");
    return TextOf(json["rules"]);
  }
  if (to.empty()) return Wrong("to", "a list of topics where there are no `rules`");
  Json rule = Json::object();
  rule["name"] = json.contains("name") ? json["name"] : Json(kDefaultRule);
  rule["match"] = json["match"];
  rule["to"] = to;
  return TextOf(Json::array({std::move(rule)}));
}

}  // namespace

absl::Status CheckTeamName(std::string_view team) {
  const auto is_inner = [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) ||
           absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-';
  };
  if (!team.empty() && team.size() <= kTeamBytesMax && team.front() != '-' && team.back() != '-' &&
      std::all_of(team.begin(), team.end(), is_inner)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrFormat(
      "a team's name is to be 1 to %d of a-z, 0-9 and `-`, which is neither its first nor its "
      "last: it becomes part of topics, groups and a namespace",
      kTeamBytesMax));
}

absl::StatusOr<OnboardingRequest> ReadOnboardingRequest(std::string_view body) {
  if (body.size() > kOnboardingBodyBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrFormat("the body is larger than %d bytes", kOnboardingBodyBytesMax));
  }
  std::vector<router::Problem> problems;
  const std::optional<Node> node = router::ParseJson(body, &problems);
  if (!node || node->kind != Node::Kind::kObject) {
    return absl::InvalidArgumentError("the body is to be a JSON object: a request to be onboarded");
  }
  OnboardingRequest request;
  std::string name;
  Body read(*node);
  read.Only({"service", "team", "owner", "match", "name", "rules", "to", "rate", "mean_bytes",
             "why", "dry_run"});
  read.Text("service", kItemNameBytesMax, true, &request.service);
  read.Text("team", kTeamBytesMax, true, &request.team);
  read.Text("owner", kOwnerBytesMax, true, &request.owner);
  read.Text("name", router::kNameBytesMax, false, &name);
  read.Text("why", kWhyBytesMax, false, &request.why);
  read.Texts("to", &request.to);
  read.Number("rate", kOnboardingRateMax, true, &request.rate);
  read.Number("mean_bytes", kOnboardingBytesMax, false, &request.mean_bytes);
  read.Flag("dry_run", &request.is_dry_run);
  if (!read.status().ok()) return read.status();
  if (absl::Status team = CheckTeamName(request.team); !team.ok()) return team;
  if (absl::Status service = CheckItemName("service", request.service); !service.ok()) {
    return service;
  }
  // Nothing is nested more deeply than the reader before has let through.
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return absl::InvalidArgumentError("the body is to be a JSON object");
  absl::StatusOr<std::string> rules = RulesOf(json, request.to);
  if (!rules.ok()) return rules.status();
  request.rules = *std::move(rules);
  return request;
}

std::string RuleFileOf(const OnboardingRequest& request) {
  Json file = Json::object();
  file["team"] = request.team;
  file["owner"] = request.owner;
  file["destinations"] = Json::array({absl::StrCat(request.team, ".*")});
  file["rules"] = Json::parse(request.rules, nullptr, /*allow_exceptions=*/false);
  return TextOf(file) + "\n";
}

absl::StatusOr<std::vector<std::string>> TopicsOf(const OnboardingRequest& request,
                                                  const OnboardingPolicy& policy,
                                                  const router::RuleFile& rules) {
  if (request.rate > policy.rate_max) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "`rate`: teams of %s may expect up to %d events a second by themselves; ask the platform "
        "for more",
        request.service, policy.rate_max));
  }
  std::set<std::string> topics(request.to.begin(), request.to.end());
  for (const router::Rule& rule : rules.rules) {
    for (const router::DestinationTemplate& destination : rule.to) {
      if (destination.is_constant()) topics.insert(destination.text);
    }
  }
  const std::string own = absl::StrCat(request.team, ".*");
  for (const std::string& topic : topics) {
    const std::string_view fault = router::TopicNameFault(topic);
    if (!fault.empty()) {
      return absl::InvalidArgumentError(
          absl::StrFormat("`to`: topic %s %s", router::Quoted(topic), fault));
    }
    if (!router::GlobMatches(own, topic)) {
      return absl::InvalidArgumentError(
          absl::StrFormat("`to`: topic %s is not the team's: its names begin with %s.",
                          router::Quoted(topic), request.team));
    }
  }
  if (topics.empty()) {
    return absl::InvalidArgumentError(
        "the rules write to no topic that is known without an event: name those that there will "
        "be in `to`");
  }
  if (topics.size() > kOnboardingTopicsMax) {
    return absl::InvalidArgumentError(
        absl::StrFormat("these are more than %d topics: onboard the team in several requests",
                        kOnboardingTopicsMax));
  }
  return std::vector<std::string>(topics.begin(), topics.end());
}

}  // namespace turnout::manager
