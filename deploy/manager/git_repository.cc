#include "deploy/manager/git_repository.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "deploy/manager/git_ssh.h"
#include "state/files.h"

namespace turnout::manager {
namespace {

constexpr absl::Duration kTimeout = absl::Minutes(2);
constexpr size_t kTokenBytesMax = 16u << 10;
constexpr size_t kSaidBytesMax = 600;
constexpr size_t kSubjectsMax = 20;
constexpr char kTheirs[] = "refs/turnout/theirs";
constexpr char kOurs[] = "refs/turnout/ours";
constexpr size_t kLineBytes = 200;  // of what git tells of a file beside its content

// What git said, in a line.
std::string Said(const std::string& text) {
  std::string line = text.substr(0, kSaidBytesMax);
  absl::StripAsciiWhitespace(&line);
  for (char& byte : line) byte = byte == '\n' ? ' ' : byte;
  return line;
}

// What a git that was killed has left locked.
void RemoveLocks(const std::string& directory) {
  std::error_code error;
  for (auto at = std::filesystem::recursive_directory_iterator(directory, error);
       !error && at != std::filesystem::recursive_directory_iterator(); at.increment(error)) {
    if (at->path().extension() != ".lock") continue;
    std::error_code ignored;
    std::filesystem::remove(at->path(), ignored);
  }
}

// The path in a tree of items; empty: it is no item's.
std::string ItemPath(std::string path, const std::string& below) {
  if (!below.empty()) path = path.substr(below.size() + 1);
  if (path.find('/') == path.npos || absl::StrContains(absl::StrCat("/", path), "/.")) return "";
  return path;
}

struct TreeFile {
  std::string path;
  std::string object;
};

// Of `ls-tree -r -z -l`: "MODE TYPE OBJECT SIZE\tPATH\0".
absl::StatusOr<std::vector<TreeFile>> ReadListing(const std::string& listing,
                                                  const std::string& below) {
  std::vector<TreeFile> files;
  uint64_t bytes = 0;
  for (const absl::string_view entry : absl::StrSplit(listing, '\0', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> halves =
        absl::StrSplit(entry, absl::MaxSplits('\t', 1));
    const std::vector<std::string> said = absl::StrSplit(halves.first, ' ', absl::SkipEmpty());
    const std::string path = ItemPath(halves.second, below);
    if (path.empty()) continue;
    uint64_t size = 0;
    if (said.size() != 4 || !absl::StartsWith(said[0], "100") ||
        !absl::SimpleAtoi(said[3], &size)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": it is no regular file of an item; remove it"));
    }
    bytes += size;
    if (size > kItemTextBytesMax || files.size() == kTreeFilesMax || bytes > kTreeBytesMax) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s: a file may have %d bytes, and the tree %d files and %d bytes", path,
                          kItemTextBytesMax, kTreeFilesMax, kTreeBytesMax));
    }
    files.push_back({path, said[2]});
  }
  return files;
}

}  // namespace

absl::Status CheckGitOptions(const GitOptions& options) {
  const std::string& url = options.repository;
  const bool is_known = absl::StartsWith(url, "https://") || absl::StartsWith(url, "ssh://") ||
                        absl::StartsWith(url, "file:///") ||
                        (url.find("://") == url.npos && url.find('@') < url.find(':') &&
                         url.find(':') != url.npos && url[0] != '-');
  const auto is_plain = [](const std::string& text) {
    return text.find_first_not_of(
               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
               "._-/") == text.npos &&
           !absl::StartsWith(text, "/") && !absl::StartsWith(text, "-") &&
           !absl::EndsWith(text, "/") && !absl::StrContains(text, "..");
  };
  if (!is_known) {
    return absl::InvalidArgumentError(
        "git.repository is to be https://..., ssh://..., user@host:path or file:///...");
  }
  if (absl::StartsWith(url, "https://") && absl::StrContains(url, "@")) {
    return absl::InvalidArgumentError(
        "git.repository holds a name or password: give it in `user` and `token_file`");
  }
  if (options.branch.empty() || !is_plain(options.branch) || !is_plain(options.path)) {
    return absl::InvalidArgumentError(
        "git.branch and git.path are to be of a-z, A-Z, 0-9, `.`, `_`, `-` and `/`");
  }
  for (const std::string& file : {options.ssh_key_file, options.known_hosts_file}) {
    if (file.find_first_of(" \t\n'\"\\%$~") != file.npos) {
      return absl::InvalidArgumentError(
          "git.ssh_key_file and git.known_hosts_file are to be paths without blanks, quotes, `\\`, "
          "`%`, `$` and `~`");
    }
  }
  if (!absl::EndsWith(options.author, ">") || !absl::StrContains(options.author, " <")) {
    return absl::InvalidArgumentError("git.author is to be `NAME <EMAIL>`");
  }
  if (options.poll_seconds < 1 || options.poll_seconds > kGitPollSecondsMax) {
    return absl::InvalidArgumentError(
        absl::StrFormat("git.poll_seconds is to be 1 to %d", kGitPollSecondsMax));
  }
  return absl::OkStatus();
}

GitRepository::GitRepository(std::string directory, const GitOptions& options,
                             const std::atomic<bool>* stop)
    : directory_(std::move(directory)), options_(options), stop_(stop) {}

absl::StatusOr<GitRepository> GitRepository::Open(std::string directory, const GitOptions& options,
                                                  const std::atomic<bool>* stop) {
  GitRepository repository(std::move(directory), options, stop);
  if (absl::Status made = state::MakeDirectory(repository.directory_); !made.ok()) return made;
  RemoveLocks(repository.directory_);
  const auto begun = repository.Done({"init", "--quiet", "--bare", repository.directory_});
  if (!begun.ok()) return begun.status();
  return repository;
}

absl::StatusOr<ProgramEnd> GitRepository::Git(std::vector<std::string> words,
                                              std::string_view input) {
  const char* const path = std::getenv("PATH");
  Program git{.words = {"git"},
              .environment = {absl::StrCat("PATH=", path == nullptr ? "/usr/bin:/bin" : path),
                              "HOME=" + directory_, "GIT_DIR=" + directory_, "LC_ALL=C",
                              "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
                              "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=/bin/false",
                              "GIT_ALLOW_PROTOCOL=https:ssh:file"},
              .input = input,
              .timeout = kTimeout,
              .output_bytes_max = kTreeBytesMax + kTreeFilesMax * kLineBytes,
              .stop = stop_};
  // Durable before anybody relies on it; and nothing is cleared away that has no name yet.
  std::vector<std::pair<std::string, std::string>> config = {
      {"core.fsync", "committed,reference"}, {"gc.auto", "0"}, {"protocol.version", "2"}};
  if (!options_.ca_file.empty()) config.emplace_back("http.sslCAInfo", options_.ca_file);
  if (!options_.token_file.empty()) {
    absl::StatusOr<std::string> token = state::ReadFile(options_.token_file, kTokenBytesMax);
    if (!token.ok()) return token.status();
    absl::StripAsciiWhitespace(&*token);
    config.emplace_back("http.extraHeader",
                        absl::StrCat("Authorization: Basic ",
                                     absl::Base64Escape(absl::StrCat(options_.user, ":", *token))));
  }
  for (size_t i = 0; i < config.size(); ++i) {
    git.environment.push_back(absl::StrCat("GIT_CONFIG_KEY_", i, "=", config[i].first));
    git.environment.push_back(absl::StrCat("GIT_CONFIG_VALUE_", i, "=", config[i].second));
  }
  git.environment.push_back(absl::StrCat("GIT_CONFIG_COUNT=", config.size()));
  git.environment.push_back("GIT_SSH_COMMAND=" + SshCommand(options_));
  for (std::string& word : words) git.words.push_back(std::move(word));
  absl::StatusOr<ProgramEnd> end = RunProgram(git);
  if (absl::IsNotFound(end.status())) {
    return absl::UnavailableError(
        absl::StrCat(end.status().message(), " (the image VERSION-debian has it)"));
  }
  return end;
}

absl::StatusOr<std::string> GitRepository::Done(std::vector<std::string> words,
                                                std::string_view input) {
  const std::string verb = words[0];
  absl::StatusOr<ProgramEnd> end = Git(std::move(words), input);
  if (!end.ok()) return end.status();
  if (end->exit_status == 0) return std::move(end->out);
  return absl::DataLossError(
      absl::StrFormat("git %s in %s: %s (if it does not pass, stop the manager and remove that "
                      "directory: it is made anew)",
                      verb, directory_, Said(end->err)));
}

absl::StatusOr<ProgramEnd> GitRepository::Remote(std::vector<std::string> words) {
  const std::string verb = words[0];
  const auto failed = [&](absl::string_view why) {
    return absl::UnavailableError(
        absl::StrFormat("git %s of %s: %s", verb, options_.repository, why));
  };
  if (IsBySsh(options_)) {
    const absl::Status files = CheckSshFiles(options_);
    if (!files.ok()) return failed(files.message());
  }
  absl::StatusOr<ProgramEnd> end = Git(std::move(words));
  if (!end.ok()) return failed(end.status().message());
  if (end->exit_status == 0) return end;
  const std::string why = IsBySsh(options_) ? WhySshFailed(options_, end->err) : "";
  if (!why.empty()) return failed(why);
  if (verb == "push") return end;
  return failed(Said(end->err));
}

absl::StatusOr<std::string> GitRepository::Fetch() {
  const std::string ref = "refs/heads/" + options_.branch;
  const auto listed = Remote({"ls-remote", options_.repository, ref});
  if (!listed.ok()) return listed.status();
  const std::string commit = listed->out.substr(0, listed->out.find('\t'));
  if (commit.empty()) return commit;
  const auto is_here = Git({"cat-file", "-e", commit + "^{commit}"});
  if (!is_here.ok()) return is_here.status();
  if (is_here->exit_status == 0) return commit;
  const auto fetched = Remote({"fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
                               options_.repository, absl::StrCat("+", ref, ":", kTheirs)});
  if (!fetched.ok()) return fetched.status();
  absl::StatusOr<std::string> theirs = Done({"rev-parse", "--verify", kTheirs});
  if (theirs.ok()) absl::StripAsciiWhitespace(&*theirs);
  return theirs;
}

absl::StatusOr<FileTree> GitRepository::ReadTree(const std::string& commit) {
  FileTree tree;
  if (commit.empty()) return tree;
  std::vector<std::string> words = {"ls-tree", "-r", "-z", "-l", "--full-tree", commit};
  if (!options_.path.empty()) words.push_back(options_.path + "/");
  const auto listing = Done(std::move(words));
  if (!listing.ok()) return listing.status();
  absl::StatusOr<std::vector<TreeFile>> files = ReadListing(*listing, options_.path);
  if (!files.ok()) return files.status();
  std::string wanted;
  for (const TreeFile& file : *files) absl::StrAppend(&wanted, file.object, "\n");
  if (wanted.empty()) return tree;
  const auto contents = Done({"cat-file", "--batch"}, wanted);
  if (!contents.ok()) return contents.status();
  size_t at = 0;
  for (const TreeFile& file : *files) {  // "OBJECT blob SIZE\nCONTENT\n"
    const size_t end = contents->find('\n', at);
    const size_t blank = end == contents->npos ? end : contents->rfind(' ', end);
    uint64_t size = 0;
    if (blank == contents->npos ||
        !absl::SimpleAtoi(contents->substr(blank + 1, end - blank - 1), &size) ||
        end + 1 + size > contents->size()) {
      return absl::DataLossError(absl::StrCat(directory_, " can't be read: remove it"));
    }
    tree[file.path] = contents->substr(end + 1, size);
    at = end + 1 + size + 1;
  }
  return tree;
}

absl::StatusOr<GitAuthor> GitRepository::AuthorOf(const std::string& commit,
                                                  const std::string& since) {
  const auto who = Done({"show", "--no-patch", "--format=%an <%ae>", commit});
  if (!who.ok()) return who.status();
  std::vector<std::string> words = {"log", "--format=%s", absl::StrCat("-n", kSubjectsMax), commit};
  if (!since.empty()) words.push_back("^" + since);
  const auto subjects = Done(std::move(words));
  if (!subjects.ok()) return subjects.status();
  return GitAuthor{Said(*who), std::string(absl::StripAsciiWhitespace(*subjects))};
}

absl::StatusOr<std::string> GitRepository::LastOf(const std::string& commit,
                                                  const std::vector<std::string>& files) {
  std::vector<std::string> words = {"log", "--format=%H", "-n1", commit, "--"};
  words.insert(words.end(), files.begin(), files.end());
  absl::StatusOr<std::string> last = Done(std::move(words));
  if (last.ok()) absl::StripAsciiWhitespace(&*last);
  return last;
}

absl::StatusOr<std::string> GitRepository::CommonOf(const std::string& a, const std::string& b) {
  const auto end = Git({"merge-base", a, b});
  if (!end.ok()) return end.status();
  std::string common = end->exit_status == 0 ? end->out : "";
  absl::StripAsciiWhitespace(&common);
  return common;
}

absl::StatusOr<std::vector<std::string>> GitRepository::Commit(
    const std::string& parent, const std::vector<GitCommit>& commits) {
  std::vector<std::string> names;
  if (commits.empty()) return names;
  const std::string below = options_.path.empty() ? "" : options_.path + "/";
  std::string stream;
  for (size_t i = 0; i < commits.size(); ++i) {
    const GitCommit& one = commits[i];
    absl::StrAppend(&stream, "commit ", kOurs, "\nmark :", i + 1, "\nauthor ", one.author, " ",
                    one.at_s, " +0000\ncommitter ", options_.author, " ", one.at_s, " +0000\n");
    absl::StrAppend(&stream, "data ", one.message.size(), "\n", one.message, "\n");
    if (i == 0 && !parent.empty()) absl::StrAppend(&stream, "from ", parent, "\n");
    for (const std::string& path : one.removed) {
      absl::StrAppend(&stream, "D ", below, path, "\n");
    }
    for (const auto& [path, text] : one.written) {
      absl::StrAppend(&stream, "M 100644 inline ", below, path, "\ndata ", text.size(), "\n", text,
                      "\n");
    }
    stream += '\n';
  }
  const std::string marks = directory_ + "/turnout-marks";
  const auto done = Done({"fast-import", "--quiet", "--force", "--export-marks=" + marks}, stream);
  if (!done.ok()) return done.status();
  const auto written = state::ReadFile(marks, kTreeFilesMax * kLineBytes);
  if (!written.ok()) return written.status();
  names.resize(commits.size());
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(*written, '\n'))) {
    const size_t blank = line.find(' ');
    size_t mark = 0;
    if (blank == line.npos || !absl::SimpleAtoi(line.substr(1, blank - 1), &mark)) continue;
    if (mark >= 1 && mark <= names.size()) names[mark - 1] = line.substr(blank + 1);
  }
  return names;
}

absl::Status GitRepository::Push(const std::string& commit) {
  const auto end = Remote({"push", "--porcelain", options_.repository,
                           absl::StrCat(commit, ":refs/heads/", options_.branch)});
  if (!end.ok()) return end.status();
  if (end->exit_status == 0) return absl::OkStatus();
  const std::string said =
      absl::StrFormat("git push to %s: %s %s", options_.repository, Said(end->out), Said(end->err));
  const bool is_behind = absl::StrContains(end->out, "fetch first") ||
                         absl::StrContains(end->out, "non-fast-forward") ||
                         absl::StrContains(end->out, "stale info");
  return is_behind ? absl::AbortedError(said) : absl::UnavailableError(said);
}

}  // namespace turnout::manager
