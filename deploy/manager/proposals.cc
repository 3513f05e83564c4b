#include "deploy/manager/proposals.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/json_reader.h"
#include "deploy/manager/json_writer.h"
#include "state/files.h"

namespace turnout::manager {
namespace {

// Written, a text in a text: each byte may take several.
constexpr size_t kProposalFileBytesMax = 32 * kProposalBytesMax;
constexpr size_t kEditBytes = 500;  // beside its text, about

constexpr std::array<std::string_view, 3> kStateNames = {"open", "approved", "rejected"};

std::string FileOf(const std::string& directory, int64_t number) {
  return absl::StrFormat("%s/%d.json", directory, number);
}

size_t BytesOf(const Proposal& proposal) {
  size_t bytes = proposal.change.why.size();
  for (const DoneEdit& edit : proposal.change.edits) {
    bytes += kEditBytes + (edit.content.has_value() ? edit.content->text.size() : 0);
  }
  return bytes;
}

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
    const absl::StatusOr<std::string> text = state::ReadFile(file, kProposalFileBytesMax);
    if (!text.ok()) return text.status();
    absl::StatusOr<Proposal> proposal = ReadProposal(*text, file);
    if (!proposal.ok()) return proposal.status();
    const int64_t number = proposal->number;
    proposals->all_[number] = *std::move(proposal);
  }
  if (error) return state::ErrnoStatus(error.value(), "listing", directory);
  proposals->ForgetOldest();
  return proposals;
}

absl::Status Proposals::Write(const Proposal& proposal) const {
  const std::string file = FileOf(directory_, proposal.number);
  const std::string unfinished = absl::StrCat(file, std::string(state::kUnfinishedSuffix));
  const absl::Status written = state::WriteFile(unfinished, ProposalToText(proposal));
  return written.ok() ? state::Rename(unfinished, file) : written;
}

absl::Status Proposals::HasRoomFor(const Proposal& proposal) const {
  size_t open = 0, of_one = 0, bytes = BytesOf(proposal);
  if (bytes > kProposalBytesMax) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("a proposal may have %d bytes, and this has %d: propose less at once",
                        kProposalBytesMax, bytes));
  }
  for (const auto& [number, one] : all_) {
    if (one.state != ProposalState::kOpen) continue;
    ++open;
    of_one += one.change.by == proposal.change.by;
    bytes += BytesOf(one);
  }
  if (of_one >= kProposalsOfOneMax) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "%d proposals of %s are open already: have some approved, or take them back", of_one,
        proposal.change.by));
  }
  if (open >= kProposalsOpenMax || bytes > kProposalsBytesMax) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("%d proposals are open, as many as can be: approve or reject some", open));
  }
  return absl::OkStatus();
}

void Proposals::ForgetOldest() {
  size_t bytes = 0;
  for (const auto& [number, one] : all_) {
    if (one.state != ProposalState::kOpen) bytes += BytesOf(one);
  }
  for (auto one = all_.begin(); one != all_.end() && bytes > kProposalsBytesMax;) {
    // The newest gives the next its number.
    if (one->second.state == ProposalState::kOpen || std::next(one) == all_.end()) {
      ++one;
      continue;
    }
    bytes -= BytesOf(one->second);
    std::error_code ignored;  // then it is forgotten at another time
    std::filesystem::remove(FileOf(directory_, one->first), ignored);
    one = all_.erase(one);
  }
}

absl::StatusOr<Proposal> Proposals::Add(Proposal proposal) {
  const absl::MutexLock lock(&mu_);
  if (absl::Status room = HasRoomFor(proposal); !room.ok()) return room;
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
  ForgetOldest();
  return absl::OkStatus();
}

}  // namespace turnout::manager
