#include "router/rule_set.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "router/route_plan.h"

namespace turnout::router {
namespace {

// FNV-1a over 64 bits with MurmurHash3's finish, which spreads the last bytes. Every text goes in
// with its length before it, so that no two contents are the same row of bytes.
class ContentHash {
 public:
  void Add(std::string_view text) {
    AddNumber(text.size());
    for (const char c : text) AddByte(static_cast<unsigned char>(c));
  }

  void AddNumber(uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) AddByte(number >> shift & 0xff);
  }

  std::string Digits() const {
    uint64_t mixed = state_;
    mixed = (mixed ^ mixed >> 33) * 0xff51afd7ed558ccdU;
    mixed = (mixed ^ mixed >> 33) * 0xc4ceb9fe1a85ec53U;
    mixed ^= mixed >> 33;
    return absl::StrFormat("%016x", mixed);
  }

 private:
  void AddByte(uint64_t byte) { state_ = (state_ ^ byte) * 0x100000001b3U; }

  uint64_t state_ = 0xcbf29ce484222325U;
};

// Changes when the same rule files come to mean something else.
constexpr std::string_view kHashFormat = "turnout rule set 1";

void AddTeam(const RuleFile& team, ContentHash* hash) {
  hash->Add(team.team);
  std::vector<std::string> globs = team.allowed_destinations;
  std::sort(globs.begin(), globs.end());
  globs.erase(std::unique(globs.begin(), globs.end()), globs.end());
  hash->AddNumber(globs.size());
  for (const std::string& glob : globs) hash->Add(glob);
  hash->AddNumber(team.rules.size());
  for (const Rule& rule : team.rules) {
    hash->Add(rule.name);
    hash->Add(rule.match_text);
    hash->AddNumber(rule.to.size());
    for (const DestinationTemplate& destination : rule.to) hash->Add(destination.text);
    hash->Add(rule.key_field);
  }
}

// Orders teams and their rules as their ids "team/name" are ordered: `/` comes after `-` and `.`,
// so that is not the order of the team names alone.
void SortById(std::vector<RuleFile>* teams) {
  std::sort(teams->begin(), teams->end(), [](const RuleFile& a, const RuleFile& b) {
    return a.team + "/" < b.team + "/";
  });
  for (RuleFile& team : *teams) {
    std::sort(team.rules.begin(), team.rules.end(),
              [](const Rule& a, const Rule& b) { return a.name < b.name; });
  }
}

std::vector<RuleSet::Destination> ConstantDestinations(const std::vector<RuleFile>& teams) {
  std::map<std::string, std::vector<std::string>> writers;
  for (const RuleFile& team : teams) {
    for (const Rule& rule : team.rules) {
      for (const DestinationTemplate& destination : rule.to) {
        if (!destination.is_constant()) continue;
        std::vector<std::string>& names = writers[destination.text];
        if (names.empty() || names.back() != team.team) names.push_back(team.team);
      }
    }
  }
  std::vector<RuleSet::Destination> destinations;
  for (auto& [topic, names] : writers) {
    std::sort(names.begin(), names.end());
    destinations.push_back({topic, std::move(names)});
  }
  return destinations;
}

}  // namespace

struct RuleSet::Impl {
  std::string hash;
  std::vector<RuleInfo> rules;
  std::vector<Destination> destinations;
  RoutePlan plan;
  Matcher matcher;
};

RuleSet::RuleSet(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
RuleSet::~RuleSet() = default;

std::shared_ptr<const RuleSet> RuleSet::Build(std::vector<RuleFile> teams) {
  SortById(&teams);
  ContentHash hash;
  hash.Add(kHashFormat);
  std::vector<RuleInfo> infos;
  std::vector<Pattern> patterns;
  RoutePlanBuilder builder;
  for (const RuleFile& team : teams) {
    AddTeam(team, &hash);
    builder.StartTeam(team.allowed_destinations);
    for (const Rule& rule : team.rules) {
      infos.push_back({team.team + "/" + rule.name, team.team, rule.name});
      patterns.push_back(rule.match);
      builder.AddRule(rule);
    }
  }
  RoutePlan plan = builder.Finish();
  Matcher matcher(std::move(patterns), plan.fields);
  auto impl = std::make_unique<const Impl>(Impl{hash.Digits(), std::move(infos),
                                                ConstantDestinations(teams), std::move(plan),
                                                std::move(matcher)});
  return std::shared_ptr<const RuleSet>(new RuleSet(std::move(impl)));
}

const std::string& RuleSet::hash() const { return impl_->hash; }
const std::vector<RuleInfo>& RuleSet::rules() const { return impl_->rules; }
const std::vector<RuleSet::Destination>& RuleSet::destinations() const {
  return impl_->destinations;
}
const Matcher& RuleSet::matcher() const { return impl_->matcher; }
const RoutePlan& RuleSet::plan() const { return impl_->plan; }

}  // namespace turnout::router
