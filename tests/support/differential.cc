#include "tests/support/differential.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "router/document.h"
#include "router/matcher.h"
#include "router/pattern.h"
#include "tests/support/json_tree.h"
#include "tests/support/plain_matcher.h"

namespace turnout::support {
namespace {

using router::Matcher;
using router::Pattern;
using router::PatternId;

std::optional<Pattern> Compiled(const std::string& text) {
  std::vector<router::Problem> problems;
  const std::optional<router::Node> node = router::ParseJsonPrefix(text, &problems);
  if (!node) return std::nullopt;
  return router::CompilePattern(*node, router::PatternLimits(), &problems);
}

PlainMatcher::Answer AnswerOf(const Matcher& matcher, const router::Event& event, size_t fields,
                              Matcher::Scratch* scratch) {
  PlainMatcher::Answer answer;
  answer.status = matcher.Match(event, scratch);
  answer.matches.assign(scratch->matches().begin(), scratch->matches().end());
  for (size_t i = 0; i < fields; ++i) {
    const std::string_view text = scratch->Field(i);
    answer.fields.push_back(text.data() == nullptr ? std::nullopt
                                                   : std::optional<std::string>(text));
  }
  return answer;
}

std::string Shown(const PlainMatcher::Answer& answer) {
  std::string text = answer.status.ToString() + " [";
  for (const PatternId id : answer.matches) text += " r" + std::to_string(id);
  text += " ] fields [";
  for (const std::optional<std::string>& field : answer.fields) {
    text += " " + (field ? QuotedJson(*field) : "none");
  }
  return text + " ]";
}

// The first thing that differs, or an empty text.
std::string WhatDiffers(const PlainMatcher::Answer& matcher, const PlainMatcher::Answer& plain) {
  if (matcher.status.code() != plain.status.code()) return "the status differs";
  if (!std::is_sorted(matcher.matches.begin(), matcher.matches.end())) {
    return "the matches are out of order";
  }
  std::vector<PatternId> decided;
  std::set_difference(matcher.matches.begin(), matcher.matches.end(), plain.gave_up.begin(),
                      plain.gave_up.end(), std::back_inserter(decided));
  if (decided != plain.matches) return "the matches differ";
  return matcher.fields == plain.fields ? "" : "an asked-for field differs";
}

// The patterns of a case that compile, and their texts.
struct CompiledCase {
  std::vector<Pattern> patterns;
  std::vector<std::string> texts;
};

CompiledCase CompiledOf(const RandomCase& made, DifferentialTally* tally) {
  CompiledCase compiled;
  for (const std::string& text : made.patterns) {
    if (std::optional<Pattern> pattern = Compiled(text)) {
      compiled.patterns.push_back(*std::move(pattern));
      compiled.texts.push_back(text);
    } else {
      ++tally->refused_patterns;
    }
  }
  return compiled;
}

// As DifferenceOf, for the case as it is.
std::string FirstDifference(const RandomCase& made, DifferentialTally* tally) {
  const CompiledCase compiled = CompiledOf(made, tally);
  const Matcher matcher(compiled.patterns, made.fields);
  const PlainMatcher plain(compiled.patterns, made.fields);
  const std::unique_ptr<Matcher::Scratch> scratch = matcher.NewScratch();
  for (size_t i = 0; i < made.records.size(); ++i) {
    const RandomRecord& record = made.records[i];
    // A copy of exactly its size, so that the sanitizer sees any read beyond it.
    const std::unique_ptr<char[]> bytes(new char[record.value.size()]);
    std::copy(record.value.begin(), record.value.end(), bytes.get());
    std::vector<router::Header> headers;
    router::Event event = record.AsEvent(&headers);
    event.value = {bytes.get(), record.value.size()};
    const PlainMatcher::Answer wanted = plain.Match(event);
    const PlainMatcher::Answer answer = AnswerOf(matcher, event, made.fields.size(), scratch.get());
    ++tally->records;
    tally->answers += compiled.patterns.size();
    tally->matches += wanted.matches.size();
    tally->undecided += wanted.gave_up.size();
    if (!wanted.status.ok()) ++tally->refused_events;
    const std::string difference = WhatDiffers(answer, wanted);
    if (difference.empty()) continue;
    std::string fields;
    for (const std::string& field : made.fields) fields += " " + QuotedJson(field);
    const std::optional<std::vector<uint32_t>> expected =
        wanted.status.ok() ? std::optional(wanted.matches) : std::nullopt;
    return difference + " (record " + std::to_string(i) + " of " +
           std::to_string(made.records.size()) + "; fields" + fields + ")\n" +
           CaseLine("differential", compiled.texts, record, expected) +
           "\nMatcher:      " + Shown(answer) + "\nPlainMatcher: " + Shown(wanted) + "\n";
  }
  return "";
}

// Takes away what the difference does without.
template <typename T>
void Thin(std::vector<T> RandomCase::*part, RandomCase* made) {
  DifferentialTally ignored;
  for (size_t at = (made->*part).size(); at-- > 0;) {
    RandomCase less = *made;
    (less.*part).erase((less.*part).begin() + static_cast<std::ptrdiff_t>(at));
    if (!FirstDifference(less, &ignored).empty()) *made = std::move(less);
  }
}

}  // namespace

std::string DifferenceOf(const RandomCase& made, DifferentialTally* tally) {
  if (FirstDifference(made, tally).empty()) return "";
  RandomCase least = made;
  Thin(&RandomCase::records, &least);
  Thin(&RandomCase::patterns, &least);
  Thin(&RandomCase::fields, &least);
  DifferentialTally ignored;
  return FirstDifference(least, &ignored);
}

}  // namespace turnout::support
