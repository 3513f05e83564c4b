// DemoReport: what the `demo` command has seen, as the page a person reads.
//
// Records that came out are added one at a time; Text lays them out for a terminal's width: a
// destination a row, its sample beneath it, then the figures, then where to look and how to send an
// event of one's own. No I/O here.
// Units: width in columns; a column a byte, as the demo's own events are ASCII (other bytes are
//   shown as `?`).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "connectors/plain_reader.h"

namespace turnout::runtime {

struct DemoFigures {
  uint64_t events = 0;             // sent, bad ones included
  uint64_t backlog_events = 0;     // of them, sent at once
  absl::Duration backlog_time;     // until the last of those was routed
  uint64_t paced_per_second = 0;   // the rate at which the others were sent
  int rules = 0;
};

struct DemoPlaces {
  std::string bootstrap_servers;
  std::string admin_address;  // host:port
  std::string source_topic;
  bool stays = false;         // the pipeline runs on after the page
};

struct DemoStyle {
  int width = 100;  // at least 60
  bool colours = false;
};

class DemoReport {
 public:
  explicit DemoReport(std::string dead_letter_topic);

  void Add(const connectors::ReadRecord& record);
  // How long one paced event took from its timestamp to this reader.
  void AddLatency(absl::Duration latency);

  uint64_t records() const { return records_; }

  std::string Text(const DemoFigures& figures, const DemoPlaces& places,
                   const DemoStyle& style) const;

 private:
  struct Row {
    uint64_t records = 0;
    std::vector<std::string> teams;  // sorted
    // Of the sample: which rules sent it, or why it is a dead letter; where its event was.
    std::string cause;
    std::string position;
    std::string sample;
  };

  std::string Table(const DemoStyle& style) const;
  std::string Figures(const DemoFigures& figures) const;
  std::string Latency(double quantile) const;

  const std::string dead_letter_topic_;
  std::map<std::string, Row> rows_;
  uint64_t records_ = 0;
  uint64_t dead_letters_ = 0;
  std::vector<absl::Duration> latencies_;
};

// 1234567 as "1,234,567".
std::string WithCommas(uint64_t number);

}  // namespace turnout::runtime
