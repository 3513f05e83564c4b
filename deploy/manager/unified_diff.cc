#include "deploy/manager/unified_diff.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/item_tree.h"

namespace turnout::manager {
namespace {

using Lines = std::vector<std::string_view>;  // with their ends

Lines SplitLines(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.push_back(text.substr(0, end == text.npos ? end : end + 1));
    text.remove_prefix(lines.back().size());
  }
  return lines;
}

// Lines [old_begin, old_end) go, and [new_begin, new_end) come in their place.
struct Replaced {
  size_t old_begin = 0;
  size_t old_end = 0;
  size_t new_begin = 0;
  size_t new_end = 0;
};

// Eugene Myers' greedy search: the farthest that each diagonal gets with ever more differences.
class Search {
 public:
  Search(const Lines& before, const Lines& after) : before_(before), after_(after) {
    while (begin_ < std::min(before.size(), after.size()) && before[begin_] == after[begin_]) {
      ++begin_;
    }
    old_end_ = before.size();
    new_end_ = after.size();
    while (old_end_ > begin_ && new_end_ > begin_ && before[old_end_ - 1] == after[new_end_ - 1]) {
      --old_end_;
      --new_end_;
    }
  }

  std::vector<Replaced> Find();

 private:
  // Goes on from each diagonal with one difference more. Whether the end is reached.
  bool Step(int differences);
  bool Adds(int differences, int diagonal) const;
  int Start(int differences, int diagonal) const;
  std::vector<Replaced> Trace() const;

  // Of a diagonal in the row of so many differences.
  static size_t At(int differences, int diagonal) {
    return static_cast<size_t>(diagonal + differences);
  }

  const Lines& before_;
  const Lines& after_;
  size_t begin_ = 0;  // what is the same at the start, of both
  size_t old_end_ = 0;
  size_t new_end_ = 0;
  // By differences, then diagonal: how many old lines lie behind.
  std::vector<std::vector<int>> rows_;
};

// Whether the last difference that leads to that diagonal is an added line, by the row before; else
// it is a removed one.
bool Search::Adds(int differences, int diagonal) const {
  const std::vector<int>& row = rows_[static_cast<size_t>(differences) - 1];
  if (diagonal == -differences) return true;
  return diagonal != differences &&
         row[At(differences - 1, diagonal - 1)] < row[At(differences - 1, diagonal + 1)];
}

// How many old lines lie behind that difference.
int Search::Start(int differences, int diagonal) const {
  if (differences == 0) return 0;
  const std::vector<int>& row = rows_[static_cast<size_t>(differences) - 1];
  return Adds(differences, diagonal) ? row[At(differences - 1, diagonal + 1)]
                                     : row[At(differences - 1, diagonal - 1)] + 1;
}

bool Search::Step(int differences) {
  const int old_lines = static_cast<int>(old_end_ - begin_);
  const int new_lines = static_cast<int>(new_end_ - begin_);
  std::vector<int> row(2 * static_cast<size_t>(differences) + 1, 0);
  bool is_done = false;
  for (int diagonal = -differences; diagonal <= differences; diagonal += 2) {
    int x = Start(differences, diagonal);
    int y = x - diagonal;
    while (x < old_lines && y < new_lines &&
           before_[begin_ + static_cast<size_t>(x)] == after_[begin_ + static_cast<size_t>(y)]) {
      ++x;
      ++y;
    }
    row[At(differences, diagonal)] = x;
    is_done = is_done || (diagonal == old_lines - new_lines && x >= old_lines);
  }
  rows_.push_back(std::move(row));
  return is_done;
}

// Backwards from the end, a difference at a time; those side by side become one.
std::vector<Replaced> Search::Trace() const {
  std::vector<Replaced> found;
  int x = static_cast<int>(old_end_ - begin_);
  int y = static_cast<int>(new_end_ - begin_);
  for (int differences = static_cast<int>(rows_.size()) - 1; differences > 0; --differences) {
    const int diagonal = x - y;
    const int start = Start(differences, diagonal);
    const bool adds = Adds(differences, diagonal);
    const auto old_at = begin_ + static_cast<size_t>(start);
    const auto new_at = begin_ + static_cast<size_t>(start - diagonal);
    const Replaced one{.old_begin = adds ? old_at : old_at - 1,
                       .old_end = old_at,
                       .new_begin = adds ? new_at - 1 : new_at,
                       .new_end = new_at};
    x = static_cast<int>(one.old_begin - begin_);
    y = static_cast<int>(one.new_begin - begin_);
    if (!found.empty() && found.back().old_begin == one.old_end &&
        found.back().new_begin == one.new_end) {
      found.back().old_begin = one.old_begin;
      found.back().new_begin = one.new_begin;
    } else {
      found.push_back(one);
    }
  }
  std::reverse(found.begin(), found.end());
  return found;
}

std::vector<Replaced> Search::Find() {
  for (size_t differences = 0; differences <= kDiffLinesMax; ++differences) {
    if (Step(static_cast<int>(differences))) return Trace();
  }
  return {{begin_, old_end_, begin_, new_end_}};
}

void AppendLine(char mark, std::string_view line, std::string* out) {
  out->push_back(mark);
  out->append(line);
  if (line.back() != '\n') out->append("\n\\ No newline at end of file\n");
}

// Of no lines the line before is named.
std::string RangeText(size_t begin, size_t end) {
  if (end - begin == 1) return absl::StrCat(end);
  return absl::StrCat(begin == end ? begin : begin + 1, ",", end - begin);
}

// Those of one hunk, which lie close to each other.
void AppendHunk(const Lines& before, const Lines& after, const Replaced* first,
                const Replaced* last, std::string* out) {
  const size_t context = std::min(kDiffContextLines, first->old_begin);
  const size_t behind = std::min(kDiffContextLines, before.size() - last->old_end);
  absl::StrAppendFormat(out, "@@ -%s +%s @@\n",
                        RangeText(first->old_begin - context, last->old_end + behind),
                        RangeText(first->new_begin - context, last->new_end + behind));
  size_t at = first->old_begin - context;
  for (const Replaced* one = first; one <= last; ++one) {
    for (; at < one->old_begin; ++at) AppendLine(' ', before[at], out);
    for (; at < one->old_end; ++at) AppendLine('-', before[at], out);
    for (size_t i = one->new_begin; i < one->new_end; ++i) AppendLine('+', after[i], out);
  }
  for (; at < last->old_end + behind; ++at) AppendLine(' ', before[at], out);
}

}  // namespace

std::string UnifiedDiff(std::string_view before_name, std::string_view before,
                        std::string_view after_name, std::string_view after) {
  if (before == after && before_name.empty() == after_name.empty()) return "";
  const auto shown = [](std::string_view mark, std::string_view name) {
    return name.empty() ? std::string("/dev/null") : std::string(mark) + std::string(name);
  };
  std::string out =
      absl::StrFormat("--- %s\n+++ %s\n", shown("a/", before_name), shown("b/", after_name));
  const Lines old_lines = SplitLines(before);
  const Lines new_lines = SplitLines(after);
  const std::vector<Replaced> all = Search(old_lines, new_lines).Find();
  for (size_t begin = 0; begin < all.size();) {
    size_t end = begin + 1;
    while (end < all.size() && all[end].old_begin - all[end - 1].old_end <= 2 * kDiffContextLines) {
      ++end;
    }
    AppendHunk(old_lines, new_lines, &all[begin], &all[end - 1], &out);
    begin = end;
  }
  return out;
}

std::string ItemDiff(const ItemId& id, const ItemContent* before, const ItemContent* after) {
  const auto file_of = [&](const ItemContent* content) {
    if (content == nullptr) return std::pair<std::string, std::string>();
    return std::pair<std::string, std::string>(
        *ExportItems({{.id = id, .content = *content}}).begin());
  };
  const auto [before_name, before_text] = file_of(before);
  const auto [after_name, after_text] = file_of(after);
  std::string diff = UnifiedDiff(before_name, before_text, after_name, after_text);
  const bool has_both = before != nullptr && after != nullptr;
  if (id.kind == ItemKind::kSecret && has_both && before->text != after->text) {
    absl::StrAppend(&diff, "The value of ", id.ToString(), " differs.\n");
  }
  return diff;
}

}  // namespace turnout::manager
