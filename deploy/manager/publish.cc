#include "deploy/manager/publish.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "deploy/manager/item_json.h"
#include "deploy/manager/json_writer.h"
#include "deploy/manager/publish_check.h"

namespace turnout::manager {
namespace {

// A place among those that publish; false: all are taken.
class Place {
 public:
  explicit Place(std::atomic<int>* taken) : taken_(taken), is_mine_(++*taken <= kPublishingMax) {}
  ~Place() { --*taken_; }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  explicit operator bool() const { return is_mine_; }

 private:
  std::atomic<int>* const taken_;
  const bool is_mine_;
};

std::vector<ItemId> IdsOf(const std::vector<Edit>& edits) {
  std::vector<ItemId> ids;
  for (const Edit& edit : edits) ids.push_back(edit.id);
  return ids;
}

absl::Status CheckEdits(const std::vector<Edit>& edits) {
  for (const Edit& edit : edits) {
    if (!edit.content.has_value()) continue;
    absl::Status checked = CheckItemContent(edit.id, *edit.content);
    if (checked.ok() && edit.id.kind == ItemKind::kSettings) {
      checked = edit.id.name == kSettingsName
                    ? ReadServiceSettings(edit.content->text).status()
                    : absl::InvalidArgumentError("a service's settings are named `service`");
    }
    if (!checked.ok()) return checked;
  }
  return absl::OkStatus();
}

// Whether there are rule files, and would be none.
bool LeavesNoRules(const std::map<ItemId, Item>& before, const std::vector<Edit>& edits) {
  std::set<ItemId> files;
  for (const auto& [id, item] : before) {
    if (id.kind == ItemKind::kRules) files.insert(id);
  }
  if (files.empty()) return false;
  for (const Edit& edit : edits) {
    if (edit.id.kind != ItemKind::kRules) continue;
    if (edit.content.has_value()) return false;
    files.erase(edit.id);
  }
  return files.empty();
}

// Those that expect another version than there is.
std::vector<Conflict> ConflictsOf(const std::map<ItemId, Item>& before,
                                  const std::vector<Edit>& edits) {
  std::vector<Conflict> conflicts;
  for (const Edit& edit : edits) {
    if (!edit.expected.has_value()) continue;
    const auto found = before.find(edit.id);
    const int64_t version = found == before.end() ? 0 : found->second.version;
    if (version == *edit.expected) continue;
    // It is so already: a request whose answer was lost, sent again.
    if (found != before.end() && edit.content == found->second.content) continue;
    conflicts.push_back({.item = found == before.end() ? Item{.id = edit.id} : found->second,
                         .expected = *edit.expected});
  }
  return conflicts;
}

std::string EditsToJson(const std::map<ItemId, Item>& before, const std::vector<Edit>& edits,
                        ShowTexts texts) {
  return JsonArray(edits, [&before, texts](const Edit& edit) {
    const auto found = before.find(edit.id);
    return EditToJson(edit, found == before.end() ? nullptr : &found->second, texts);
  });
}

HttpAnswer Proposed(Parts& parts, const Call& call, const Publication& publication,
                    const std::map<ItemId, Item>& before, const PublishReport& report) {
  Proposal proposal{.service = call.service};
  proposal.change.at_ms = absl::ToUnixMillis(absl::Now());
  proposal.change.by = call.principal.name;
  proposal.change.why = publication.why;
  proposal.change.reverts = publication.reverts;
  for (const Edit& edit : publication.edits) {
    const auto found = before.find(edit.id);
    proposal.change.edits.push_back(
        {edit.id, edit.content, found == before.end() ? 0 : found->second.version});
  }
  absl::StatusOr<Proposal> added = parts.proposals->Add(std::move(proposal));
  if (!added.ok()) return ErrorAnswer(added.status());
  Audit(
      parts, call,
      {.outcome = "proposed", .status = 202, .proposal = added->number, .detail = publication.why});
  return JsonAnswer(202, JsonObject()
                             .Text("outcome", "proposed")
                             .Json("proposal", ProposalToJson(*added))
                             .Json("report", ReportToJson(report))
                             .Done());
}

HttpAnswer Done(Parts& parts, const Call& call, const Publication& publication,
                const PublishReport& report, Published* published) {
  ChangeRequest request{.by = call.principal.name,
                        .why = publication.why,
                        .edits = publication.edits,
                        .reverts = publication.reverts};
  if (!publication.proposed_by.empty()) {
    request.by = publication.proposed_by;
    request.approved_by = {call.principal.name};
  }
  std::vector<Conflict> conflicts;
  const absl::StatusOr<Change> change = parts.store->Apply(std::move(request), &conflicts);
  if (!change.ok()) {
    if (!absl::IsAborted(change.status())) return ErrorAnswer(change.status());
    return ConflictAnswer(publication.conflict_status, MessageOf(change.status()), conflicts,
                          publication.edits);
  }
  published->done_as = change->number;
  // That a value is the one that there is, is told of a secret too: whom is on record.
  const bool tells_secret =
      change->number == 0 &&
      std::any_of(publication.edits.begin(), publication.edits.end(),
                  [](const Edit& edit) { return edit.id.kind == ItemKind::kSecret; });
  if (tells_secret) Audit(parts, call, {.outcome = "unchanged", .status = 200});
  if (change->number > 0) {
    std::vector<std::string> items;
    for (const DoneEdit& edit : change->edits) items.push_back(edit.id.ToString());
    Audit(parts, call,
          {.items = std::move(items),
           .outcome = "done",
           .status = 200,
           .change = change->number,
           .proposal = publication.proposal,
           .detail = publication.why});
  }
  const std::string items = JsonArray(publication.edits, [&](const Edit& edit) {
    const absl::StatusOr<std::optional<Item>> now = parts.store->Get(edit.id);
    const int64_t version = now.ok() && now->has_value() ? (*now)->version : 0;
    published->versions.push_back(version);
    return JsonObject().Text("id", edit.id.ToString()).Number("version", version).Done();
  });
  return JsonAnswer(200, JsonObject()
                             .Text("outcome", change->number == 0 ? "unchanged" : "done")
                             .Number("change", change->number)
                             .Json("items", items)
                             .Json("report", ReportToJson(report))
                             .Done());
}

}  // namespace

HttpAnswer ConflictAnswer(int status, std::string_view what, const std::vector<Conflict>& conflicts,
                          const std::vector<Edit>& edits) {
  return JsonAnswer(
      status,
      JsonObject().Text("error", what).Json("conflicts", ConflictsToJson(conflicts, edits)).Done());
}

std::string ProposalToJson(const Proposal& proposal) {
  JsonObject json;
  json.Number("number", proposal.number)
      .Text("state", StateName(proposal.state))
      .Json("change", ChangeToJson(proposal.change));
  if (!proposal.decided_by.empty()) json.Text("decided_by", proposal.decided_by);
  if (proposal.done_as > 0) json.Number("done_as", proposal.done_as);
  return json.Done();
}

HttpAnswer InTurn(Parts& parts, absl::FunctionRef<HttpAnswer()> call) {
  const Place place(&parts.publishing);
  if (!place) return ErrorAnswer(503, "too many changes are being checked: ask again");
  const absl::MutexLock lock(&parts.publishing_mu);
  return call();
}

HttpAnswer Publish(Parts& parts, const Call& call, Publication publication, Published* published) {
  Published ignored;
  return InTurn(parts, [&] {
    return PublishAtItsTurn(parts, call, std::move(publication),
                            published == nullptr ? &ignored : published);
  });
}

HttpAnswer PublishAtItsTurn(Parts& parts, const Call& call, Publication publication,
                            Published* published) {
  if (publication.why.size() > kWhyBytesMax) {
    return ErrorAnswer(400, absl::StrFormat("`why` may have %d bytes", kWhyBytesMax));
  }
  // Rights are judged under the lock too: what they stand in may be what was changed meanwhile.
  const absl::StatusOr<ServiceSettings> settings = SettingsOf(parts, call.service);
  if (!settings.ok()) return ErrorAnswer(settings.status());
  const std::vector<ItemId> ids = IdsOf(publication.edits);
  ChangeRight right = RightToChange(call.principal, *settings, call.service, ids);
  if (!publication.proposed_by.empty()) {
    right = MayApprove(call.principal, *settings, call.service, ids) ? ChangeRight::kDone
                                                                     : ChangeRight::kRefused;
  }
  if (right == ChangeRight::kRefused) {
    return ErrorAnswer(
        403, absl::StrFormat("%s may not %s all of these items of %s: ask an admin "
                             "of the service for a role over their teams",
                             call.principal.name,
                             publication.proposed_by.empty() ? "change" : "approve", call.service));
  }
  if (const absl::Status checked = CheckEdits(publication.edits); !checked.ok()) {
    return ErrorAnswer(422, MessageOf(checked));
  }
  const absl::StatusOr<std::vector<Item>> items = parts.store->List(call.service, std::nullopt);
  if (!items.ok()) return ErrorAnswer(items.status());
  std::map<ItemId, Item> before;
  for (const Item& item : *items) before.emplace(item.id, item);
  const std::vector<Conflict> conflicts = ConflictsOf(before, publication.edits);
  if (!conflicts.empty() && !publication.is_dry_run) {
    return ConflictAnswer(publication.conflict_status,
                          "something here has changed since: look at both sides, and send it again "
                          "with the version that is there",
                          conflicts, publication.edits);
  }
  if (LeavesNoRules(before, publication.edits)) {
    return ErrorAnswer(
        422,
        "the service's last rule file can't be taken away, since routers go on with "
        "what they have: put its rules in shadow (`rollout: {mode: shadow}`), where they "
        "send nothing");
  }
  const absl::StatusOr<PublishReport> report =
      CheckPublish(before, publication.edits, parts.limits, parts.state_settings);
  if (!report.ok()) return ErrorAnswer(report.status());
  const bool is_proposed = right == ChangeRight::kProposed;
  if (publication.is_dry_run) {
    return JsonAnswer(200, JsonObject()
                               .Text("outcome", "dry_run")
                               .Flag("needs_approval", is_proposed)
                               .Json("items", EditsToJson(before, publication.edits,
                                                          publication.shows_texts ? ShowTexts::kYes
                                                                                  : ShowTexts::kNo))
                               .Json("conflicts", ConflictsToJson(conflicts, publication.edits))
                               .Json("report", ReportToJson(*report))
                               .Done());
  }
  if (!report->ok()) {
    return JsonAnswer(422, JsonObject()
                               .Text("error", "the routers would not take it: see the report")
                               .Json("report", ReportToJson(*report))
                               .Done());
  }
  if (is_proposed) return Proposed(parts, call, publication, before, *report);
  return Done(parts, call, publication, *report, published);
}

}  // namespace turnout::manager
