#include "runtime/test_command.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_directory.h"
#include "tests/support/temp_stream.h"

namespace turnout::runtime {
namespace {

using support::TempDirectory;
using support::TempStream;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct Answer {
  int status = 0;
  std::string out;
  std::string err;
};

constexpr char kRules[] = R"(team: shop
destinations: [shop.*]
rules:
  - name: big
    match: {type: [order], total: [{numeric: [">=", 500]}]}
    to: "shop.big.{region}"
    key: id
  - {name: all, match: {type: [order]}, to: shop.all}
  - {name: some, match: {type: [visit]}, to: shop.some, rollout: {percent: 0}}
  - {name: dark, match: {type: [visit]}, to: shop.dark, rollout: {mode: shadow}}
  - name: often
    match: {type: [ping]}
    steps: [{threshold: {key: user, count: 2, within: 1m}}, {dedup: {key: device, for: 1h}}]
    to: shop.often
  - name: minutes
    match: {type: [tick]}
    steps: [{aggregate: {key: user, window: 1m, fields: {n: count}}}]
    to: shop.minutes
  - name: known
    match: {type: [login]}
    enrich: [{table: users, key: user, into: user}]
    to: shop.known
)";

class TestCommand : public testing::Test {
 protected:
  // Of this file of cases, beside the rules above.
  Answer Run(const std::string& cases, const router::StateSettings& settings = {}) {
    directory_.Write("shop.yaml", kRules);
    return RunPath(directory_.Write("shop.test.yaml", cases), settings);
  }
  Answer RunPath(const std::string& path, const router::StateSettings& settings = {}) {
    const TempStream out, err;
    const int status =
        RunTests({.paths = {path}, .junit = junit_, .settings = settings}, out.get(), err.get());
    return {status, WithoutDirectory(out.text()), WithoutDirectory(err.text())};
  }
  std::string WithoutDirectory(std::string text) const {
    const std::string prefix = directory_.path() + "/";
    for (size_t at; (at = text.find(prefix)) != std::string::npos;) text.erase(at, prefix.size());
    return text;
  }

  const TempDirectory directory_;
  std::string junit_;
};

TEST_F(TestCommand, ComparesDestinationsKeysValuesAsJsonHeadersAndRules) {
  const Answer answer = Run(R"(
cases:
  - name: a big order
    events:
      - value: {type: order, total: 5e2, region: eu, id: 7, items: [{b: 1, a: null}]}
        key: k
        headers: {trace: t-1}
        time: 2026-03-01T10:00:00Z
        expect:
          - {to: shop.all}
          - to: shop.big.eu
            key: 7
            value: {id: 7.0, items: [{a: null, b: 1}], region: eu, total: 500, type: order}
            headers: {trace: t-1}
            time: 1772359200000
            rules: [big]
      - {value: {type: other}, expect: none}
      - {value: {type: order, total: 1}}
  - name: what is no JSON
    events:
      - text: "{"
        expect: [{error: unreadable_event, reason: expected a field name}]
      - text: null
        expect: [{error: unreadable_event}]
)");
  EXPECT_EQ(answer.status, 0) << answer.out << answer.err;
  EXPECT_EQ(answer.out, "shop.test.yaml: 2 passed\n");
  EXPECT_EQ(answer.err, "");
}

TEST_F(TestCommand, SaysWhichCaseAndEventWhatWasFoundAndWhatTheRulesSaid) {
  const Answer answer = Run(R"(cases:
  - name: a big order
    events:
      - {value: {type: order, total: 499, region: eu, id: 7}, key: k, expect: none}
      - value: {type: order, total: 500, region: eu, id: 7}
        key: k
        expect:
          - {to: shop.big.eu, key: 7, value: {type: order, total: 501, region: eu, id: 7}}
          - {to: shop.all, key: j}
      - value: {type: ping, user: u, device: d}
        expect: [{to: shop.often}]
      - value: {type: order, total: 500}
        expect: [{to: shop.all}, {error: unroutable, reason: "`id`"}]
  - name: another
    events: [{value: {type: other}, expect: none}]
)");
  EXPECT_EQ(answer.status, 1) << answer.err;
  EXPECT_EQ(
      answer.out,
      "shop.test.yaml:4:9: a big order: event 1 (line 4): found what is not expected: shop.all, "
      "key k, {\"type\":\"order\",\"total\":499,\"region\":\"eu\",\"id\":7}, by shop/all\n"
      "shop.test.yaml:8:13: a big order: event 2 (line 5): expected shop.big.eu, key 7, "
      "{\"type\":\"order\",\"total\":501,\"region\":\"eu\",\"id\":7}\n"
      "  found shop.big.eu, key 7, {\"type\":\"order\",\"total\":500,\"region\":\"eu\",\"id\":7}, "
      "by shop/big\n"
      "    `total` is 500, not 501\n"
      "shop.test.yaml:9:13: a big order: event 2 (line 5): expected shop.all, key j\n"
      "  found shop.all, key k, {\"type\":\"order\",\"total\":500,\"region\":\"eu\",\"id\":7}, by "
      "shop/all\n"
      "    its key is k\n"
      "shop.test.yaml:11:18: a big order: event 3 (line 10): expected shop.often, found none\n"
      "  shop/all: it does not match\n"
      "  shop/big: it does not match\n"
      "  shop/dark: it does not match\n"
      "  shop/known: it does not match\n"
      "  shop/minutes: it does not match\n"
      "  shop/often: its `threshold` stopped it\n"
      "  shop/some: it does not match\n"
      "shop.test.yaml: 1 passed, 1 failed\n");
}

constexpr char kRemembering[] = R"(
tables: {users: {u-1: {name: Ada}}}
cases:
  - name: the second ping of a user within a minute, once an hour a device
    events:
      - {value: &ping {type: ping, user: u, device: d}, expect: none}
      - {value: *ping, time: +30s, expect: [{to: shop.often}]}
      - {value: *ping, time: +61s, expect: none}
      - {value: *ping, expect: none}
      - {value: {type: ping, user: u}, time: +61s, expect: none}
      - value: {type: ping, user: u}
        expect: [{error: unroutable, rule: often, reason: "`device`"}]
  - name: each case begins with nothing
    events:
      - {value: *ping, time: +30s, expect: none}
  - name: a minute is told when it is over
    events:
      - {value: {type: tick, user: u}}
      - {value: {type: tick, user: u}, time: +59s}
      - {value: {type: tick, user: z}, time: +10s, expect: none}
      - value: {type: tick, user: z}
        time: +1s
        expect:
          - to: shop.minutes
            key: u
            time: 2026-01-01T00:01:00Z
            value: {key: u, window_start_ms: 1767225600000, window_end_ms: 1767225660000, n: 2}
  - name: known users have a name
    tables: {users: {u-2: Bob}}
    events:
      - value: {type: login, user: u-1}
        expect: [{to: shop.known, value: {type: login, user: {name: Ada}}}]
      - value: {type: login, user: u-2}
        expect: [{to: shop.known, value: {type: login, user: Bob}}]
      - value: {type: login, user: u-3}
        expect: [{to: shop.known, value: {type: login, user: null}}]
)";

TEST_F(TestCommand, StepsRememberOverACaseAndReKeyedMatchesGoOn) {
  for (const char* partitioned_by : {"", "*", "user", "device"}) {
    const Answer answer = Run(kRemembering, {.partitioned_by = partitioned_by});
    EXPECT_EQ(answer.status, 0) << partitioned_by << answer.out << answer.err;
    EXPECT_EQ(answer.out, "shop.test.yaml: 4 passed\n");
  }
}

TEST_F(TestCommand, RolloutsAreLookedAtWhereACaseWantsThat) {
  const Answer answer = Run(R"(
cases:
  - name: what it comes to
    events: [{value: {type: visit}, expect: [{to: shop.some}, {to: shop.dark}]}]
  - name: what is sent now
    rollout: apply
    events: [{value: {type: visit}, expect: none}]
  - name: and why
    rollout: apply
    events: [{value: {type: visit}, expect: [{to: shop.some}]}]
)");
  EXPECT_EQ(answer.status, 1);
  EXPECT_THAT(answer.out, AllOf(HasSubstr("shop/dark: it is in shadow\n"),
                                HasSubstr("shop/some: its `rollout` holds it back\n"),
                                HasSubstr("shop.test.yaml: 2 passed, 1 failed\n")));
}

TEST_F(TestCommand, EveryProblemOfATestFileIsToldWithItsPlace) {
  const Answer answer = Run(R"(tables: {user: {}}
cases:
  - name: a
    events:
      - {value: 1, text: a, expect: none}
      - {valeu: 1, expect: {to: x}}
      - {value: {}, time: soon, headers: {a: [1]}, expect: [{key: 1}, {error: unrouted, to: x}]}
      - {file: nowhere.json}
  - name: a
    rollout: applied
    events: [{value: {}}]
  - events: []
)");
  EXPECT_EQ(answer.status, 2);
  EXPECT_EQ(answer.out, "");
  for (const char* line :
       {"shop.test.yaml:1:16: `user` is empty",
        "shop.test.yaml:5:9: a: the event needs one of `value`, `text` and `file`",
        "shop.test.yaml:6:10: a: unknown key `valeu` (did you mean `value`?",
        "shop.test.yaml:6:28: a: `expect` is neither a list nor `none`",
        "shop.test.yaml:7:27: a: `time` is none: `soon`",
        "shop.test.yaml:7:46: a: `a` is no text, but of type array",
        "shop.test.yaml:7:61: a: what is expected has neither `to` nor `error`",
        "shop.test.yaml:7:79: a: `error` can't be `unrouted` (Known: unreadable_event,",
        "shop.test.yaml:7:89: a: unknown key `to`",
        "shop.test.yaml:8:16: a: `file` nowhere.json: the file cannot be opened",
        "shop.test.yaml:9:5: a case is there twice, `a`",
        "shop.test.yaml:10:14: a: `rollout` can't be `applied` (Known: ignore, apply)",
        "shop.test.yaml:9:5: a: no event of the case has an `expect`: it could not fail",
        "shop.test.yaml:12:5: the case has no `name`",
        "shop.test.yaml:12:13: `events` must be a list of at least one entry"}) {
    EXPECT_THAT(answer.err, HasSubstr(line));
  }
}

TEST_F(TestCommand, ATableThatNoRuleAsksIsAMistake) {
  const Answer answer =
      Run("cases:\n  - name: a\n    tables: {user: {a: 1}}\n"
          "    events: [{value: {}, expect: none}]\n");
  EXPECT_EQ(answer.status, 2);
  EXPECT_THAT(answer.err, HasSubstr("shop.test.yaml:2:5: a: no rule asks the table `user` (did you "
                                    "mean `users`?"));
}

TEST_F(TestCommand, RunsWhatADirectoryHoldsAndRefusesWhatLacksItsRules) {
  constexpr char kCase[] = "cases: [{name: a, events: [{file: event.json, expect: none}]}]\n";
  directory_.Write("shop.yaml", kRules);
  directory_.Write("event.json", "{\"type\": \"other\"}\n");
  const std::string of_shop = directory_.Write("shop.test.yaml", kCase);
  EXPECT_EQ(RunPath(directory_.path()).out, "shop.test.yaml: 1 passed\n");
  EXPECT_EQ(RunPath(directory_.path() + "/shop.yaml").out, "shop.test.yaml: 1 passed\n");
  directory_.Write("ads.test.yaml", kCase);
  const Answer lacking = RunPath(directory_.path());
  EXPECT_EQ(lacking.status, 2);
  EXPECT_EQ(lacking.out, "shop.test.yaml: 1 passed\n1 passed\n");
  EXPECT_THAT(lacking.err,
              HasSubstr("ads.test.yaml:1:1: there is no rule file ads.yaml beside it"));
  directory_.Write("ads.yaml", "team: ads\n");
  EXPECT_THAT(RunPath(directory_.path() + "/ads.yaml").err, HasSubstr("ads.yaml:1:1: ads: "));
  directory_.Write("ads.json", "{}");
  EXPECT_THAT(RunPath(directory_.path() + "/ads.yaml").err, HasSubstr("there are two rule files"));
  std::filesystem::remove(of_shop);
  EXPECT_EQ(RunPath(directory_.path() + "/shop.yaml").status, 2);
}

TEST_F(TestCommand, WritesAReportForCi) {
  junit_ = directory_.path() + "/report.xml";
  Run("cases:\n"
      "  - {name: \"a < b & \\\"c\\\"\", events: [{value: {type: order}, expect: none}]}\n"
      "  - {name: b, events: [{value: {}, expect: none}]}\n");
  std::ifstream file(junit_);
  const std::string xml = WithoutDirectory({std::istreambuf_iterator<char>(file), {}});
  EXPECT_THAT(xml, HasSubstr("<testsuite name=\"shop.test.yaml\" tests=\"2\" failures=\"1\" "
                             "errors=\"0\">\n"));
  EXPECT_THAT(xml, HasSubstr("<testcase classname=\"shop.test.yaml\" name=\"a &lt; b &amp; "
                             "&quot;c&quot;\" file=\"shop.test.yaml\" line=\"2\">\n"));
  EXPECT_THAT(xml, HasSubstr("<failure message=\"event 1 (line 2): found what is not expected: "
                             "shop.all, key none, {&quot;type&quot;:&quot;order&quot;}, by "
                             "shop/all\">"));
  EXPECT_THAT(xml, HasSubstr("name=\"b\" file=\"shop.test.yaml\" line=\"3\"/>\n"));
  Run("cases: 1\n");
  std::ifstream again(junit_);
  const std::string refused = {std::istreambuf_iterator<char>(again), {}};
  EXPECT_THAT(refused, AllOf(HasSubstr("tests=\"1\" failures=\"0\" errors=\"1\""),
                             HasSubstr("<error message=\"refused\">")));
  junit_ = directory_.path() + "/nowhere/report.xml";
  EXPECT_THAT(Run("cases: 1\n").err, HasSubstr("can't be written"));
}

TEST_F(TestCommand, TheExamplesOfDeployPassTheirOwnCases) {
  const std::string examples = std::string(TURNOUT_SOURCE_DIR) + "/deploy/examples/";
  for (const char* name : {"augmentation", "features", "fraud", "quickstart"}) {
    const Answer answer = RunPath(examples + name + "/rules", {.partitioned_by = "*"});
    EXPECT_EQ(answer.status, 0) << answer.out << answer.err;
    EXPECT_THAT(answer.out, Not(HasSubstr(" 0 passed")));
  }
}

TEST_F(TestCommand, CloudEventsInBinaryModeAreReadWhereThePipelineReadsThem) {
  const std::string rules = std::string(TURNOUT_SOURCE_DIR) + "/deploy/examples/cloudevents/rules";
  const Answer answer = RunPath(rules, {.cloud_events = true});
  EXPECT_EQ(answer.status, 0) << answer.out << answer.err;
  EXPECT_THAT(answer.out, HasSubstr("2 passed"));
  EXPECT_EQ(RunPath(rules).status, 1) << "without the setting they are headers";
}

}  // namespace
}  // namespace turnout::runtime
