#include "deploy/manager/proposals.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/json_reader.h"
#include "deploy/manager/json_writer.h"
#include "state/files.h"

namespace turnout::manager {
namespace {

constexpr std::array<std::string_view, 3> kStateNames = {"open", "approved", "rejected"};

std::string ProposalToText(const Proposal& proposal) {
  return JsonObject()
      .Number("number", proposal.number)
      .Text("state", StateName(proposal.state))
      .Text("service", proposal.service)
      .Text("decided_by", proposal.decided_by)
      .Number("done_as", proposal.done_as)
      .Text("change", ToJson(proposal.change))
      .Done();
}

absl::StatusOr<Proposal> ReadProposal(const std::string& text, const std::string& file) {
  JsonReader reader(text, file);
  Proposal proposal{.number = reader.Number("number", 0, 1, INT64_MAX),
                    .service = reader.Text("service"),
                    .decided_by = reader.Text("decided_by"),
                    .done_as = reader.Number("done_as", 0, 0, INT64_MAX)};
  const std::string state = reader.Text("state");
  absl::StatusOr<Change> change = ReadChange(reader.Text("change"));
  const auto* const known = std::find(kStateNames.begin(), kStateNames.end(), state);
  if (!reader.status().ok() || !change.ok() || known == kStateNames.end()) {
    return absl::DataLossError(
        absl::StrCat(file, " is no proposal that can be read: restore a backup, or move it away"));
  }
  proposal.state = static_cast<ProposalState>(known - kStateNames.begin());
  proposal.change = *std::move(change);
  return proposal;
}

}  // namespace

std::string_view StateName(ProposalState state) { return kStateNames[static_cast<size_t>(state)]; }

std::vector<Edit> EditsOf(const Proposal& proposal) {
  std::vector<Edit> edits;
  for (const DoneEdit& edit : proposal.change.edits) {
    edits.push_back({.id = edit.id, .content = edit.content, .expected = edit.before});
  }
  return edits;
}

absl::StatusOr<std::unique_ptr<Proposals>> Proposals::Open(const std::string& directory) {
  if (const absl::Status made = state::MakeDirectory(directory); !made.ok()) return made;
  std::unique_ptr<Proposals> proposals(new Proposals(directory));
  const absl::MutexLock lock(&proposals->mu_);
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string file = entry.path().string();
    if (entry.path().extension() != ".json") continue;
    const absl::StatusOr<std::string> text = state::ReadFile(file, kProposalBytesMax);
    if (!text.ok()) return text.status();
    absl::StatusOr<Proposal> proposal = ReadProposal(*text, file);
    if (!proposal.ok()) return proposal.status();
    const int64_t number = proposal->number;
    proposals->all_[number] = *std::move(proposal);
  }
  if (error) return state::ErrnoStatus(error.value(), "listing", directory);
  return proposals;
}

absl::Status Proposals::Write(const Proposal& proposal) const {
  const std::string file = absl::StrFormat("%s/%d.json", directory_, proposal.number);
  const std::string unfinished = absl::StrCat(file, std::string(state::kUnfinishedSuffix));
  const absl::Status written = state::WriteFile(unfinished, ProposalToText(proposal));
  return written.ok() ? state::Rename(unfinished, file) : written;
}

absl::StatusOr<Proposal> Proposals::Add(Proposal proposal) {
  const absl::MutexLock lock(&mu_);
  const auto open = std::count_if(all_.begin(), all_.end(), [](const auto& one) {
    return one.second.state == ProposalState::kOpen;
  });
  if (static_cast<size_t>(open) >= kProposalsOpenMax) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "there are ", kProposalsOpenMax, " open proposals already: approve or reject some"));
  }
  proposal.number = all_.empty() ? 1 : all_.rbegin()->first + 1;
  if (const absl::Status written = Write(proposal); !written.ok()) return written;
  all_[proposal.number] = proposal;
  return proposal;
}

absl::StatusOr<Proposal> Proposals::Find(const std::string& service, int64_t number) const {
  const absl::MutexLock lock(&mu_);
  const auto found = all_.find(number);
  if (found != all_.end() && found->second.service == service) return found->second;
  return absl::NotFoundError(absl::StrFormat("%s has no proposal %d", service, number));
}

std::vector<Proposal> Proposals::List(const std::string& service, size_t limit) const {
  const absl::MutexLock lock(&mu_);
  std::vector<Proposal> found;
  for (auto one = all_.rbegin(); one != all_.rend() && found.size() < limit; ++one) {
    if (one->second.service == service) found.push_back(one->second);
  }
  return found;
}

absl::Status Proposals::Decide(const Proposal& decided) {
  const absl::MutexLock lock(&mu_);
  Proposal& kept = all_[decided.number];
  if (kept.state != ProposalState::kOpen) {
    return absl::AbortedError(
        absl::StrFormat("proposal %d is %s already", decided.number, StateName(kept.state)));
  }
  if (const absl::Status written = Write(decided); !written.ok()) return written;
  kept = decided;
  return absl::OkStatus();
}

}  // namespace turnout::manager
