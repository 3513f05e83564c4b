#include "deploy/manager/explain_desk.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "router/document.h"
#include "router/explainer.h"
#include "router/suggest.h"
#include "runtime/explain_json.h"
#include "runtime/explained_event.h"
#include "runtime/rule_loader.h"

namespace turnout::manager {
namespace {

using router::Node;
using router::RuleSet;
using router::Team;

// What somebody asks.
struct Question {
  runtime::ExplainedEvent event;
  std::string team;
  std::optional<std::string> text;
  bool is_alone = false;
};

absl::StatusOr<std::string> TextOf(const Node& node, const char* name) {
  if (node.kind == Node::Kind::kString) return node.text;
  return absl::InvalidArgumentError(absl::StrCat("the body's `", name, "` is to be a text"));
}

size_t BytesOf(const runtime::ExplainedEvent& event) {
  size_t bytes = event.value.value_or("").size() + event.key.value_or("").size();
  for (const auto& [name, value] : event.headers) bytes += name.size() + value.value_or("").size();
  return bytes;
}

absl::StatusOr<Question> Read(std::string_view body) {
  if (body.size() > kExplainBodyBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("the body is larger than ", kExplainBodyBytesMax, " bytes"));
  }
  std::vector<router::Problem> problems;
  const std::optional<Node> node = router::ParseJson(body, &problems);
  if (!node || node->kind != Node::Kind::kObject) {
    return absl::InvalidArgumentError("the body is to be a JSON object with the `event`");
  }
  Question question;
  const Node* event = nullptr;
  for (const router::Member& member : node->members) {
    absl::StatusOr<std::string> text("");
    if (member.name == "event") {
      event = &member.value;
    } else if (member.name == "team") {
      text = TextOf(member.value, "team");
      if (text.ok()) question.team = *text;
    } else if (member.name == "text") {
      text = TextOf(member.value, "text");
      if (text.ok()) question.text = *text;
    } else if (member.name == "alone") {
      if (member.value.kind != Node::Kind::kBool) {
        return absl::InvalidArgumentError("the body's `alone` is to be true or false");
      }
      question.is_alone = member.value.text == "true";
    } else {
      return absl::InvalidArgumentError(absl::StrCat(
          "the body: there is no `", member.name, "`: it has `event`, `team`, `text` and `alone`"));
    }
    if (!text.ok()) return text.status();
  }
  if (event == nullptr) return absl::InvalidArgumentError("the body's `event` is to be there");
  if (question.team.empty() && (question.text || question.is_alone)) {
    return absl::InvalidArgumentError("the body: say whose rules they are in `team`");
  }
  absl::StatusOr<runtime::ExplainedEvent> read = runtime::EventOfNode(*event, "");
  if (!read.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("`event`: ", read.status().message()));
  }
  question.event = *std::move(read);
  if (BytesOf(question.event) > kExplainEventBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("`event`: it is larger than ", kExplainEventBytesMax, " bytes"));
  }
  return question;
}

// Null after problems.
Team CompileDraft(const std::string& service, const std::string& team, std::string_view text,
                  const router::RuleLimits& limits, std::vector<ItemProblem>* found) {
  const ItemId id{service, ItemKind::kRules, team};
  std::vector<router::Problem> problems;
  const std::vector<Team> teams = runtime::CompileRules(RuleFileName(team, text), text, limits,
                                                        &problems, runtime::RuleTexts::kDropped);
  for (const router::Problem& problem : problems) {
    if (found->size() >= kProblemsPerItemMax) break;
    found->push_back({.id = id,
                      .line = static_cast<size_t>(std::max(0, problem.at.line)),
                      .column = static_cast<size_t>(std::max(0, problem.at.column)),
                      .rule = problem.subject,
                      .text = absl::StrCat(problem.what, " (", problem.cure, ")")});
  }
  if (teams.empty()) return nullptr;
  if (teams.front()->team == team) return teams.front();
  found->push_back(
      {.id = id,
       .line = 1,
       .text = absl::StrCat("the file is of team ", router::Quoted(teams.front()->team),
                            " (write `team: ", team, "`)")});
  return nullptr;
}

// The most that records could hold which its matches lead to.
bool IsTooMuch(const router::Explanation& explanation, size_t event_bytes) {
  const auto matched =
      static_cast<size_t>(std::count_if(explanation.rules.begin(), explanation.rules.end(),
                                        [](const auto& rule) { return rule.matched; }));
  return matched * (event_bytes + 1) > kExplainedBytesMax;
}

std::string Judge(std::shared_ptr<const RuleSet> rules, Question question) {
  const size_t event_bytes = BytesOf(question.event);
  const bool has_tables = !rules->tables().empty();
  router::Explainer explainer(std::move(rules), nullptr, {.unmatched_max = kExplainUnmatchedMax});
  runtime::ExplainFrame frame{.event = std::move(question.event), .provenance_headers = false};
  std::vector<router::Header> headers;
  const router::Event event = frame.event.View(&headers);
  router::Explanation explanation = explainer.JudgePatterns(event);
  if (IsTooMuch(explanation, event_bytes)) {
    frame.notes.push_back("too many rules match to show what becomes of each: look at one team's");
  } else {
    explainer.DecideRoutes(event, nullptr, &explanation);
  }
  if (explanation.keeps_state) {
    frame.notes.push_back(
        "what rules remember is not known here: steps say what they would if they remembered "
        "nothing");
  }
  if (has_tables) {
    frame.notes.push_back(
        "the tables are not known here: what is to be enriched is shown as if they were not at "
        "hand");
  }
  return runtime::ExplanationJson(frame, explanation);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const RuleSet>> ExplainDesk::RulesOf(
    const std::string& service, const std::string& version, ListRules list,
    const router::RuleLimits& limits, const router::StateSettings& settings) {
  // Held while they are compiled: whoever else asks waits for the same ones.
  const absl::MutexLock lock(&mu_);
  const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) {
    return kept.service == service && kept.version == version;
  });
  if (found != kept_.end()) {
    std::rotate(kept_.begin(), found, found + 1);
    return kept_.front().rules;
  }
  const absl::StatusOr<std::vector<Item>> items = list();
  if (!items.ok()) return items.status();
  std::vector<Team> teams;
  for (const Item& item : *items) {
    std::vector<ItemProblem> unread;  // of what routers would refuse too
    Team team = CompileDraft(service, item.id.name, item.content.text, limits, &unread);
    if (team != nullptr) teams.push_back(std::move(team));
  }
  std::shared_ptr<const RuleSet> rules = RuleSet::Build(std::move(teams), settings);
  std::erase_if(kept_, [&](const Kept& kept) { return kept.service == service; });
  kept_.push_front({service, version, rules});
  if (kept_.size() > kExplainSetsMax) kept_.pop_back();
  return rules;
}

absl::StatusOr<ExplainAnswer> ExplainDesk::Explain(std::string_view body,
                                                   const std::string& service,
                                                   const std::string& version, ListRules list,
                                                   const router::RuleLimits& limits,
                                                   const router::StateSettings& settings) {
  if (++explaining_ > kExplainingMax) {
    --explaining_;
    return absl::UnavailableError("other events are being explained: ask again in a moment");
  }
  absl::StatusOr<ExplainAnswer> answer = Answer(body, service, version, list, limits, settings);
  --explaining_;
  return answer;
}

absl::StatusOr<ExplainAnswer> ExplainDesk::Answer(std::string_view body, const std::string& service,
                                                  const std::string& version, ListRules list,
                                                  const router::RuleLimits& limits,
                                                  const router::StateSettings& settings) {
  absl::StatusOr<Question> question = Read(body);
  if (!question.ok()) return question.status();
  ExplainAnswer answer;
  Team draft;
  if (question->text) {
    draft = CompileDraft(service, question->team, *question->text, limits, &answer.problems);
    if (draft == nullptr) return answer;
  }
  std::shared_ptr<const RuleSet> rules;
  if (draft == nullptr || !question->is_alone) {
    auto published = RulesOf(service, version, list, limits, settings);
    if (!published.ok()) return published.status();
    rules = *std::move(published);
  }
  if (draft != nullptr || question->is_alone) {
    std::vector<Team> teams;
    if (draft != nullptr) teams.push_back(draft);
    if (rules != nullptr) {
      for (const Team& team : rules->teams()) {
        const bool is_it = team->team == question->team;
        if (is_it ? draft == nullptr : !question->is_alone) teams.push_back(team);
      }
    }
    rules = RuleSet::Build(std::move(teams), settings);
  }
  answer.explanation = Judge(std::move(rules), *std::move(question));
  return answer;
}

}  // namespace turnout::manager
