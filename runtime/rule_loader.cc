#include "runtime/rule_loader.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_format.h"

namespace turnout::runtime {
namespace {

using router::Problem;
using router::RuleFile;
using router::Team;

constexpr std::string_view kSuffixes[] = {".yaml", ".yml", ".json", ".jsonl"};
constexpr std::string_view kTestSuffixes[] = {".test.yaml", ".test.yml", ".test.json"};

bool HasSuffix(std::string_view text, std::string_view suffix) {
  return text.size() > suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

bool HasOneOf(std::string_view name, absl::Span<const std::string_view> suffixes) {
  return std::any_of(suffixes.begin(), suffixes.end(),
                     [&](std::string_view suffix) { return HasSuffix(name, suffix); });
}

Problem Unreadable(std::string_view what, int error) {
  return {.what = absl::StrFormat("%s: %s", what, std::strerror(error)),
          .cure = "name a rule file or a directory of them that may be read"};
}

RefusedFile Refused(const std::string& file, std::string what, std::string cure) {
  return {file, {{.what = std::move(what), .cure = std::move(cure)}}};
}

RuleFileList ListDirectory(const std::string& directory) {
  RuleFileList list;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(directory.c_str()), closedir);
  if (stream == nullptr) {
    list.is_complete = false;
    list.refused.push_back(Refused(
        directory, absl::StrFormat("the directory cannot be read: %s", std::strerror(errno)),
        "see that it may be read"));
    return list;
  }
  while (const dirent* entry = readdir(stream.get())) {
    if (!IsRuleFileName(entry->d_name)) continue;
    const std::string file = directory + (directory.back() == '/' ? "" : "/") + entry->d_name;
    struct stat facts = {};
    // What cannot be looked at is kept, for ReadRuleText to say why.
    const bool seen = stat(file.c_str(), &facts) == 0;
    if (seen && S_ISDIR(facts.st_mode)) continue;
    if (seen && !S_ISREG(facts.st_mode)) {
      // A pipe that nobody writes to would be waited for without end.
      list.refused.push_back(
          Refused(file, "it is no regular file", "put a rule file in its place"));
      continue;
    }
    list.files.push_back(file);
  }
  if (list.files.empty()) {
    list.is_complete = false;
    list.refused.push_back(Refused(directory, "there is no rule file in it",
                                   "put files there that end in .yaml, .yml, .json or .jsonl"));
  }
  std::sort(list.files.begin(), list.files.end());
  for (size_t i = kRuleFilesMax; i < list.files.size(); ++i) {
    list.refused.push_back(Refused(
        list.files[i], absl::StrFormat("the directory has more than %d files", kRuleFilesMax),
        "join some teams' rules in .jsonl files"));
  }
  if (list.files.size() > kRuleFilesMax) list.files.resize(kRuleFilesMax);
  return list;
}

std::optional<std::string> ReadStream(std::FILE* stream, const router::RuleLimits& limits,
                                      std::vector<Problem>* problems) {
  std::string text;
  char part[65536];
  // One byte over the limit is enough for the reader to refuse it, however large the file.
  const size_t bytes_max = static_cast<size_t>(limits.file_bytes_max) + 1;
  while (text.size() < bytes_max) {
    const size_t bytes =
        std::fread(part, 1, std::min(sizeof part, bytes_max - text.size()), stream);
    if (bytes == 0) break;
    text.append(part, bytes);
  }
  if (std::ferror(stream) == 0) return text;
  problems->push_back(Unreadable("the file cannot be read", errno));
  return std::nullopt;
}

class Loader {
 public:
  Loader(const router::RuleLimits& limits, std::FILE* standard_input)
      : limits_(limits), standard_input_(standard_input) {}

  void LoadPath(const std::string& path);
  LoadedRules Finish();

 private:
  void LoadFile(const std::string& file);
  void Take(const std::string& file, std::vector<Team> teams, std::vector<Problem>* problems);

  const router::RuleLimits& limits_;
  std::FILE* const standard_input_;
  LoadedRules rules_;
  std::unordered_map<std::string, std::string> files_by_team_;
};

void Loader::LoadPath(const std::string& path) {
  if (path == "-") return LoadFile(path);
  RuleFileList list = ListRuleFiles(path);
  for (RefusedFile& refused : list.refused) rules_.refused.push_back(std::move(refused));
  for (const std::string& file : list.files) LoadFile(file);
}

void Loader::LoadFile(const std::string& file) {
  std::vector<Problem> problems;
  const std::optional<std::string> text = file == "-"
                                              ? ReadStream(standard_input_, limits_, &problems)
                                              : ReadRuleText(file, limits_, &problems);
  std::vector<Team> teams;
  if (text.has_value()) {
    teams = CompileRules(file, *text, limits_, &problems, RuleTexts::kDropped);
  }
  Take(file, std::move(teams), &problems);
  if (!problems.empty()) rules_.refused.push_back({file, std::move(problems)});
}

void Loader::Take(const std::string& file, std::vector<Team> teams,
                  std::vector<Problem>* problems) {
  for (const Team& team : teams) {
    const auto first = files_by_team_.find(team->team);
    if (first != files_by_team_.end()) {
      problems->push_back(TeamElsewhere(team->team, first->second));
    }
  }
  if (!problems->empty()) return;
  LoadedFile loaded{.file = file};
  for (Team& team : teams) {
    files_by_team_.emplace(team->team, file);
    loaded.teams.push_back(team->team);
    loaded.rules += team->rules.size();
    rules_.teams.push_back(std::move(team));
  }
  rules_.files.push_back(std::move(loaded));
}

LoadedRules Loader::Finish() {
  std::sort(rules_.teams.begin(), rules_.teams.end(),
            [](const Team& a, const Team& b) { return a->team < b->team; });
  return std::move(rules_);
}

// A name or a value in a message may hold anything; a message is one line of a terminal.
void AppendPrintable(std::string_view text, std::string* line) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      line->append(absl::StrFormat("\\x%02x", byte));
    } else {
      line->push_back(c);
    }
  }
}

}  // namespace

bool IsRuleTestName(std::string_view name) { return HasOneOf(name, kTestSuffixes); }

bool IsRuleFileName(std::string_view name) {
  return !name.empty() && name[0] != '.' && HasOneOf(name, kSuffixes) && !IsRuleTestName(name);
}

RuleFileList ListRuleFiles(const std::string& path) {
  struct stat facts = {};
  const bool seen = stat(path.c_str(), &facts) == 0;
  if (seen && S_ISDIR(facts.st_mode)) return ListDirectory(path);
  RuleFileList list;
  list.is_complete = seen;
  if (IsRuleTestName(path)) {
    list.is_complete = false;
    list.refused.push_back(Refused(path, "it is a file of test cases, not of rules",
                                   "run it with `turnout test`, and name the rule file here"));
  } else {
    list.files = {path};
  }
  return list;
}

std::optional<std::string> ReadRuleText(const std::string& file, const router::RuleLimits& limits,
                                        std::vector<Problem>* problems) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(std::fopen(file.c_str(), "rb"),
                                                               std::fclose);
  if (stream != nullptr) return ReadStream(stream.get(), limits, problems);
  problems->push_back(Unreadable("the file cannot be opened", errno));
  return std::nullopt;
}

std::vector<Team> CompileRules(const std::string& file, std::string_view text,
                               const router::RuleLimits& limits, std::vector<Problem>* problems,
                               RuleTexts texts) {
  std::vector<Team> teams;
  std::shared_ptr<const router::RuleSource> source;
  const auto share = [&](RuleFile team) {
    if (source == nullptr && texts == RuleTexts::kKept) {
      source =
          std::make_shared<const router::RuleSource>(router::RuleSource{file, std::string(text)});
    }
    team.source = source;
    teams.push_back(std::make_shared<const RuleFile>(std::move(team)));
  };
  if (HasSuffix(file, ".jsonl") || (file == "-" && router::LooksLikeRuleLines(text))) {
    std::optional<std::vector<RuleFile>> read = router::ReadRuleLines(text, limits, problems);
    if (!read.has_value()) return {};
    for (RuleFile& team : *read) share(std::move(team));
  } else {
    std::optional<RuleFile> read = router::ReadRuleFile(file, text, limits, problems);
    if (read.has_value()) share(*std::move(read));
  }
  return teams;
}

Problem TeamElsewhere(const std::string& team, const std::string& first) {
  return {.subject = team,
          .what = absl::StrFormat("the team has rules in another file already, %s", first),
          .cure = "keep a team's rules in one file"};
}

LoadedRules LoadRules(const std::vector<std::string>& paths, const router::RuleLimits& limits,
                      std::FILE* standard_input) {
  Loader loader(limits, standard_input);
  for (const std::string& path : paths) loader.LoadPath(path);
  return loader.Finish();
}

std::string FormatProblem(std::string_view file, const Problem& problem) {
  std::string line;
  AppendPrintable(file, &line);
  // What is wrong with a file as a whole is shown at its start, so that every line has one form.
  const int line_number = std::max(problem.at.line, 1);
  line += absl::StrFormat(":%d:%d: ", line_number, std::max(problem.at.column, 1));
  if (!problem.subject.empty()) {
    AppendPrintable(problem.subject, &line);
    line += ": ";
  }
  AppendPrintable(problem.what, &line);
  line += " (";
  AppendPrintable(problem.cure, &line);
  line += ")";
  return line;
}

std::string FormatRefused(const std::vector<RefusedFile>& refused) {
  std::string lines;
  for (const RefusedFile& file : refused) {
    for (const Problem& problem : file.problems) {
      lines += FormatProblem(file.file, problem);
      lines += '\n';
    }
  }
  return lines;
}

}  // namespace turnout::runtime
