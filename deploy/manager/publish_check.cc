#include "deploy/manager/publish_check.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/pipeline_check.h"
#include "deploy/manager/rule_changes.h"
#include "deploy/manager/rule_places.h"
#include "deploy/manager/secret_reference.h"
#include "router/suggest.h"
#include "runtime/rule_loader.h"
#include "runtime/rule_test_file.h"
#include "runtime/rule_test_run.h"

namespace turnout::manager {
namespace {

using router::Problem;
using router::Team;

std::string_view SuffixOf(std::string_view text) { return IsJsonText(text) ? ".json" : ".yaml"; }

class PublishTrial {
 public:
  PublishTrial(const std::map<ItemId, Item>& before, const std::vector<Edit>& edits,
               const router::RuleLimits& limits, const router::StateSettings& settings)
      : before_(before), edits_(edits), limits_(limits), settings_(settings) {}

  absl::StatusOr<PublishReport> Check();

 private:
  void TakeEdits();
  void CheckEdit(const Edit& edit);
  void CheckRules(const ItemId& id);
  void CheckSecrets(const ItemId& id, const ItemContent& content);
  void CheckSecret(const ItemId& id, std::string_view name, size_t line, size_t column);
  void CheckDeletedSecrets();
  absl::Status RunTests(const ItemId& id);
  absl::Status RunCases(const ItemId& id, const std::vector<runtime::TestCase>& cases,
                        const Team& team);

  const ItemContent* Before(const ItemId& id) const;
  const ItemContent* After(const ItemId& id) const;
  // As they will be; null after problems, which are said once.
  Team RulesAfter(const ItemId& id);
  Team Compile(const ItemId& id, const std::string& text, std::vector<Problem>* problems) const;

  void Add(const ItemId& id, std::string text, size_t line = 0, size_t column = 0) {
    report_.problems.push_back({.id = id, .line = line, .column = column, .text = std::move(text)});
  }
  void AddAll(const ItemId& id, const std::vector<Problem>& problems);

  const std::map<ItemId, Item>& before_;
  const std::vector<Edit>& edits_;
  const router::RuleLimits& limits_;
  const router::StateSettings& settings_;
  std::map<ItemId, const ItemContent*> after_;
  std::map<ItemId, Team> teams_;  // of RulesAfter
  std::set<ItemId> edited_;
  PublishReport report_;
};

void PublishTrial::AddAll(const ItemId& id, const std::vector<Problem>& problems) {
  for (size_t i = 0; i < problems.size(); ++i) {
    if (i + 1 == kProblemsPerItemMax && problems.size() > kProblemsPerItemMax) {
      return Add(id, absl::StrFormat("there are %d more problems (mend those above first)",
                                     problems.size() - i));
    }
    const Problem& problem = problems[i];
    const bool is_rule =
        id.kind == ItemKind::kRules && problem.subject.find('/') != std::string::npos;
    const std::string subject =
        is_rule || problem.subject.empty() ? "" : absl::StrCat(problem.subject, ": ");
    Add(id, absl::StrCat(subject, problem.what, " (", problem.cure, ")"),
        static_cast<size_t>(problem.at.line), static_cast<size_t>(problem.at.column));
    if (is_rule) report_.problems.back().rule = problem.subject;
  }
}

const ItemContent* PublishTrial::Before(const ItemId& id) const {
  const auto found = before_.find(id);
  return found == before_.end() ? nullptr : &found->second.content;
}

const ItemContent* PublishTrial::After(const ItemId& id) const {
  const auto found = after_.find(id);
  return found == after_.end() ? nullptr : found->second;
}

void PublishTrial::TakeEdits() {
  for (const auto& [id, item] : before_) after_.emplace(id, &item.content);
  for (const Edit& edit : edits_) {
    if (!edited_.insert(edit.id).second) {
      Add(edit.id, "the change has two edits of this item (keep one)");
    }
    if (edit.content) {
      after_[edit.id] = &*edit.content;
    } else {
      after_.erase(edit.id);
    }
  }
}

// What is there but can't be compiled any more has no team either.
Team PublishTrial::Compile(const ItemId& id, const std::string& text,
                           std::vector<Problem>* problems) const {
  const std::vector<Team> teams = runtime::CompileRules(RuleFileName(id.name, text), text, limits_,
                                                        problems, runtime::RuleTexts::kDropped);
  if (teams.empty()) return nullptr;
  if (teams.front()->team == id.name) return teams.front();
  const ItemId other{id.service, ItemKind::kRules, teams.front()->team};
  problems->push_back({.at = {1, 1},
                       .what = absl::StrFormat("the file is of team %s, the item of team %s",
                                               router::Quoted(other.name), router::Quoted(id.name)),
                       .cure = absl::StrFormat("write `team: %s`, or put the file at %s", id.name,
                                               other.ToString())});
  return nullptr;
}

Team PublishTrial::RulesAfter(const ItemId& id) {
  const auto known = teams_.find(id);
  if (known != teams_.end()) return known->second;
  const ItemContent* const content = After(id);
  std::vector<Problem> problems;
  Team team = content == nullptr ? nullptr : Compile(id, content->text, &problems);
  AddAll(id, problems);
  return teams_[id] = std::move(team);
}

void PublishTrial::CheckRules(const ItemId& id) {
  const Team after = RulesAfter(id);
  if (after == nullptr && After(id) != nullptr) return;
  const ItemContent* const content = Before(id);
  std::vector<Problem> unread;
  const Team before = content == nullptr ? nullptr : Compile(id, content->text, &unread);
  std::vector<RuleChange> changes = CompareRules(before.get(), after.get());
  // Of rules that can't be read any more nobody knows what becomes of them.
  for (RuleChange& change : changes) {
    if (!unread.empty()) change.effect = RuleEffect::kChanged;
  }
  report_.rules.insert(report_.rules.end(), changes.begin(), changes.end());
}

void PublishTrial::CheckSecret(const ItemId& id, std::string_view name, size_t line,
                               size_t column) {
  if (absl::Status checked = CheckItemName("secret", name); !checked.ok()) {
    return Add(id, std::string(checked.message()), line, column);
  }
  const ItemId secret{id.service, ItemKind::kSecret, std::string(name)};
  if (After(secret) != nullptr) return;
  Add(id,
      absl::StrFormat("there is no secret %s (create %s first, or in the same change)",
                      router::Quoted(name), secret.ToString()),
      line, column);
}

void PublishTrial::CheckSecrets(const ItemId& id, const ItemContent& content) {
  if (id.kind == ItemKind::kPipeline) {
    for (const PlacedSecret& secret : SecretsOfPipeline(content.text)) {
      CheckSecret(id, secret.name, static_cast<size_t>(secret.at.line),
                  static_cast<size_t>(secret.at.column));
    }
    return;
  }
  const std::string_view text = content.text;
  for (const SecretReference& reference : FindSecretReferences(text)) {
    const std::string_view before = text.substr(0, reference.begin);
    const size_t line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
    const size_t line_begin = before.rfind('\n') + 1;  // 0 where there is none
    const size_t column = reference.begin - line_begin + 1;
    if (reference.is_closed) {
      CheckSecret(id, reference.name, line, column);
    } else {
      Add(id, "`${secret:` is not closed (write ${secret:NAME}, or $${ for the characters `${`)",
          line, column);
    }
  }
}

// What refers to a secret that goes and is not edited itself.
void PublishTrial::CheckDeletedSecrets() {
  const bool goes = std::any_of(edits_.begin(), edits_.end(), [](const Edit& edit) {
    return edit.id.kind == ItemKind::kSecret && !edit.content;
  });
  if (!goes) return;
  for (const auto& [id, content] : after_) {
    const bool refers = id.kind == ItemKind::kPipeline || id.kind == ItemKind::kConfig;
    if (refers && !edited_.contains(id)) CheckSecrets(id, *content);
  }
}

void PublishTrial::CheckEdit(const Edit& edit) {
  if (edit.content) {
    absl::Status checked = CheckItemName("service", edit.id.service);
    if (checked.ok()) checked = CheckItemName("name", edit.id.name);
    if (checked.ok()) checked = CheckItemContent(edit.id, *edit.content);
    if (!checked.ok()) return Add(edit.id, std::string(checked.message()));
  }
  if (edit.id.kind == ItemKind::kRules) return CheckRules(edit.id);
  if (!edit.content) return;
  if (edit.id.kind == ItemKind::kPipeline) {
    std::vector<Problem> problems;
    CheckPipeline(edit.content->text, &problems);
    AddAll(edit.id, problems);
  }
  if (edit.id.kind == ItemKind::kPipeline || edit.id.kind == ItemKind::kConfig) {
    CheckSecrets(edit.id, *edit.content);
  }
}

absl::Status PublishTrial::RunCases(const ItemId& id, const std::vector<runtime::TestCase>& cases,
                                    const Team& team) {
  runtime::RuleTestRun run({team}, settings_);
  std::vector<Problem> problems;
  runtime::CheckTables(cases, run.rules(), &problems);
  AddAll(id, problems);
  if (!problems.empty()) return absl::OkStatus();
  for (const runtime::TestCase& test : cases) {
    const absl::StatusOr<runtime::CaseOutcome> outcome = run.Run(test);
    if (!outcome.ok()) {
      return absl::UnavailableError(
          absl::StrCat(id.ToString(), ": the state that the cases need can't be kept: ",
                       outcome.status().message(), "; see that TMPDIR can be written"));
    }
    TestResult result{.tests = id, .name = test.name, .line = static_cast<size_t>(test.at.line)};
    for (const runtime::TestFailure& failure : outcome->failures) {
      result.failures.push_back(failure.text);
    }
    report_.tests.push_back(std::move(result));
  }
  return absl::OkStatus();
}

absl::Status PublishTrial::RunTests(const ItemId& id) {
  const ItemContent* const content = After(id);
  if (content == nullptr) return absl::OkStatus();
  const ItemId rules{id.service, ItemKind::kRules, id.name};
  if (After(rules) == nullptr) {
    Add(id,
        absl::StrFormat("there are no rules %s to test (delete the tests too, or add the rules)",
                        rules.ToString()));
    return absl::OkStatus();
  }
  const Team team = RulesAfter(rules);
  std::vector<Problem> problems;
  const std::optional<std::vector<runtime::TestCase>> cases =
      runtime::ReadRuleTests(TestFileName(id.name, content->text), content->text, limits_,
                             &problems, runtime::EventFiles::kRefused);
  AddAll(id, problems);
  if (team == nullptr || !cases) return absl::OkStatus();
  return RunCases(id, *cases, team);
}

absl::StatusOr<PublishReport> PublishTrial::Check() {
  TakeEdits();
  std::set<ItemId> tests;
  for (const Edit& edit : edits_) {
    CheckEdit(edit);
    if (edit.id.kind != ItemKind::kRules && edit.id.kind != ItemKind::kTests) continue;
    tests.insert({edit.id.service, ItemKind::kTests, edit.id.name});
  }
  CheckDeletedSecrets();
  for (const ItemId& id : tests) {
    if (absl::Status run = RunTests(id); !run.ok()) return run;
  }
  std::sort(report_.rules.begin(), report_.rules.end(),
            [](const RuleChange& a, const RuleChange& b) { return a.rule < b.rule; });
  return std::move(report_);
}

}  // namespace

bool PublishReport::ok() const {
  return problems.empty() && std::all_of(tests.begin(), tests.end(), [](const TestResult& test) {
           return test.failures.empty();
         });
}

std::string RuleFileName(std::string_view team, std::string_view text) {
  return std::string(team) + std::string(SuffixOf(text));
}

std::string TestFileName(std::string_view team, std::string_view text) {
  return std::string(team) + ".test" + std::string(SuffixOf(text));
}

absl::StatusOr<PublishReport> CheckPublish(const std::map<ItemId, Item>& before,
                                           const std::vector<Edit>& edits,
                                           const router::RuleLimits& limits,
                                           const router::StateSettings& settings) {
  return PublishTrial(before, edits, limits, settings).Check();
}

}  // namespace turnout::manager
