#include "runtime/explain_page.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "router/document.h"
#include "runtime/event_lookup.h"
#include "runtime/json_text.h"

namespace turnout::runtime {
namespace {

AdminAnswer Failed(int status, const absl::Status& why) {
  const absl::string_view message = why.message();
  return {status, "application/json",
          absl::StrCat("{\"error\":", JsonString({message.data(), message.size()}), "}\n")};
}

bool HasRule(const router::RuleSet& rules, std::string_view id) {
  for (const router::RuleInfo& rule : rules.rules()) {
    if (rule.id == id) return true;
  }
  return false;
}

// {"partition": N, "offset": N}, of that topic.
absl::StatusOr<RecordPosition> PositionOf(const router::Node& node, const std::string& topic) {
  const router::Node* const partition = node.Find("partition");
  if (partition == nullptr || node.Find("value") != nullptr) {
    return absl::InvalidArgumentError(
        "`offset`: write it beside the `partition` of an event in the source, without a `value`");
  }
  const auto position =
      ParsePosition(absl::StrCat(partition->text, ":", node.Find("offset")->text), ':', topic);
  if (position) return *position;
  return absl::InvalidArgumentError("`partition`, `offset`: write whole numbers from 0 on");
}

}  // namespace

AdminAnswer ExplainPage::Answer(std::string_view body) {
  if (!mu_.TryLock()) {
    return Failed(503, absl::UnavailableError("another event is being explained: ask again"));
  }
  absl::StatusOr<Question> question = Read(body);
  absl::StatusOr<std::string> json =
      question.ok() ? Explain(*question) : absl::StatusOr<std::string>(question.status());
  mu_.Unlock();
  if (json.ok()) return {200, "application/json", *std::move(json) + "\n"};
  return Failed(absl::IsInvalidArgument(json.status()) ? 400 : 503, json.status());
}

absl::StatusOr<ExplainPage::Question> ExplainPage::Read(std::string_view body) const {
  std::vector<router::Problem> problems;
  const std::optional<router::Node> node = router::ParseJson(body, &problems);
  if (!node) {
    return absl::InvalidArgumentError(
        absl::StrCat("the body is not valid JSON at line ", problems.front().at.line, ", column ",
                     problems.front().at.column, ": ", problems.front().what));
  }
  Question question;
  if (const router::Node* const rule = node->Find("rule")) question.rule = rule->text;
  if (node->kind == router::Node::Kind::kObject && node->Find("offset") != nullptr) {
    const auto position = PositionOf(*node, options_.source_topic);
    if (!position.ok()) return position.status();
    auto event = FindRecord(options_.client, *position, options_.read_within);
    if (!event.ok()) return event.status();
    question.event = *std::move(event);
    return question;
  }
  auto event = EventOfNode(*node, options_.source_topic, {"offset", "rule"});
  if (!event.ok()) return event.status();
  question.event = *std::move(event);
  return question;
}

absl::StatusOr<std::string> ExplainPage::Explain(const Question& question) const {
  const std::shared_ptr<const router::RuleSet> rules = feed_->Current();
  if (rules == nullptr) return absl::UnavailableError("no rules are in force yet");
  if (!question.rule.empty() && !HasRule(*rules, question.rule)) {
    return absl::InvalidArgumentError(
        absl::StrCat("`rule`: no rule ", question.rule, " is in force"));
  }
  std::unique_ptr<router::TableLookup> lookup;
  if (tables_ != nullptr) lookup = tables_->LookupFor(rules->tables());
  router::Explainer explainer(rules, lookup.get(), {.only_rule = question.rule});
  ExplainFrame frame{.event = question.event, .provenance_headers = options_.provenance_headers};
  frame.event.Decode(options_.schemas, options_.schema_within);
  std::vector<router::Header> headers;
  const router::Event event = frame.event.View(&headers);
  router::Explanation explanation = explainer.JudgePatterns(event);
  AskTask(question, &explainer, event, &frame, &explanation);
  return ExplanationJson(frame, explanation);
}

// What becomes of the event, with the task's state where it can be had.
void ExplainPage::AskTask(const Question& question, router::Explainer* explainer,
                          const router::Event& event, ExplainFrame* frame,
                          router::Explanation* explanation) const {
  bool is_asked = false;
  if (explanation->keeps_state && question.event.partition) {
    const absl::Status visited =
        visits_->Visit(*question.event.partition, options_.visit_within, [&](Task& task) {
          if (task.phase != TaskPhase::kLive) return;
          is_asked = true;
          explainer->DecideRoutes(event, task.state.get(), explanation);
          explanation->has_state = true;  // also where nothing was ever remembered
          if (question.event.offset && *question.event.offset < task.applied_offset) {
            frame->notes.push_back(
                "the event has been routed already, and steps remember it: they say what they "
                "would if it came again");
          }
        });
    if (!visited.ok()) frame->notes.push_back(std::string(visited.message()));
  }
  if (is_asked) return;
  explainer->DecideRoutes(event, nullptr, explanation);
  if (!explanation->keeps_state) return;
  frame->notes.push_back(
      question.event.partition
          ? "no state was asked: steps say what they would if they remembered nothing"
          : "the event names no `partition`, so no state was asked: steps say what they would if "
            "they remembered nothing");
}

}  // namespace turnout::runtime
