// Publish: the one way in which anything is changed: who may, whether the routers would take it, a
// second person where one is needed, then all of it at once.
//
// Errors: as answers. 403 who may not; 422 with all problems of what can't be published; 409 (412
//   where the request has an If-Match) with both sides where something has changed since; 202 with
//   the proposal where another person is to approve it. A dry run is answered 200 with the same
//   report, and changes nothing.
// Threads: any; what is published is so one after the other, in at most kPublishingMax calls.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "deploy/manager/api.h"
#include "deploy/manager/change.h"

namespace turnout::manager {

struct Publication {
  std::vector<Edit> edits;  // of the call's service; secrets are sealed
  std::string why;
  std::optional<int64_t> reverts;
  bool is_dry_run = false;
  bool shows_texts = false;  // in a dry run, of what was worked out here
  int conflict_status = 409;
  // Of one that was approved: who proposed it, and as what. Its edits are judged by `MayApprove`.
  std::string proposed_by;
  int64_t proposal = 0;
};

// What became of one that was answered 200, unless it was a dry run.
struct Published {
  int64_t done_as = 0;            // the change's number; 0: nothing was to be changed
  std::vector<int64_t> versions;  // of the edits' items, as it left them; 0: deleted
};

// `published` may be null.
HttpAnswer Publish(Parts& parts, const Call& call, Publication publication,
                   Published* published = nullptr);

// For who has more to do before and after it: what is called so is one at a time.
HttpAnswer InTurn(Parts& parts, absl::FunctionRef<HttpAnswer()> call);
HttpAnswer PublishAtItsTurn(Parts& parts, const Call& call, Publication publication,
                            Published* published);

// `{"error", "conflicts": [both sides]}`
HttpAnswer ConflictAnswer(int status, std::string_view what, const std::vector<Conflict>& conflicts,
                          const std::vector<Edit>& edits);

std::string ProposalToJson(const Proposal& proposal);

}  // namespace turnout::manager
