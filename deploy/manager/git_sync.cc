#include "deploy/manager/git_sync.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "deploy/manager/api.h"
#include "deploy/manager/git_changes.h"
#include "deploy/manager/json_reader.h"
#include "deploy/manager/json_writer.h"
#include "deploy/manager/publish.h"
#include "runtime/log.h"
#include "state/files.h"

namespace turnout::manager {
namespace {

constexpr char kBaseFile[] = "/turnout-base.json";
constexpr size_t kBaseBytesMax = 4'096;
constexpr int kStepsMax = 20;  // one after the other, before it waits
constexpr absl::Duration kRefusedPause = absl::Seconds(1);

}  // namespace

GitSync::GitSync(GitOptions options, std::string directory, Parts* parts)
    : options_(std::move(options)), directory_(std::move(directory)), parts_(parts) {}

void GitSync::Start() {
  thread_ = std::thread([this] {
    while (!is_stopped_) {
      absl::StatusOr<bool> goes_on = true;
      for (int i = 0; i < kStepsMax && goes_on.ok() && *goes_on && !is_stopped_; ++i) {
        goes_on = Step();
      }
      if (absl::IsInvalidArgument(goes_on.status())) {
        Tell(GitState::kRefused, std::string(goes_on.status().message()));
      } else if (!goes_on.ok() && !absl::IsAborted(goes_on.status())) {
        Tell(GitState::kAway, std::string(goes_on.status().message()));
      }
      const absl::MutexLock lock(&mu_);
      mu_.AwaitWithTimeout(absl::Condition(&is_awake_),
                           goes_on.ok() || !absl::IsAborted(goes_on.status())
                               ? absl::Seconds(options_.poll_seconds)
                               : kRefusedPause);
      is_awake_ = false;
    }
  });
}

void GitSync::Stop() {
  is_stopped_ = true;
  Wake();
  if (thread_.joinable()) thread_.join();
}

void GitSync::Wake() {
  const absl::MutexLock lock(&mu_);
  is_awake_ = true;
}

GitStatus GitSync::status() const {
  const absl::MutexLock lock(&mu_);
  return status_;
}

bool GitSync::covers(std::string_view service) const {
  return options_.service.empty() || options_.service == service;
}

void GitSync::Tell(GitState state, std::string error) {
  const absl::MutexLock lock(&mu_);
  const bool is_news = state != status_.state || error != status_.error;
  status_.state = state;
  status_.error = error;
  status_.commit = base_ ? base_->commit : "";
  status_.change = seen_;
  status_.reports = state == GitState::kRefused ? reports_ : decltype(reports_)();
  status_.conflicts = state == GitState::kConflict ? conflicts_ : decltype(conflicts_)();
  if (!is_news) return;
  if (state == GitState::kFollowing) {
    runtime::LogInfo("git_following", "the repository and the store hold the same",
                     {{"commit", status_.commit}});
  } else {
    runtime::LogWarning(absl::StrCat("git_", std::string(GitStateName(state))), error,
                        {{"theirs", status_.theirs}, {"pending", status_.pending}});
  }
}

absl::StatusOr<std::optional<GitSync::Base>> GitSync::Load() const {
  if (!state::Exists(directory_ + kBaseFile)) return std::nullopt;
  const absl::StatusOr<std::string> text = state::ReadFile(directory_ + kBaseFile, kBaseBytesMax);
  if (!text.ok()) return text.status();
  JsonReader reader(*text, directory_ + kBaseFile);
  Base base{.commit = reader.Text("commit"), .number = reader.Number("change", 0, 0, INT64_MAX)};
  if (!reader.status().ok()) return reader.status();
  return base;
}

absl::Status GitSync::Save(Base base) {
  const std::string file = directory_ + kBaseFile;
  const std::string unfinished = absl::StrCat(file, std::string(state::kUnfinishedSuffix));
  absl::Status written = state::WriteFile(
      unfinished, JsonObject().Text("commit", base.commit).Number("change", base.number).Done());
  if (written.ok()) written = state::Rename(unfinished, file);
  if (written.ok()) base_ = std::move(base);
  return written;
}

absl::StatusOr<FileTree> GitSync::TreeOf(const std::string& commit) {
  absl::StatusOr<FileTree> tree = repository_->ReadTree(commit);
  if (!tree.ok()) return tree;
  return TreeOfService(*std::move(tree), options_.service);
}

absl::StatusOr<std::vector<Item>> GitSync::Items() const {
  return parts_->store->List(options_.service, std::nullopt);
}

absl::StatusOr<GitSync::Pending> GitSync::Collect() {
  Pending pending{.base = *base_, .newest = parts_->store->newest()};
  std::vector<Change> changes;
  for (int64_t number = base_->number + 1; number <= pending.newest; ++number) {
    absl::StatusOr<Change> change = parts_->store->FindChange(number);
    if (!change.ok()) return change.status();
    const std::string commit = CommitOf(*change);
    if (commit.empty()) {
      if (!Touches(*change, options_.service)) continue;
      if (changes.empty()) pending.oldest_ms = change->at_ms;
      if (changes.size() < kGitCommitsMax) {
        changes.push_back(*std::move(change));
      } else {
        pending.is_all = false;
      }
      continue;
    }
    // It came from there; unless more came since, it is what both have.
    const absl::StatusOr<std::string> common = repository_->CommonOf(commit, pending.base.commit);
    if (!common.ok()) return common.status();
    if (*common != commit) pending.base.commit = commit;
  }
  absl::StatusOr<FileTree> tree = TreeOf(pending.base.commit);
  if (!tree.ok()) return tree.status();
  pending.tree = *std::move(tree);
  pending.ours = pending.tree;
  for (const Change& change : changes) {
    pending.commits.push_back(CommitFor(change, options_.service, &pending.ours));
    pending.numbers.push_back(change.number);
  }
  auto names = repository_->Commit(pending.base.commit, pending.commits);
  if (!names.ok()) return names.status();
  pending.names = *std::move(names);
  const absl::MutexLock lock(&mu_);
  status_.pending = static_cast<int64_t>(pending.commits.size());
  status_.oldest_ms = pending.oldest_ms;
  seen_ = pending.newest;
  return pending;
}

absl::StatusOr<bool> GitSync::Step() {
  if (!repository_) {
    auto opened = GitRepository::Open(directory_, options_, &is_stopped_);
    if (!opened.ok()) return opened.status();
    repository_.emplace(*std::move(opened));
    absl::StatusOr<std::optional<Base>> base = Load();
    if (!base.ok()) return base.status();
    base_ = *std::move(base);
  }
  const absl::StatusOr<std::string> fetched = repository_->Fetch();
  if (fetched.ok()) {
    const absl::MutexLock lock(&mu_);
    status_.theirs = *fetched;
  }
  if (!base_) return fetched.ok() ? Begin(*fetched) : absl::StatusOr<bool>(fetched.status());
  const absl::StatusOr<Pending> pending = Collect();
  if (!fetched.ok()) return fetched.status();
  if (!pending.ok()) return pending.status();
  const std::string& theirs = *fetched;
  const std::string& ours = pending->names.empty() ? pending->base.commit : pending->names.back();
  if (theirs == ours) {
    if (const absl::Status saved =
            Save({ours, pending->is_all ? pending->newest : pending->numbers.back()});
        !saved.ok())
      return saved;
    {
      const absl::MutexLock lock(&mu_);
      status_.pending = status_.oldest_ms = 0;
    }
    Tell(GitState::kFollowing, "");
    return !pending->is_all;
  }
  if (theirs.empty() && pending->base.commit.empty()) return Push(*pending);
  if (theirs.empty()) {
    return absl::UnavailableError(absl::StrFormat(
        "the branch %s is gone from %s: push it again, or stop the manager and remove %s to have "
        "it made anew",
        options_.branch, options_.repository, directory_));
  }
  return Take(*pending, theirs);
}

absl::StatusOr<bool> GitSync::Push(const Pending& pending) {
  if (absl::Status pushed = repository_->Push(pending.names.back()); !pushed.ok()) {
    return absl::IsAborted(pushed) ? absl::StatusOr<bool>(true) : pushed;
  }
  return true;  // the next step sees it there
}

absl::StatusOr<bool> GitSync::Take(const Pending& pending, const std::string& theirs) {
  if (refused_ == std::pair(theirs, pending.newest)) return refused_as_;
  // What both have: the base, or one of ours that was pushed.
  Base common = pending.base;
  if (!pending.names.empty()) {
    const absl::StatusOr<std::string> found = repository_->CommonOf(pending.names.back(), theirs);
    if (!found.ok()) return found.status();
    const auto name = std::find(pending.names.begin(), pending.names.end(), *found);
    if (name != pending.names.end()) {
      common = {*name, pending.numbers[static_cast<size_t>(name - pending.names.begin())]};
    }
  }
  if (common.commit == theirs) return Push(pending);
  const absl::StatusOr<FileTree> before = TreeOf(common.commit);
  const absl::StatusOr<FileTree> after = TreeOf(theirs);
  for (const auto* tree : {&before, &after}) {
    if (!tree->ok()) return tree->status();
  }
  const std::vector<std::string> paths = Differing(*before, *after);
  const std::vector<std::string> both =
      Conflicting(Differing(*before, pending.ours), pending.ours, paths, *after);
  if (!both.empty()) {
    conflicts_.clear();
    for (const std::string& path : both) {
      if (conflicts_.size() == kGitConflictsMax) break;
      const auto text = [&path](const FileTree& tree) {
        const auto found = tree.find(path);
        return found == tree.end() ? std::string() : found->second;
      };
      conflicts_.push_back({path, text(pending.ours), text(*after)});
    }
    Tell(GitState::kConflict,
         absl::StrFormat("%s and %d more were changed here and in %s: make them alike, in the "
                         "manager or there",
                         both[0], both.size() - 1, options_.repository));
    return false;
  }
  reports_.clear();
  absl::Status applied =
      Apply(*after, paths, /*is_whole=*/false, theirs, common.commit, pending.newest);
  if (applied.ok()) applied = Save({theirs, common.number});
  if (absl::IsInvalidArgument(applied)) {
    refused_ = {theirs, pending.newest};
    refused_as_ = applied;
  }
  if (!applied.ok()) return applied;
  return true;
}

absl::Status GitSync::Check(const std::vector<Edit>& edits) {
  std::map<std::string, std::vector<Edit>> by_service;
  for (const Edit& edit : edits) by_service[edit.id.service].push_back(edit);
  std::string refused;
  for (auto& [service, some] : by_service) {
    Call call;
    call.action = "git";
    call.service = service;
    call.principal = {.name = std::string(kGitApproves),
                      .grants = {{.principal = "",
                                  .service = std::string(kAll),
                                  .team = std::string(kAll),
                                  .role = Role::kAdmin}}};
    Published ignored;
    const HttpAnswer answer =
        PublishAtItsTurn(*parts_, call, {.edits = std::move(some), .is_dry_run = true}, &ignored);
    JsonReader said(answer.body, "the answer");
    const std::string error = said.Text("error", "");
    if (answer.status >= 500) return absl::UnavailableError(error);
    if (answer.status == 200 && said.Object("report").Flag("ok", false)) continue;
    reports_[service] = answer.body;
    absl::StrAppend(&refused, refused.empty() ? "" : "; ", service, ": ",
                    error.empty() ? "the routers would not take it: see the report" : error);
    parts_->audit
        ->Append({.by = std::string(kGitApproves),
                  .action = "git",
                  .service = service,
                  .outcome = "refused",
                  .status = 422,
                  .detail = refused},
                 absl::Now())
        .IgnoreError();  // the log has it too
  }
  return refused.empty() ? absl::OkStatus() : absl::InvalidArgumentError(refused);
}

absl::Status GitSync::Apply(const FileTree& tree, const std::vector<std::string>& paths,
                            bool is_whole, const std::string& theirs, const std::string& since,
                            int64_t newest) {
  const absl::StatusOr<GitAuthor> author = repository_->AuthorOf(theirs, since);
  if (!author.ok()) return author.status();
  const absl::MutexLock lock(&parts_->publishing_mu);
  if (newest >= 0 && parts_->store->newest() != newest) return absl::AbortedError("once more");
  const absl::StatusOr<std::vector<Item>> items = Items();
  if (!items.ok()) return items.status();
  // All of it must be a tree of items, but what was changed alone is taken.
  absl::StatusOr<std::vector<Edit>> edits = ImportItems(tree, *items, MissingFile::kItemStays);
  if (edits.ok() && !is_whole) {
    FileTree changed;
    std::set<ItemId> ids;
    for (const std::string& path : paths) {
      const absl::StatusOr<ItemId> id = ItemAtPath(path);
      if (id.ok()) ids.insert(*id);
    }
    for (const auto& [path, text] : tree) {
      if (ids.contains(*ItemAtPath(path))) changed.emplace(path, text);
    }
    std::vector<Item> affected;
    for (const Item& item : *items) {
      if (ids.contains(item.id)) affected.push_back(item);
    }
    edits = ImportItems(changed, affected, MissingFile::kItemIsDeleted);
  }
  if (!edits.ok()) return edits.status();
  if (edits->empty()) return absl::OkStatus();
  if (absl::Status checked = Check(*edits); !checked.ok()) return checked;
  const absl::StatusOr<Change> change =
      parts_->store->Apply(RequestOf(*std::move(edits), *author, theirs), nullptr);
  if (!change.ok()) return change.status();
  std::vector<std::string> done;
  for (const DoneEdit& edit : change->edits) done.push_back(edit.id.ToString());
  return parts_->audit->Append({.by = change->by,
                                .action = "git",
                                .service = options_.service,
                                .items = std::move(done),
                                .outcome = "done",
                                .status = 200,
                                .change = change->number,
                                .detail = theirs},
                               absl::Now());
}

absl::StatusOr<bool> GitSync::Begin(const std::string& theirs) {
  const absl::StatusOr<FileTree> tree = TreeOf(theirs);
  if (!tree.ok()) return tree.status();
  reports_.clear();
  if (!tree->empty()) {
    absl::Status applied = Apply(*tree, {}, /*is_whole=*/true, theirs, "", -1);
    if (!applied.ok()) return applied;
  }
  int64_t newest = 0;
  absl::StatusOr<std::vector<Item>> items;
  {
    const absl::MutexLock lock(&parts_->publishing_mu);
    newest = parts_->store->newest();
    items = Items();
  }
  if (!items.ok()) return items.status();
  const FileTree all = ExportItems(*items);
  GitCommit commit{
      .author = options_.author,
      .message = absl::StrCat("All that the manager holds\n\nTurnout-Change: ", newest, "\n"),
      .at_s = absl::ToUnixSeconds(absl::Now())};
  for (const std::string& path : Differing(*tree, all)) {
    const auto found = all.find(path);
    if (found == all.end()) {
      commit.removed.push_back(path);
    } else {
      commit.written.emplace(path, found->second);
    }
  }
  if (commit.removed.empty() && commit.written.empty()) {
    const absl::Status saved = Save({theirs, newest});
    return saved.ok() ? absl::StatusOr<bool>(true) : saved;
  }
  const auto names = repository_->Commit(theirs, {commit});
  if (!names.ok()) return names.status();
  const absl::Status pushed = repository_->Push(names->back());
  if (absl::IsAborted(pushed)) return true;
  if (!pushed.ok()) return pushed;
  const absl::Status saved = Save({names->back(), newest});
  return saved.ok() ? absl::StatusOr<bool>(true) : saved;
}

std::string_view GitStateName(GitState state) {
  switch (state) {
    case GitState::kFollowing:
      return "following";
    case GitState::kAway:
      return "away";
    case GitState::kRefused:
      return "refused";
    case GitState::kConflict:
      return "conflict";
    case GitState::kStarting:
      break;
  }
  return "starting";
}

std::string GitToJson(const GitSync& git, const std::string& service) {
  const GitStatus status = git.status();
  const std::string below = service + "/";
  std::vector<GitConflict> conflicts;
  for (const GitConflict& one : status.conflicts) {
    if (one.path.substr(0, below.size()) == below) conflicts.push_back(one);
  }
  JsonObject json;
  json.Text("state", GitStateName(status.state))
      .Text("repository", git.options().repository)
      .Text("branch", git.options().branch)
      .Text("commit", status.commit)
      .Text("theirs", status.theirs)
      .Number("change", status.change)
      .Number("pending", status.pending)
      .Number("lag_ms",
              status.oldest_ms == 0
                  ? 0
                  : std::max<int64_t>(0, absl::ToUnixMillis(absl::Now()) - status.oldest_ms));
  if (!status.error.empty()) json.Text("error", status.error);
  if (const auto found = status.reports.find(service); found != status.reports.end()) {
    json.Json("refused", found->second);
  }
  json.Json("conflicts", JsonArray(conflicts, [](const GitConflict& one) {
              return JsonObject()
                  .Text("path", one.path)
                  .Text("ours", one.ours)
                  .Text("theirs", one.theirs)
                  .Done();
            }));
  return json.Done();
}

}  // namespace turnout::manager
