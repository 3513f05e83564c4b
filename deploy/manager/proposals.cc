#include "deploy/manager/proposals.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/json_reader.h"
#include "deploy/manager/json_writer.h"
#include "state/envelope.h"

namespace turnout::manager {
namespace {

// Written, a text in a text: each byte may take several.
constexpr size_t kProposalFileBytesMax = 32 * kProposalBytesMax;
constexpr size_t kEditBytes = 500;  // beside its text, about

constexpr std::array<std::string_view, 3> kStateNames = {"open", "approved", "rejected"};

constexpr std::string_view kProposals = "proposals/";
constexpr std::string_view kMade = ".json";
constexpr std::string_view kDecided = ".decided.json";
// How often another number is taken because another manager was first.
constexpr int kRacesMax = 10;

std::string ObjectOf(int64_t number, std::string_view ending) {
  return absl::StrFormat("%s%d%s", kProposals, number, ending);
}

// 0: it is none of that ending.
int64_t NumberOf(const std::string& object, std::string_view ending) {
  int64_t number = 0;
  if (!object.ends_with(ending)) return 0;
  const std::string digits =
      object.substr(kProposals.size(), object.size() - kProposals.size() - ending.size());
  return absl::SimpleAtoi(digits, &number) ? number : 0;
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
    return absl::DataLossError(absl::StrCat(
        file, " is no proposal that can be read: move it away, and have it proposed again"));
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

absl::StatusOr<std::unique_ptr<Proposals>> Proposals::Open(state::CheckpointStore* objects) {
  std::unique_ptr<Proposals> proposals(new Proposals(objects));
  if (const absl::Status read = proposals->Refresh(); !read.ok()) return read;
  const absl::MutexLock lock(&proposals->mu_);
  proposals->ForgetOldest();
  return proposals;
}

absl::Status Proposals::Refresh() {
  const absl::MutexLock lock(&mu_);
  return Look();
}

absl::Status Proposals::Learn(const std::string& object) {
  const int64_t decided = NumberOf(object, kDecided);
  const int64_t number = decided > 0 ? decided : NumberOf(object, kMade);
  if (number == 0) return absl::OkStatus();  // an unfinished one
  const absl::StatusOr<std::string> text = objects_->Read(object, kProposalFileBytesMax);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();  // just forgotten
  if (!text.ok()) return text.status();
  absl::StatusOr<Proposal> proposal = ReadProposal(*text, object);
  if (!proposal.ok()) return proposal.status();
  // Its decision comes first in the order of names, and stands.
  if (decided == 0 && all_.contains(number)) return absl::OkStatus();
  all_[number] = *std::move(proposal);
  return absl::OkStatus();
}

absl::Status Proposals::Look() {
  const absl::StatusOr<std::vector<state::StoredObject>> listed = objects_->List(kProposals);
  if (!listed.ok()) return listed.status();
  std::set<std::string> there;
  for (const state::StoredObject& object : *listed) there.insert(object.name);
  for (auto one = all_.begin(); one != all_.end();) {
    one = there.contains(ObjectOf(one->first, kMade)) ? std::next(one) : all_.erase(one);
  }
  for (const std::string& object : there) {
    const int64_t decided = NumberOf(object, kDecided);
    // A decision that was left when its proposal was forgotten.
    if (decided > 0 && !there.contains(ObjectOf(decided, kMade))) continue;
    if (known_.contains(object)) continue;
    if (absl::Status learnt = Learn(object); !learnt.ok()) return learnt;
  }
  known_ = std::move(there);
  return absl::OkStatus();
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
    // If it fails, it is forgotten at another time. The decision goes last: without it the proposal
    // would be open.
    objects_->Remove(ObjectOf(one->first, kMade)).IgnoreError();
    objects_->Remove(ObjectOf(one->first, kDecided)).IgnoreError();
    one = all_.erase(one);
  }
}

absl::StatusOr<Proposal> Proposals::Add(Proposal proposal) {
  const absl::MutexLock lock(&mu_);
  if (absl::Status room = HasRoomFor(proposal); !room.ok()) return room;
  for (int race = 0; race < kRacesMax; ++race) {
    proposal.number = all_.empty() ? 1 : all_.rbegin()->first + 1;
    const std::string object = ObjectOf(proposal.number, kMade);
    const absl::StatusOr<bool> is_first = objects_->PutIfAbsent(object, ProposalToText(proposal));
    if (!is_first.ok()) return is_first.status();
    if (*is_first) {
      known_.insert(object);
      all_[proposal.number] = proposal;
      return proposal;
    }
    if (absl::Status looked = Look(); !looked.ok()) return looked;
  }
  return absl::UnavailableError("other managers are making proposals all the time; send it again");
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

SealedCounts Proposals::SealedBy() const {
  const absl::MutexLock lock(&mu_);
  SealedCounts counts;
  for (const auto& [number, one] : all_) {
    if (one.state != ProposalState::kOpen) continue;
    for (const DoneEdit& edit : one.change.edits) {
      if (edit.id.kind != ItemKind::kSecret || !edit.content) continue;
      ++counts[state::SealedKeyId(edit.content->text)];
    }
  }
  return counts;
}

absl::Status Proposals::Decide(const Proposal& decided) {
  const absl::MutexLock lock(&mu_);
  const auto already = [&](ProposalState state) {
    return absl::AbortedError(
        absl::StrFormat("proposal %d is %s already", decided.number, StateName(state)));
  };
  const ProposalState before = all_[decided.number].state;
  if (before != ProposalState::kOpen) return already(before);
  const std::string object = ObjectOf(decided.number, kDecided);
  const absl::StatusOr<bool> is_first = objects_->PutIfAbsent(object, ProposalToText(decided));
  if (!is_first.ok()) return is_first.status();
  if (!*is_first) {
    if (absl::Status looked = Look(); !looked.ok()) return looked;
    return already(all_[decided.number].state);
  }
  known_.insert(object);
  all_[decided.number] = decided;
  ForgetOldest();
  return absl::OkStatus();
}

}  // namespace turnout::manager
