#include "runtime/demo_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "runtime/record_headers.h"

namespace turnout::runtime {
namespace {

constexpr size_t kWidthMin = 60;
constexpr std::string_view kIndent = "      ";

std::string_view HeaderOf(const connectors::ReadRecord& record, std::string_view name) {
  for (const auto& [key, value] : record.headers) {
    if (key == name) return value;
  }
  return {};
}

// One line of at most `width` columns, whatever the bytes are.
std::string Trimmed(std::string_view text, size_t width) {
  std::string line(text.substr(0, width + 1));
  for (char& c : line) {
    if (c < ' ' || c > '~') c = '?';
  }
  if (line.size() > width) line.replace(width - 3, std::string::npos, "...");
  return line;
}

// Why a record is where it is: "card-testing, gateway-verdict" of its team's rules (with the team's
// name where there are several), or the reason of a dead letter.
std::string CauseOf(const connectors::ReadRecord& record) {
  const std::string reason(HeaderOf(record, kReasonHeader));
  if (!reason.empty()) return reason;
  const std::string rules(HeaderOf(record, kRulesHeader));
  const std::string team = rules.substr(0, rules.find('/') + 1);
  std::vector<std::string> names;
  for (const absl::string_view rule : absl::StrSplit(rules, ',', absl::SkipEmpty())) {
    const bool same_team = rule.substr(0, team.size()) == team;
    names.emplace_back(rule.substr(same_team ? team.size() : 0));
  }
  return absl::StrJoin(names, ", ");
}

class Painter {
 public:
  explicit Painter(bool colours) : colours_(colours) {}
  std::string Strong(std::string_view text) const { return Wrap("\033[1m", text); }
  std::string Faint(std::string_view text) const { return Wrap("\033[2m", text); }
  std::string Alarm(std::string_view text) const { return Wrap("\033[33m", text); }

 private:
  std::string Wrap(const char* start, std::string_view text) const {
    return colours_ ? absl::StrFormat("%s%s\033[0m", start, text) : std::string(text);
  }
  const bool colours_;
};

std::string HowToSend(const DemoPlaces& places, const Painter& paint) {
  const std::string& kafka = places.bootstrap_servers;
  std::string text;
  if (places.stays) {
    absl::StrAppend(&text, paint.Strong("An event of your own"),
                    " (kcat: apt-get install kcat), then where it went:\n\n");
  } else {
    absl::StrAppend(&text, paint.Strong("An event of your own"),
                    " (kcat: apt-get install kcat): run this again with --stay, put the address\n"
                    "that it prints in place of KAFKA, and then:\n\n");
  }
  const std::string address = places.stays ? kafka : "KAFKA";
  absl::StrAppendFormat(
      &text,
      "  echo '{\"type\":\"payment.declined\",\"payment\":{\"amount\":1.5,\"decline_reason\":"
      "\"do_not_honor\",\"card\":{\"fingerprint\":\"fp-mine\"}}}' \\\n"
      "    | kcat -P -b %s -t %s -k me\n"
      "  kcat -C -b %s -t fraud.card-testing -e -q -f '%%h  %%k  %%s\\n' | grep fp-mine\n",
      address, places.source_topic, address);
  return text;
}

}  // namespace

std::string WithCommas(uint64_t number) {
  std::string text = absl::StrCat(number);
  for (size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

DemoReport::DemoReport(std::string dead_letter_topic)
    : dead_letter_topic_(std::move(dead_letter_topic)) {}

void DemoReport::Add(const connectors::ReadRecord& record) {
  ++records_;
  if (record.topic == dead_letter_topic_) ++dead_letters_;
  Row& row = rows_[record.topic];
  const std::string rules(HeaderOf(record, kRulesHeader));
  for (const absl::string_view rule : absl::StrSplit(rules, ',', absl::SkipEmpty())) {
    const std::string team(rule.substr(0, rule.find('/')));
    const auto at = std::lower_bound(row.teams.begin(), row.teams.end(), team);
    if (at == row.teams.end() || *at != team) row.teams.insert(at, team);
  }
  // The sample is the first one, unless a later one was sent by more rules: that tells more.
  const std::string cause = CauseOf(record);
  const auto rule_count = [](const std::string& text) {
    return std::count(text.begin(), text.end(), ',');
  };
  if (row.records++ == 0 || rule_count(cause) > rule_count(row.cause)) {
    row.cause = cause;
    row.position = HeaderOf(record, kSourceHeader);
    row.sample = record.value;
  }
}

void DemoReport::AddLatency(absl::Duration latency) { latencies_.push_back(latency); }

std::string DemoReport::Table(const DemoStyle& style) const {
  const Painter paint(style.colours);
  const size_t width = std::max(kWidthMin, static_cast<size_t>(std::max(style.width, 0)));
  size_t name_width = std::string_view("destination").size();
  size_t team_width = std::string_view("team").size();
  for (const auto& [topic, row] : rows_) {
    name_width = std::max(name_width, topic.size());
    team_width = std::max(team_width, absl::StrJoin(row.teams, ",").size());
  }
  const size_t left = 2 + name_width + 2 + 7 + 2 + team_width + 2;
  const size_t room = width > left + 20 ? width - left : 20;

  std::string text = paint.Faint(absl::StrFormat("  %-*s  %7s  %-*s  %s", name_width, "destination",
                                                 "records", team_width, "team",
                                                 "rules that sent the sample below"));
  text += "\n";
  for (const auto& [topic, row] : rows_) {
    const std::string name = absl::StrFormat("%-*s", name_width, topic);
    absl::StrAppendFormat(&text, "  %s  %7s  %-*s  %s\n",
                          topic == dead_letter_topic_ ? paint.Alarm(name) : paint.Strong(name),
                          WithCommas(row.records), team_width,
                          row.teams.empty() ? "-" : absl::StrJoin(row.teams, ","),
                          Trimmed(row.cause, room));
    const std::string sample =
        absl::StrFormat("%s  %s", row.position, row.sample.empty() ? "(empty)" : row.sample);
    absl::StrAppendFormat(&text, "%s%s\n", kIndent,
                          paint.Faint(Trimmed(sample, width - kIndent.size())));
  }
  return text;
}

std::string DemoReport::Latency(double quantile) const {
  std::vector<absl::Duration> sorted = latencies_;
  std::sort(sorted.begin(), sorted.end());
  const size_t at = static_cast<size_t>(quantile * static_cast<double>(sorted.size() - 1));
  return absl::StrFormat("%d ms", absl::ToInt64Milliseconds(sorted[at]));
}

std::string DemoReport::Figures(const DemoFigures& figures) const {
  std::string text = absl::StrFormat(
      "  %s events in, %d rules, %s records out to %d destinations, %s dead letters\n",
      WithCommas(figures.events), figures.rules, WithCommas(records_ - dead_letters_),
      rows_.size() - rows_.count(dead_letter_topic_), WithCommas(dead_letters_));
  const double seconds = absl::ToDoubleSeconds(figures.backlog_time);
  if (seconds > 0) {
    absl::StrAppendFormat(
        &text, "  %s events a second: a backlog of %s, produced, routed and committed in %.2f s\n",
        WithCommas(static_cast<uint64_t>(static_cast<double>(figures.backlog_events) / seconds)),
        WithCommas(figures.backlog_events), seconds);
  }
  if (!latencies_.empty()) {
    absl::StrAppendFormat(&text,
                          "  latency p50 %s, p99 %s from an event's timestamp to a consumer, at %s "
                          "events a second\n",
                          Latency(0.5), Latency(0.99), WithCommas(figures.paced_per_second));
  }
  return text;
}

std::string DemoReport::Text(const DemoFigures& figures, const DemoPlaces& places,
                             const DemoStyle& style) const {
  const Painter paint(style.colours);
  return absl::StrCat(
      "\n", Table(style), "\n", Figures(figures), "\n",
      absl::StrFormat("  metrics  http://%s/metrics\n  status   http://%s/\n"
                      "  Kafka    %s (inside this process, in memory)\n\n",
                      places.admin_address, places.admin_address, places.bootstrap_servers),
      HowToSend(places, paint));
}

}  // namespace turnout::runtime
