#include "deploy/manager/search_expression.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "router/suggest.h"

namespace turnout::manager {
namespace {

absl::Status Refuse(std::string_view text, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrFormat("the expression %s %s", router::Quoted(text), what));
}

re2::StringPiece Piece(std::string_view text) { return {text.data(), text.size()}; }

bool Has(const std::vector<SearchIn>& in, SearchIn one) {
  if (in.empty()) return one == SearchIn::kNames || one == SearchIn::kTexts;
  return std::find(in.begin(), in.end(), one) != in.end();
}

}  // namespace

struct SearchExpression::Compiled {
  Compiled(const std::string& text, const RE2::Options& options) : re2(Piece(text), options) {}

  RE2 re2;
};

SearchExpression::SearchExpression(const SearchQuery& query,
                                   std::unique_ptr<const Compiled> compiled)
    : compiled_(std::move(compiled)), is_whole_(query.is_whole), is_regex_(query.is_regex) {}
SearchExpression::~SearchExpression() = default;

absl::StatusOr<std::unique_ptr<SearchExpression>> SearchExpression::Compile(
    const SearchQuery& query) {
  if (query.text.empty()) {
    return absl::InvalidArgumentError("there is nothing to search for; give a text");
  }
  if (query.text.size() > kExpressionBytesMax) {
    return Refuse(
        query.text.substr(0, 100),
        absl::StrFormat("has %d bytes; give %d at most", query.text.size(), kExpressionBytesMax));
  }
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kExpressionMemoryMax);
  options.set_case_sensitive(!query.ignores_case);
  options.set_literal(!query.is_regex);
  auto compiled = std::make_unique<const Compiled>(query.text, options);
  const RE2& re2 = compiled->re2;
  if (re2.error_code() == RE2::ErrorPatternTooLarge) {
    return Refuse(query.text, "takes too much memory; ask for less, with smaller repetitions");
  }
  if (!re2.ok()) {
    return Refuse(query.text,
                  absl::StrCat("can't be read: ", re2.error(), "; write it in RE2's syntax"));
  }
  return std::unique_ptr<SearchExpression>(new SearchExpression(query, std::move(compiled)));
}

bool SearchExpression::ForEachFrom(std::string_view text, size_t line, size_t offset,
                                   const Found& found) {
  std::array<re2::StringPiece, kSearchGroupsMax> groups;
  const RE2::Anchor anchor = is_whole_ ? RE2::ANCHOR_BOTH : RE2::UNANCHORED;
  for (size_t at = 0; at < text.size();) {
    if (is_regex_) searched_bytes_ += text.size() - at;
    if (!compiled_->re2.Match(Piece(text), at, text.size(), anchor, groups.data(), groups_)) {
      return true;
    }
    const auto begin = static_cast<size_t>(groups[0].data() - text.data());
    const size_t end = begin + groups[0].size();
    if (begin < end) {
      SearchMatch match{.line = line, .begin = offset + begin, .end = offset + end};
      for (size_t i = 0; i < static_cast<size_t>(groups_); ++i) {
        match.groups[i] = {groups[i].data(), groups[i].size()};
      }
      if (!found(match)) return false;
    }
    if (is_whole_) return true;
    at = std::max(end, begin + 1);
    while (begin == end && at < text.size() && (text[at] & 0xC0) == 0x80) ++at;
  }
  return true;
}

bool SearchExpression::ForEach(std::string_view text, const Found& found) {
  return ForEachFrom(text, 1, 0, found);
}

bool SearchExpression::ForEachInLines(std::string_view text, const Found& found) {
  if (is_whole_) return ForEach(text, found);
  size_t line = 1;
  for (size_t at = 0; at < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const bool has_return = end > at && text[end - 1] == '\r';
    if (!ForEachFrom(text.substr(at, end - at - (has_return ? 1 : 0)), line, at, found)) {
      return false;
    }
    at = end + 1;
  }
  return true;
}

absl::Status SearchExpression::UseReplacement(const std::string& replacement) {
  replacement_ = replacement;
  if (!is_regex_) return absl::OkStatus();
  const RE2& re2 = compiled_->re2;
  groups_ = std::min(static_cast<int>(kSearchGroupsMax), re2.NumberOfCapturingGroups() + 1);
  std::string error;
  if (re2.CheckRewriteString(Piece(replacement), &error)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("the replacement %s can't be used: %s; write \\0 to \\9 for groups, and "
                      "\\\\ for a backslash",
                      router::Quoted(replacement), error));
}

void SearchExpression::AppendReplacement(const SearchMatch& match, std::string* out) const {
  if (!is_regex_) {
    out->append(replacement_);
    return;
  }
  for (size_t at = 0; at < replacement_.size(); ++at) {
    if (replacement_[at] != '\\') {
      out->push_back(replacement_[at]);
    } else if (++at < replacement_.size() && replacement_[at] != '\\') {
      out->append(match.groups[static_cast<size_t>(replacement_[at] - '0')]);
    } else {
      out->push_back('\\');
    }
  }
}

bool IsLookedAt(const Item& item, const SearchQuery& query) {
  const ItemKind kind = item.id.kind;
  if (!query.kinds.empty() &&
      std::find(query.kinds.begin(), query.kinds.end(), kind) == query.kinds.end()) {
    return false;
  }
  if (query.team.empty()) return true;
  return (kind == ItemKind::kRules || kind == ItemKind::kTests) && item.id.name == query.team;
}

bool LooksAtName(const SearchQuery& query) { return Has(query.in, SearchIn::kNames); }

bool LooksAtText(const Item& item, const SearchQuery& query) {
  return item.id.kind != ItemKind::kSecret && Has(query.in, SearchIn::kTexts);
}

bool LooksAtPlaces(const Item& item, const SearchQuery& query) {
  return item.id.kind == ItemKind::kRules &&
         (Has(query.in, SearchIn::kPatterns) || Has(query.in, SearchIn::kDestinations));
}

bool LooksAt(const RulePlace& place, const SearchQuery& query) {
  return Has(query.in, place.is_destination ? SearchIn::kDestinations : SearchIn::kPatterns);
}

}  // namespace turnout::manager
