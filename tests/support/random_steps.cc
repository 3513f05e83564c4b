#include "tests/support/random_steps.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "router/rule_file.h"
#include "tests/support/choices.h"

namespace turnout::support {
namespace {

const std::vector<std::string> kSpans = {"1ms", "5ms", "64ms", "100ms", "1s", "10s", "1m", "1h"};
const std::vector<std::string> kKeys = {"k1", "k2"};
const std::vector<std::string> kNumberFields = {"n1", "n2"};

// Few numbers, so that counts are met and passed.
std::string Limit(Choices& choices) { return absl::StrCat(choices.Between(1, 4)); }

std::string RandomStep(Choices& choices) {
  const std::string key = "\"key\": \"" + choices.Of(kKeys) + "\"";
  const std::string span = choices.Of(kSpans);
  switch (choices.Below(5)) {
    case 0:
      return absl::StrCat("{\"dedup\": {", key, ", \"for\": \"", span, "\"}}");
    case 1:
      return absl::StrCat("{\"throttle\": {", key, ", \"limit\": ", Limit(choices), ", \"per\": \"",
                          span, "\"}}");
    default: {
      std::string measure = absl::StrCat("\"count\": ", Limit(choices));
      bool emit_every = false;
      if (choices.OneIn(2)) {
        const std::string at_least = choices.Of<std::string>({"3", "10.5", "-1"});
        measure =
            absl::StrCat("\"sum\": \"", choices.Of(kNumberFields), "\", \"at_least\": ", at_least);
        emit_every = at_least == "-1";
      } else if (choices.OneIn(2)) {
        measure = absl::StrCat("\"distinct\": \"", choices.Of(kNumberFields),
                               "\", \"at_least\": ", Limit(choices));
      }
      emit_every = choices.OneIn(3) || emit_every;
      const std::string emit = emit_every ? ", \"emit\": \"every\"" : "";
      return absl::StrCat("{\"threshold\": {", key, ", ", measure, ", \"within\": \"", span, "\"",
                          emit, "}}");
    }
  }
}

std::string RandomAggregate(Choices& choices) {
  const size_t slide_ms = choices.Of<size_t>({1, 5, 64, 1000, 10'000});
  const size_t slides = choices.OneIn(2) ? 1 : choices.OneIn(8) ? 100 : choices.Between(2, 4);
  std::string fields = "\"events\": \"count\"";
  for (const std::string measure : {"sum", "min", "max", "avg", "distinct"}) {
    if (choices.OneIn(2)) continue;
    absl::StrAppend(&fields, ", \"", measure, "\": {\"", measure, "\": \"",
                    choices.Of(kNumberFields), "\"}");
  }
  return absl::StrCat("{\"aggregate\": {\"key\": \"", choices.Of(kKeys), "\", \"window\": \"",
                      slide_ms * slides, "ms\", \"slide\": \"", slide_ms, "ms\"",
                      choices.OneIn(3) ? ", \"emit\": \"every\"" : "", ", \"fields\": {", fields,
                      "}}}");
}

std::string RandomRule(Choices& choices, size_t number, const std::string& type) {
  std::string steps;
  for (size_t i = choices.Between(1, choices.OneIn(3) ? 3 : 1); i > 0; --i) {
    const bool is_aggregate = i == 1 && choices.OneIn(3);
    absl::StrAppend(&steps, steps.empty() ? "" : ", ",
                    is_aggregate ? RandomAggregate(choices) : RandomStep(choices));
  }
  const std::string match = type.empty() ? R"({"$kafka": {"topic": ["in"]}})"
                                         : absl::StrCat("{\"type\": [\"", type, "\"]}");
  return absl::StrCat("{\"team\": \"t\", \"name\": \"r", number, "\", \"match\": ", match,
                      ", \"to\": \"t.r", number, "\", \"steps\": [", steps, "]}\n");
}

// The form that the plain model reads too.
std::string DateOf(int64_t ms) {
  // Within the first day: all that the generator asks for.
  char text[64];
  std::snprintf(text, sizeof(text), "1970-01-01T%02d:%02d:%02d.%03dZ",
                static_cast<int>(ms / 3600000 % 24), static_cast<int>(ms / 60000 % 60),
                static_cast<int>(ms / 1000 % 60), static_cast<int>(ms % 1000));
  return text;
}

// Of `at`, near `ms`.
std::string RandomTimeField(Choices& choices, int64_t ms) {
  switch (choices.Below(8)) {
    case 0:
      return "\"no time\"";
    case 1:
      return "null";
    case 2:
      return ms > 0 && ms < 86400000 ? "\"" + DateOf(ms) + "\"" : "-5";
    case 3:
      return "1e400";
    case 4:
      return "9e15";
    default:
      // Seconds with three decimals are exact enough in this century.
      return ms >= 100'000'000'000 && choices.OneIn(2)
                 ? absl::StrCat(ms)
                 : absl::StrCat(ms / 1000, ".", ms % 1000 / 100, ms % 100 / 10, ms % 10);
  }
}

PlainEvent RandomEvent(Choices& choices, int64_t* clock_ms, int64_t stride_ms, size_t keys,
                       bool has_time_field) {
  PlainEvent event;
  *clock_ms += static_cast<int64_t>(choices.Below(static_cast<size_t>(stride_ms) + 1));
  if (choices.OneIn(30)) *clock_ms += static_cast<int64_t>(choices.Below(200'000));
  int64_t time = *clock_ms;
  if (choices.OneIn(4)) time -= static_cast<int64_t>(choices.Below(stride_ms * 8 + 2));
  if (choices.OneIn(20)) time += static_cast<int64_t>(choices.Below(5'000'000));
  if (choices.OneIn(20)) time -= static_cast<int64_t>(choices.Below(50'000));
  if (choices.OneIn(40)) time = choices.Of<int64_t>({-1, INT64_MAX, INT64_MIN, 0});
  event.record_ms = time;
  if (has_time_field && choices.MostOf(4)) {
    const int64_t said = *clock_ms - static_cast<int64_t>(choices.Below(2'000));
    event.fields["at"] = RandomTimeField(choices, said < 0 ? 0 : said);
    if (choices.OneIn(3)) event.record_ms = *clock_ms + 1'000;
  }
  event.fields["type"] = choices.Of<std::string>({"\"a\"", "\"a\"", "\"b\"", "7"});
  for (const std::string& name : kKeys) {
    if (choices.OneIn(25)) continue;
    event.fields[name] = absl::StrCat("\"k", choices.Below(keys), "\"");
    if (choices.OneIn(25)) {
      event.fields[name] = choices.Of<std::string>({"null", "[]", "{}", "true", "5", "5.0", "\"\"",
                                                    "\"" + std::string(1025, 'x') + "\"",
                                                    "\"" + std::string(1024, 'x') + "\""});
    }
  }
  // Fewer than 64 values: so many different ones are counted exactly, as the plain model does.
  for (const std::string& name : kNumberFields) {
    if (choices.OneIn(25)) continue;
    event.fields[name] = absl::StrCat(choices.Between(0, 5), ".", choices.Between(0, 3));
    if (choices.OneIn(6)) event.fields[name] = "-" + event.fields[name];
    if (choices.OneIn(25)) {
      event.fields[name] =
          choices.Of<std::string>({"null", "\"5\"", "1e999", "[]", "true", "1e15"});
    }
  }
  return event;
}

}  // namespace

StepCase StepCaseOf(std::string rules_text, router::StateSettings settings) {
  StepCase out = {.rules_text = std::move(rules_text), .settings = std::move(settings)};
  std::vector<router::Problem> problems;
  auto files = router::ReadRuleLines(out.rules_text, {}, &problems);
  if (!files.has_value()) {
    std::fprintf(stderr, "%s: %s\n", out.rules_text.c_str(), problems[0].what.c_str());
    std::abort();
  }
  for (const router::Rule& rule : files->front().rules) {
    out.plain_rules.push_back({"t/" + rule.name, "", rule.steps});
  }
  out.rule_set = router::RuleSet::Build(
      {std::make_shared<const router::RuleFile>(std::move(files->front()))}, out.settings);
  return out;
}

StepCase RandomStepCase(uint64_t seed) {
  Choices choices(seed);
  std::vector<std::string> types;
  for (size_t i = choices.Between(1, 4); i > 0; --i) {
    types.push_back(choices.Of<std::string>({"", "a", "b"}));
  }
  std::string rules_text;
  for (size_t i = 0; i < types.size(); ++i) rules_text += RandomRule(choices, i, types[i]);
  router::StateSettings settings;
  settings.partitioned_by = router::kOnePartition;
  settings.lateness_ms = choices.Of<int64_t>({0, 5, 100, 10'000});
  settings.ahead_ms_max = choices.Of<int64_t>({0, 50, 3'600'000});
  if (choices.OneIn(3)) settings.time_field = "at";
  // Room for a few entries, of some kinds of steps for none.
  if (choices.OneIn(3))
    settings.rule_state_bytes_max = static_cast<int64_t>(choices.Between(20, 400));
  StepCase out = StepCaseOf(std::move(rules_text), std::move(settings));
  for (size_t i = 0; i < types.size(); ++i) out.plain_rules[i].type = types[i];

  int64_t clock_ms = choices.Of<int64_t>({0, 1'000'000, 1'700'000'000'000});
  const int64_t stride_ms = choices.Of<int64_t>({0, 3, 50, 2'000});
  // So many now and then that one event can't close all of their windows.
  const bool is_many = choices.OneIn(15);
  const size_t keys = is_many ? 1'000 : choices.Between(1, 4);
  const size_t events = is_many ? 900 : choices.OneIn(10) ? 400 : choices.Between(20, 120);
  for (size_t i = 0; i < events; ++i) {
    out.events.push_back(
        RandomEvent(choices, &clock_ms, stride_ms, keys, !out.settings.time_field.empty()));
  }
  return out;
}

std::vector<std::string> LinesOf(const router::Routes& routes, const router::RuleSet& rules,
                                 const std::string& payload) {
  std::vector<std::string> lines;
  const auto text = [](std::string_view view) { return std::string(view); };
  if (!routes.state_error.ok()) lines.push_back(routes.state_error.ToString());
  for (const router::Output& output : routes.outputs) {
    const std::string rule = text(output.rule_ids);
    if (output.window_end_ms) {
      lines.push_back(absl::StrCat("close ", rule, " ", text(output.key), " ",
                                   *output.window_end_ms, " ", text(output.value)));
    } else if (output.value == payload) {
      lines.push_back("out " + rule);
    } else {
      lines.push_back(absl::StrCat("out ", rule, " ", text(output.key), " ", text(output.value)));
    }
  }
  for (const router::Rejection& rejection : routes.rejections) {
    lines.push_back((rejection.is_full ? "full " : "reject ") +
                    text(rules.rules()[rejection.rule].id));
  }
  for (const router::Stopped& stopped : routes.stopped) {
    lines.push_back((stopped.late ? "late " : "stop ") + text(rules.rules()[stopped.rule].id) +
                    " " + text(router::StepName(stopped.step)));
  }
  return lines;
}

}  // namespace turnout::support
