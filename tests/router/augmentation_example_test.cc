// Holds the rules of deploy/examples/augmentation to what its outputs.ndjson says of its events and
// tables.
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "router/canonical_text.h"
#include "router/router.h"
#include "router/table_value.h"
#include "tests/router/case_file.h"

namespace turnout::router {
namespace {

const std::string kDirectory = std::string(TURNOUT_SOURCE_DIR) + "/deploy/examples/augmentation/";

std::vector<std::string> LinesOf(const std::string& name) {
  std::ifstream file(kDirectory + name);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// The tables' records, the last one of a key, as the tables' keeper would hold them.
class ExampleTables : public TableLookup {
 public:
  explicit ExampleTables(std::vector<std::string> names) : names_(std::move(names)) {
    TableValueReader reader;
    for (const std::string& line : LinesOf("tables.ndjson")) {
      std::vector<Problem> problems;
      const std::optional<Node> record = ParseJson(line, &problems);
      EXPECT_TRUE(record.has_value()) << line;
      std::map<std::string, std::string>& table = tables_[std::string(TextOf(*record, "table"))];
      const std::string key(TextOf(*record, "key"));
      if (record->Find("value")->kind == Node::Kind::kNull) {
        table.erase(key);
      } else {
        table[key] = std::string(*reader.Read(TextOf(*record, "value")));
      }
    }
  }

  absl::StatusOr<bool> Find(size_t table, std::string_view key,
                            std::string* value) const override {
    const auto& records = tables_.at(names_.at(table));
    const auto found = records.find(std::string(key));
    if (found == records.end()) return false;
    *value = found->second;
    return true;
  }

 private:
  const std::vector<std::string> names_;
  std::map<std::string, std::map<std::string, std::string>> tables_;
};

std::string Quoted(std::string_view text) {
  std::string quoted;
  AppendJsonString(text, &quoted);
  return quoted;
}

// What became of an event, as a line of outputs.ndjson.
std::string Shown(const Routes& routes, const RuleSet& rules) {
  std::string line;
  const auto add = [&](const std::string& entry) { line += (line.empty() ? "" : ", ") + entry; };
  for (const Output& output : routes.outputs) {
    add("{\"topic\": " + Quoted(output.destination) + ", \"key\": " + Quoted(output.key) +
        ", \"value\": " + Quoted(output.value) + "}");
  }
  for (const Stopped& stopped : routes.stopped) {
    add("{\"stopped\": " + Quoted(StepName(stopped.step)) + ", \"rule\": " +
        Quoted(rules.rules()[stopped.rule].id) + "}");
  }
  for (const Rejection& rejection : routes.rejections) {
    add(std::string("{\"") + (rejection.park ? "parked" : "rejected") +
        "\": " + Quoted(rejection.reason) + "}");
  }
  return "[" + line + "]";
}

TEST(AugmentationExample, EveryEventBecomesWhatIsWrittenDown) {
  std::ifstream file(kDirectory + "rules/payments.yaml");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<Problem> problems;
  RuleLimits limits;
  limits.enrich.tables_known = true;
  limits.enrich.tables = {"currencies", "merchants"};
  std::optional<RuleFile> team = ReadRuleFile("payments.yaml", text, limits, &problems);
  for (const Problem& problem : problems) ADD_FAILURE() << problem.what;
  ASSERT_TRUE(team.has_value());
  const auto rules = RuleSet::Build({std::make_shared<const RuleFile>(*std::move(team))});
  const ExampleTables tables(rules->tables());
  Router router(rules, &tables);
  const std::vector<std::string> events = LinesOf("events.ndjson");
  const std::vector<std::string> outputs = LinesOf("outputs.ndjson");
  ASSERT_EQ(events.size(), outputs.size());
  ASSERT_FALSE(events.empty());
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(Shown(router.Route({.value = events[i], .key = "own"}), *rules), outputs[i])
        << events[i];
  }
}

}  // namespace
}  // namespace turnout::router
