// Random events put in both of CloudEvents' modes, seed by seed: what the PlainMatcher finds in the
// structured one, the Matcher finds in the binary one.
//
// The plain one reads JSON and knows nothing of headers; so it is the judge of what the other makes
// of them.
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "router/document.h"
#include "router/event_fields.h"
#include "router/event_parser.h"
#include "router/matcher.h"
#include "router/pattern.h"
#include "router/pattern_fault.h"
#include "router/structured_event.h"
#include "tests/support/choices.h"
#include "tests/support/json_tree.h"
#include "tests/support/plain_matcher.h"
#include "tests/support/random_case.h"
#include "tests/support/random_event.h"
#include "tests/support/random_operators.h"
#include "tests/support/random_pattern.h"
#include "tests/support/vocabulary.h"

namespace turnout::support {
namespace {

using router::Pattern;

constexpr uint64_t kSeeds = 2000;

struct Tally {
  size_t records = 0;
  size_t answers = 0;
  size_t matches = 0;
  size_t refused = 0;
};

// One event in both modes, and the rules to match it.
struct CloudCase {
  std::vector<Pattern> patterns;
  std::vector<std::string> pattern_texts;
  std::vector<std::string> fields;
  std::string structured;
  std::string payload;
  std::vector<std::pair<std::string, std::string>> headers;
};

std::optional<Pattern> Compiled(const std::string& text) {
  std::vector<router::Problem> problems;
  const std::optional<router::Node> node = router::ParseJsonPrefix(text, &problems);
  if (!node) return std::nullopt;
  return router::CompilePattern(*node, router::PatternLimits(), &problems);
}

const std::vector<std::string>& Names() {
  static const auto* const names =
      new std::vector<std::string>{"type", "source", "subject", "x", "time0"};
  return *names;
}

// Over some attributes, over data, or both; now and then alternatives of them.
std::string PatternText(const Vocabulary& words, PatternMaker* maker, std::vector<Wish>* wishes,
                        Choices* choices) {
  std::string text;
  const bool asks_data = choices->MostOf(3);
  for (size_t left = choices->Below(asks_data ? 3 : 4); left > 0; --left) {
    text += text.empty() ? "" : ",";
    text += "\"" + choices->Of(Names()) + "\":[" + MakeEntry(words, true, choices).json + "]";
  }
  if (asks_data) {
    RandomPattern pattern = maker->Make();
    wishes->insert(wishes->end(), pattern.wishes.begin(), pattern.wishes.end());
    text += text.empty() ? "" : ",";
    text += "\"data\":" + pattern.text;
  }
  if (choices->OneIn(8)) {
    text = "\"$or\":[{" + text + "},{\"" + choices->Of(Names()) + "\":[" +
           MakeEntry(words, true, choices).json + "]}]";
  }
  return "{" + text + "}";
}

// JSON of any kind: mostly an object that suits the rules, else a list of such, or a scalar.
std::string DataText(const Vocabulary& words, const std::vector<Wish>& wishes, Choices* choices) {
  const auto object = [&] { return EventMaker(words, choices).Make(wishes); };
  if (choices->MostOf(4)) return object();
  if (choices->OneIn(2)) return SpellScalar(words, choices);
  std::string list = "[" + object();
  for (size_t more = choices->Below(3); more > 0; --more) {
    list += "," + (choices->OneIn(2) ? SpellScalar(words, choices) : object());
  }
  return list + "]";
}

CloudCase CaseOf(uint64_t seed) {
  Choices choices(seed);
  const Vocabulary words = PickVocabulary(&choices);
  PatternMaker maker(words, {.kafka = false, .extensions = true}, &choices);
  CloudCase made;
  std::vector<Wish> wishes;
  for (size_t left = choices.Between(1, 8); left > 0; --left) {
    const std::string text = PatternText(words, &maker, &wishes, &choices);
    if (std::optional<Pattern> pattern = Compiled(text)) {
      made.patterns.push_back(*std::move(pattern));
      made.pattern_texts.push_back(text);
    }
  }
  if (wishes.size() > 12) wishes.resize(12);
  made.fields = {"type", "subject", "data", "data." + choices.Of(words.keys)};
  made.headers.emplace_back("ce_specversion", "1.0");
  std::string attributes = "\"specversion\":\"1.0\"";
  for (size_t left = choices.Below(6); left > 0; --left) {
    const std::string& name = choices.Of(Names());
    const std::string value = PickText(words, &choices);
    made.headers.emplace_back("ce_" + name, value);
    attributes += ",\"" + name + "\":" + SpellText(value, &choices);
  }
  if (choices.OneIn(3)) made.headers.emplace_back("content-type", "a/b+json");
  if (choices.OneIn(3)) made.headers.emplace_back(PickText(words, &choices), "x");
  for (const auto& [name, value] : made.headers) {
    if (name == "content-type") attributes += ",\"datacontenttype\":\"" + value + "\"";
  }
  made.structured = "{" + attributes;
  if (choices.MostOf(10)) {
    made.payload = DataText(words, wishes, &choices);
    if (choices.OneIn(12)) made.payload = BreakEvent(std::move(made.payload), &choices);
    if (!made.payload.empty()) made.structured += ",\"data\":" + made.payload;
  }
  made.structured += "}";
  return made;
}

std::vector<std::optional<std::string>> FieldsOf(const CloudCase& made,
                                                 const router::Matcher::Scratch& scratch) {
  std::vector<std::optional<std::string>> fields;
  for (size_t i = 0; i < made.fields.size(); ++i) {
    const std::string_view text = scratch.Field(i);
    fields.push_back(text.data() == nullptr ? std::nullopt : std::optional<std::string>(text));
  }
  return fields;
}

// What an explanation says must be what the matcher says.
std::string ExplainedOtherwise(const CloudCase& made, const router::Event& event,
                               const std::vector<router::PatternId>& matches) {
  router::EventFields fields(/*reads_cloud_events=*/true);
  for (const Pattern& pattern : made.patterns) fields.Ask(*pattern);
  fields.Read(event).IgnoreError();
  router::PatternJudge judge;
  std::vector<router::PatternId> judged;
  for (size_t i = 0; i < made.patterns.size(); ++i) {
    if (!judge.FaultOf(*made.patterns[i], &fields)) judged.push_back(i);
  }
  return judged == matches ? "" : "the explanation differs";
}

// What differs, or an empty text.
std::string DifferenceOf(const CloudCase& made, Tally* tally) {
  // A copy of exactly its size, so that the sanitizer sees any read beyond it.
  const std::unique_ptr<char[]> bytes(new char[made.payload.size()]);
  std::copy(made.payload.begin(), made.payload.end(), bytes.get());
  std::vector<router::Header> headers(made.headers.begin(), made.headers.end());
  router::Event binary = {.topic = "in", .headers = headers};
  if (!made.payload.empty()) binary.value = {bytes.get(), made.payload.size()};
  const router::Matcher matcher(made.patterns, made.fields, /*reads_cloud_events=*/true);
  const auto scratch = matcher.NewScratch();
  const absl::Status status = matcher.Match(binary, scratch.get());
  const std::vector<router::PatternId> matches(scratch->matches().begin(),
                                               scratch->matches().end());
  ++tally->records;
  std::string differs = ExplainedOtherwise(made, binary, matches);
  if (!differs.empty()) return differs;
  if (!status.ok()) {
    ++tally->refused;
    for (const router::PatternId id : matches) {
      if (made.patterns[id]->reads_data) return "data that can't be read is matched";
    }
    const auto other = matcher.NewScratch();
    matcher.MatchRecord(binary, other.get());
    const bool is_same = std::equal(matches.begin(), matches.end(), other->matches().begin(),
                                    other->matches().end());
    // Broken data may still make a well-formed whole, but not a broken event well.
    return is_same ? "" : "what is matched without data differs";
  }
  const router::Event structured = {.value = made.structured, .topic = "in"};
  // Text behind the data's end is ignored where it is all there is, and an error in its midst.
  std::string whole = made.structured;
  if (!made.payload.empty()) {
    router::EventParser parser;
    router::GatheredEvent gathered;
    gathered.Reset(0);
    const router::FieldTrie nothing;
    if (!parser.ParseData(binary.value, nothing, router::FieldTrie::kNoNode, &gathered).ok()) {
      return "the data is not what was read";
    }
    router::StructuredEvent written;
    written.Write(binary, router::ReadCloudEvent(binary), parser.structurals());
    whole = std::string(written.text());
    router::EventParser again;
    gathered.Reset(0);
    if (!again.Parse(whole, nothing, &gathered).ok())
      return "what is written is not JSON: " + whole;
    const auto known = again.structurals();
    const auto put_together = written.structurals();
    if (!std::equal(known.begin(), known.end(), put_together.begin(), put_together.end())) {
      return "the structural characters of what is written differ: " + whole;
    }
  }
  const PlainMatcher plain(made.patterns, made.fields);
  const PlainMatcher::Answer of_written = plain.Match({.value = whole, .topic = "in"});
  PlainMatcher::Answer wanted = plain.Match(structured);
  if (!wanted.status.ok()) wanted = of_written;
  tally->answers += made.patterns.size();
  tally->matches += wanted.matches.size();
  if (!wanted.gave_up.empty()) return "";
  if (matches != wanted.matches || FieldsOf(made, *scratch) != wanted.fields)
    return "matches differ";
  if (of_written.matches != wanted.matches || of_written.fields != wanted.fields) {
    return "what is written in structured mode differs: " + whole;
  }
  return "";
}

TEST(CloudEventDifferential, BothModesMatchTheSameRules) {
  const char* const more = std::getenv("TURNOUT_DIFF_SEEDS");
  const uint64_t seeds = more == nullptr ? kSeeds : std::strtoull(more, nullptr, 10);
  Tally tally;
  size_t differences = 0;
  for (uint64_t seed = 0; seed < seeds && differences < 3; ++seed) {
    const CloudCase made = CaseOf(seed);
    const std::string difference = DifferenceOf(made, &tally);
    if (difference.empty()) continue;
    ++differences;
    std::string rules;
    for (const std::string& text : made.pattern_texts) rules += "\n" + text;
    ADD_FAILURE() << "seed " << seed << ": " << difference << "\n"
                  << made.structured << "\n"
                  << QuotedJson(made.payload) << rules;
  }
  if (differences != 0 || seeds < kSeeds) return;
  // Agreement says something only where both answers are frequent.
  EXPECT_GT(tally.matches, tally.answers / 20);
  EXPECT_LT(tally.matches, tally.answers * 2 / 3);
  EXPECT_GT(tally.refused, tally.records / 100);
  EXPECT_LT(tally.refused, tally.records / 5);
}

}  // namespace
}  // namespace turnout::support
