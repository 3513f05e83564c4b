// Calls that roll rules out step by step: in shadow, to a share of keys, in full.
#include <utility>

#include "absl/strings/str_cat.h"
#include "deploy/manager/publish.h"
#include "deploy/manager/rule_rollouts.h"
#include "deploy/manager/sent_item.h"

namespace turnout::manager {
namespace {

constexpr int64_t kPercentMax = 100;
constexpr uint32_t kSharesOfAPercent = router::kAllShares / kPercentMax;

// `{"mode": "shadow"}`, `{"percent": 5}`; an empty one is in full.
absl::StatusOr<router::Rollout> SentRollout(JsonReader* body) {
  JsonReader sent = body->Object("rollout");
  sent.Only({"mode", "percent"});
  const std::string mode = sent.Text("mode", "live");
  const int64_t percent = sent.Number("percent", kPercentMax, 0, kPercentMax);
  if (!sent.status().ok()) return sent.status();
  if (mode != "live" && mode != "shadow") {
    return absl::InvalidArgumentError("the rollout's `mode` is neither `live` nor `shadow`");
  }
  return router::Rollout{.share = static_cast<uint32_t>(percent) * kSharesOfAPercent,
                         .is_shadow = mode == "shadow"};
}

}  // namespace

std::optional<HttpAnswer> RollOut(Parts& parts, const Call& call) {
  const absl::StatusOr<ItemId> id = PathItem(call);
  if (!id.ok()) return ErrorAnswer(id.status());
  if (id->kind != ItemKind::kRules) return ErrorAnswer(400, "rules alone are rolled out");
  const absl::StatusOr<std::optional<int64_t>> expected = ExpectedVersion(parts, call, *id);
  if (!expected.ok()) return NotAsExpected(expected.status());
  JsonReader body(call.request->body, "the body");
  body.Only({"rule", "text", "rollout", "why"});
  const absl::StatusOr<router::Rollout> rollout = SentRollout(&body);
  const bool is_one_rule = body.Has("rule");
  const std::string subject = is_one_rule ? body.Text("rule") : body.Text("text");
  Publication publication{.why = body.Text("why", ""),
                          .is_dry_run = QueryFlag(call, "dry_run"),
                          .shows_texts = true,
                          .conflict_status = 412};
  if (!body.status().ok()) return ErrorAnswer(body.status());
  if (!rollout.ok()) return ErrorAnswer(rollout.status());
  if (is_one_rule == body.Has("text")) {
    return ErrorAnswer(400,
                       "the body: either the `rule` that is rolled out, or the file's new `text`");
  }
  const absl::StatusOr<std::optional<Item>> before = parts.store->Get(*id);
  if (!before.ok()) return ErrorAnswer(before.status());
  if (is_one_rule && !before->has_value()) {
    return ErrorAnswer(404, absl::StrCat("there is no ", id->ToString()));
  }
  const std::string published = before->has_value() ? (*before)->content.text : "";
  absl::StatusOr<std::string> text = is_one_rule
                                         ? RollOutRule(published, subject, *rollout)
                                         : StageRules(published, subject, *rollout, parts.limits);
  if (!text.ok()) return ErrorAnswer(422, MessageOf(text.status()));
  // What was worked out is of the version that was read, whatever becomes of the item meanwhile.
  const int64_t version = before->has_value() ? (*before)->version : 0;
  publication.edits = {{*id, ItemContent{.text = *std::move(text)}, expected->value_or(version)}};
  return Publish(parts, call, std::move(publication));
}

}  // namespace turnout::manager
