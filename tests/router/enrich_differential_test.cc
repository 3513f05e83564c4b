// The router's `enrich` against an oracle that knows trees only, seed by seed: random events,
// tables and rules.
//
// The oracle finds keys with the PlainMatcher and puts values with the PlainShaper's `set` of a
// constant, which is what enriching means once the values are known.
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "router/router.h"
#include "tests/support/json_tree.h"
#include "tests/support/plain_matcher.h"
#include "tests/support/plain_shaper.h"
#include "tests/support/random_event.h"
#include "tests/support/vocabulary.h"

namespace turnout::support {
namespace {

constexpr uint64_t kSeeds = 5'000;

using Table = std::map<std::string, std::string>;

class MapTables : public router::TableLookup {
 public:
  MapTables(const std::map<std::string, Table>* tables, std::vector<std::string> names)
      : tables_(tables), names_(std::move(names)) {}
  absl::StatusOr<bool> Find(size_t table, std::string_view key, std::string* value) const override {
    const Table& records = tables_->at(names_.at(table));
    const auto found = records.find(std::string(key));
    if (found == records.end()) return false;
    *value = found->second;
    return true;
  }

 private:
  const std::map<std::string, Table>* const tables_;
  const std::vector<std::string> names_;
};

struct Entry {
  std::string table;
  std::string key;
  std::string into;
  std::string missing;
};

struct Case {
  std::string event;
  std::map<std::string, Table> tables;
  std::vector<Entry> enrich;
};

std::string RandomPath(const Vocabulary& words, Choices* choices) {
  std::string path = choices->Of(words.keys);
  while (choices->OneIn(3)) path += "." + choices->Of(words.keys);
  return path;
}

bool Overlap(std::string a, std::string b) {
  if (a.size() > b.size()) std::swap(a, b);
  return b.compare(0, a.size(), a) == 0 && (b.size() == a.size() || b[a.size()] == '.');
}

Case RandomCase(Choices* choices) {
  const Vocabulary words = PickVocabulary(choices);
  Case made;
  const std::vector<std::string> names = {"one", "two"};
  const std::vector<std::string> policies = {"null", "drop", "park"};
  std::vector<Wish> wishes;
  for (size_t left = choices->Between(1, 3); left > 0; --left) {
    Entry entry{choices->Of(names), RandomPath(words, choices), RandomPath(words, choices),
                choices->Of(policies)};
    bool overlaps = false;
    for (const Entry& other : made.enrich) overlaps |= Overlap(entry.into, other.into);
    if (overlaps) continue;
    const std::string key = PickText(words, choices);
    if (choices->MostOf(3)) {
      const std::string value = choices->OneIn(4) ? "{\"n\": [1, {\"d.x\": null}]}"
                                                  : SpellScalar(words, choices);
      made.tables[entry.table][key] = value;
    }
    if (choices->MostOf(4)) {
      std::vector<std::string> path;
      std::string step;
      for (const char c : entry.key + ".") {
        if (c == '.') path.push_back(std::exchange(step, "")); else step.push_back(c);
      }
      wishes.push_back({path, SpellText(key, choices)});
    }
    made.enrich.push_back(std::move(entry));
  }
  for (const std::string& name : names) made.tables[name];
  made.event = EventMaker(words, choices).Make(wishes);
  return made;
}

std::string RuleFileOf(const std::vector<Entry>& enrich) {
  std::string list;
  for (const Entry& entry : enrich) {
    list += (list.empty() ? "" : ", ") + std::string("{\"table\": ") + QuotedJson(entry.table) +
            ", \"key\": " + QuotedJson(entry.key) + ", \"into\": " + QuotedJson(entry.into) +
            ", \"missing\": " + QuotedJson(entry.missing) + "}";
  }
  // Every event matches.
  return R"({"team": "t", "destinations": ["*"], "rules": [{"name": "r", "to": "out",
             "match": {"$kafka": {"topic": [{"exists": true}]}}, "enrich": [)" +
         list + "]}]}";
}

// "dropped", "parked", or the enriched tree.
std::string Expected(const Case& given, const JsonTree& event) {
  std::vector<std::string> fields;
  for (const Entry& entry : given.enrich) fields.push_back(entry.key);
  const PlainMatcher::Answer found =
      PlainMatcher({}, fields).Match({.value = given.event, .topic = "events"});
  std::string sets;
  for (size_t i = 0; i < given.enrich.size(); ++i) {
    const Entry& entry = given.enrich[i];
    std::string value = "null";
    const Table& table = given.tables.at(entry.table);
    const auto record = found.fields[i] ? table.find(*found.fields[i]) : table.end();
    if (record != table.end()) {
      value = record->second;
    } else if (entry.missing != "null") {
      return entry.missing == "drop" ? "dropped" : "parked";
    }
    sets += (sets.empty() ? "" : ", ") + QuotedJson(entry.into) + ": {\"constant\": " + value + "}";
  }
  std::string error;
  const auto shape = ReadJsonObject("{\"set\": {" + sets + "}}", &error);
  EXPECT_NE(shape, nullptr) << error;
  const std::optional<JsonTree> shaped = PlainShape(*shape, event);
  return shaped ? ShownTree(*shaped) : "no answer";
}

std::string Actual(const Case& given, const router::Routes& routes) {
  if (!routes.stopped.empty()) return "dropped";
  for (const router::Rejection& rejection : routes.rejections) {
    return rejection.park ? "parked" : "rejected: " + std::string(rejection.reason);
  }
  std::string error;
  if (routes.outputs.size() != 1) return "no output of " + given.event;
  const auto tree = ReadJsonObject(routes.outputs[0].value, &error);
  return tree == nullptr ? "no JSON: " + std::string(routes.outputs[0].value) : ShownTree(*tree);
}

TEST(EnrichDifferential, TheRouterAgreesWithThePlainOracle) {
  std::map<std::string, int> tally;
  int differences = 0;
  for (uint64_t seed = 0; seed < kSeeds && differences < 3; ++seed) {
    Choices choices(seed);
    const Case given = RandomCase(&choices);
    std::string error;
    const auto event = ReadJsonObject(given.event, &error);
    if (event == nullptr) continue;
    std::vector<router::Problem> problems;
    auto file = router::ReadRuleFile("t.json", RuleFileOf(given.enrich), {}, &problems);
    if (!file) {
      ++tally["refused"];  // a path that no rule may name
      continue;
    }
    const auto rules =
        router::RuleSet::Build({std::make_shared<const router::RuleFile>(*std::move(file))});
    const MapTables tables(&given.tables, rules->tables());
    router::Router router(rules, &tables);
    const router::Event record{.value = given.event, .topic = "events"};
    // Twice, so that what the first leaves behind would show.
    router.Route(record);
    const std::string actual = Actual(given, router.Route(record));
    const std::string expected = Expected(given, *event);
    ++tally[expected == "dropped" || expected == "parked" ? expected : "enriched"];
    if (actual == expected) continue;
    ++differences;
    ADD_FAILURE() << "seed " << seed << "\n" << RuleFileOf(given.enrich) << "\n" << given.event
                  << "\nexpected " << expected << "\nactual   " << actual;
  }
  for (const auto& [what, count] : tally) std::printf("%s: %d\n", what.c_str(), count);
  if (differences != 0) return;
  EXPECT_GT(tally["enriched"], static_cast<int>(kSeeds) / 4);
  EXPECT_GT(tally["dropped"], static_cast<int>(kSeeds) / 20);
  EXPECT_GT(tally["parked"], static_cast<int>(kSeeds) / 20);
}

}  // namespace
}  // namespace turnout::support
