// Calls about changes that wait for a second person.
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/json_reader.h"
#include "deploy/manager/json_writer.h"
#include "deploy/manager/publish.h"

namespace turnout::manager {
namespace {

absl::StatusOr<Proposal> PathProposal(const Parts& parts, const Call& call) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(call.id, &number)) {
    return absl::InvalidArgumentError("the path's number is to be one from 1 on");
  }
  return parts.proposals->Find(call.service, number);
}

HttpAnswer DecidedAlready(const Proposal& proposal) {
  return ErrorAnswer(409, absl::StrFormat("proposal %d is %s already", proposal.number,
                                          StateName(proposal.state)));
}

// At its turn: what others have decided is seen.
HttpAnswer Approve(Parts& parts, const Call& call) {
  absl::StatusOr<Proposal> proposal = PathProposal(parts, call);
  if (!proposal.ok()) return ErrorAnswer(proposal.status());
  if (proposal->state != ProposalState::kOpen) return DecidedAlready(*proposal);
  if (proposal->change.by == call.principal.name) {
    return ErrorAnswer(403, "another person than the one who proposed it is to approve it");
  }
  Published published;
  HttpAnswer answer = PublishAtItsTurn(parts, call,
                                       {.edits = EditsOf(*proposal),
                                        .why = proposal->change.why,
                                        .reverts = proposal->change.reverts,
                                        .proposed_by = proposal->change.by,
                                        .proposal = proposal->number},
                                       &published);
  if (answer.status != 200) return answer;
  proposal->state = ProposalState::kApproved;
  proposal->decided_by = call.principal.name;
  proposal->done_as = published.done_as;
  // It is done; that it is said so of the proposal is only its record.
  if (const absl::Status decided = parts.proposals->Decide(*proposal); !decided.ok()) {
    return ErrorAnswer(decided);
  }
  return answer;
}

HttpAnswer Reject(Parts& parts, const Call& call, const std::string& why) {
  absl::StatusOr<Proposal> proposal = PathProposal(parts, call);
  if (!proposal.ok()) return ErrorAnswer(proposal.status());
  if (proposal->state != ProposalState::kOpen) return DecidedAlready(*proposal);
  std::vector<ItemId> ids;
  for (const DoneEdit& edit : proposal->change.edits) ids.push_back(edit.id);
  // Whoever proposed it may take it back.
  if (proposal->change.by != call.principal.name &&
      !MayApprove(call.principal, call.settings, call.service, ids)) {
    return ErrorAnswer(403, "a proposal is rejected by who may approve it, or who made it");
  }
  proposal->state = ProposalState::kRejected;
  proposal->decided_by = call.principal.name;
  if (const absl::Status decided = parts.proposals->Decide(*proposal); !decided.ok()) {
    return ErrorAnswer(decided);
  }
  Audit(parts, call,
        {.outcome = "done", .status = 200, .proposal = proposal->number, .detail = why});
  return JsonAnswer(200, ProposalToJson(*proposal));
}

}  // namespace

std::optional<HttpAnswer> ListProposals(Parts& parts, const Call& call) {
  const absl::StatusOr<int64_t> limit =
      QueryNumber(call, "limit", kListDefault, static_cast<int64_t>(kListMax));
  if (!limit.ok()) return ErrorAnswer(limit.status());
  const std::vector<Proposal> found =
      parts.proposals->List(call.service, static_cast<size_t>(*limit));
  return JsonAnswer(200, JsonObject().Json("proposals", JsonArray(found, ProposalToJson)).Done());
}

std::optional<HttpAnswer> GetProposal(Parts& parts, const Call& call) {
  const absl::StatusOr<Proposal> proposal = PathProposal(parts, call);
  if (!proposal.ok()) return ErrorAnswer(proposal.status());
  return JsonAnswer(200, ProposalToJson(*proposal));
}

std::optional<HttpAnswer> ApproveProposal(Parts& parts, const Call& call) {
  return InTurn(parts, [&] { return Approve(parts, call); });
}

std::optional<HttpAnswer> RejectProposal(Parts& parts, const Call& call) {
  JsonReader body(call.request->body, "the body");
  body.Only({"why"});
  const std::string why = body.Text("why", "");
  if (!body.status().ok()) return ErrorAnswer(body.status());
  return InTurn(parts, [&] { return Reject(parts, call, why); });
}

}  // namespace turnout::manager
