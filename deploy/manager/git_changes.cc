#include "deploy/manager/git_changes.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "runtime/json_text.h"

namespace turnout::manager {
namespace {

constexpr char kBy[] = "git:";
constexpr char kCommit[] = "\n\nGit-Commit: ";

// Without what has a meaning in a commit's header.
std::string PlainName(const std::string& name) {
  std::string plain;
  for (const char byte : name) {
    if (byte != '<' && byte != '>' && byte != '\n' && byte != '\0') plain += byte;
  }
  absl::StripAsciiWhitespace(&plain);
  return plain.empty() ? "unknown" : plain;
}

std::string MessageOf(const Change& change) {
  std::string message;
  for (const char byte : change.why) message += byte == '\0' ? ' ' : byte;
  absl::StripAsciiWhitespace(&message);
  if (message.empty()) message = absl::StrCat("Change ", change.number);
  absl::StrAppend(&message, "\n\nTurnout-Change: ", change.number, "\n");
  for (const std::string& name : change.approved_by) {
    absl::StrAppend(&message, "Approved-by: ", CommitAuthor(name), "\n");
  }
  return message;
}

// A file of an item, whichever of its names it has.
std::string ItemOf(const std::string& path) {
  const absl::StatusOr<ItemId> id = ItemAtPath(path);
  return id.ok() ? id->ToString() : path;
}

// At most so many bytes, cut between characters.
std::string Cut(std::string text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
  text.resize(bytes);
  return text;
}

// A commit may hold any bytes.
std::string Utf8(const std::string& text) {
  if (runtime::IsUtf8(text)) return text;
  std::string plain;
  for (const char byte : text) plain += absl::ascii_isascii(byte) ? byte : '?';
  return plain;
}

}  // namespace

std::string CommitAuthor(const std::string& by) {
  const std::string name = PlainName(by);
  return absl::StrFormat("%s <%s>", name, absl::StrContains(name, '@') ? name : name + "@turnout");
}

std::string CommitOf(const Change& change) {
  if (!absl::StartsWith(change.by, kBy) ||
      change.approved_by != std::vector<std::string>{std::string(kGitApproves)}) {
    return "";
  }
  const size_t at = change.why.rfind(kCommit);
  return at == change.why.npos ? "" : change.why.substr(at + std::string_view(kCommit).size());
}

ChangeRequest RequestOf(std::vector<Edit> edits, const GitAuthor& author, std::string_view commit) {
  const std::string end = absl::StrCat(kCommit, std::string(commit));
  return {.by = Cut(absl::StrCat(kBy, Utf8(author.who)), kPersonBytesMax),
          .why = absl::StrCat(Cut(Utf8(author.subjects), kWhyBytesMax - end.size()), end),
          .edits = std::move(edits),
          .approved_by = {std::string(kGitApproves)}};
}

bool Touches(const Change& change, std::string_view service) {
  return std::any_of(change.edits.begin(), change.edits.end(), [&](const DoneEdit& edit) {
    return service.empty() || edit.id.service == service;
  });
}

GitCommit CommitFor(const Change& change, std::string_view service, FileTree* tree) {
  GitCommit commit{.author = CommitAuthor(change.by),
                   .message = MessageOf(change),
                   .at_s = change.at_ms / 1'000};
  std::map<ItemId, const DoneEdit*> edits;
  for (const DoneEdit& edit : change.edits) {
    if (service.empty() || edit.id.service == service) edits.emplace(edit.id, &edit);
  }
  for (auto file = tree->begin(); file != tree->end();) {
    const absl::StatusOr<ItemId> id = ItemAtPath(file->first);
    if (!id.ok() || !edits.contains(*id)) {
      ++file;
      continue;
    }
    commit.removed.push_back(file->first);
    file = tree->erase(file);
  }
  for (const auto& [id, edit] : edits) {
    if (!edit->content) continue;
    commit.written.merge(ExportItems({Item{.id = id, .content = *edit->content}}));
  }
  for (const auto& [path, text] : commit.written) (*tree)[path] = text;
  return commit;
}

std::vector<std::string> Differing(const FileTree& a, const FileTree& b) {
  std::set<std::string> paths;
  for (const auto& [path, text] : a) {
    const auto found = b.find(path);
    if (found == b.end() || found->second != text) paths.insert(path);
  }
  for (const auto& [path, text] : b) {
    if (!a.contains(path)) paths.insert(path);
  }
  return {paths.begin(), paths.end()};
}

std::vector<std::string> Conflicting(const std::vector<std::string>& ours, const FileTree& our_tree,
                                     const std::vector<std::string>& theirs,
                                     const FileTree& their_tree) {
  std::set<std::string> touched;
  for (const std::string& path : ours) touched.insert(ItemOf(path));
  std::vector<std::string> paths;
  for (const std::string& path : theirs) {
    const auto our = our_tree.find(path);
    const auto their = their_tree.find(path);
    const bool is_alike = (our == our_tree.end()) == (their == their_tree.end()) &&
                          (our == our_tree.end() || our->second == their->second);
    if (!is_alike && touched.contains(ItemOf(path))) paths.push_back(path);
  }
  return paths;
}

FileTree TreeOfService(FileTree tree, std::string_view service) {
  if (service.empty()) return tree;
  const std::string below = absl::StrCat(std::string(service), "/");
  std::erase_if(tree, [&](const auto& file) { return !absl::StartsWith(file.first, below); });
  return tree;
}

}  // namespace turnout::manager
