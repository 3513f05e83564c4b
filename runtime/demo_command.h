// RunDemo: the `demo` command: a whole pipeline in one process, for somebody who has never seen
// one.
//
// It starts a Process on an embedded Kafka, sends it made-up events (demo_events.h), reads the
// destinations back as any consumer would, and prints what went where, how fast, and how to send an
// event of one's own. With `stay` the pipeline then runs until Ctrl-C.
//
// Errors: the exit status: 0, or 1 with a line on standard error that says what is wrong and what
//   to do; 2 when the rules can't be read.
// Threads: to be called on the main thread before any other is started: it blocks SIGINT and
//   SIGTERM for every thread that follows.
#pragma once

#include <cstdint>
#include <string>

namespace turnout::runtime {

struct DemoOptions {
  // A file, a directory, or a config manager's http(s)://HOST:PORT/v1/services/NAME/rules, which is
  // asked with the token in `token_file`, and told what became of its rules.
  std::string rules = "deploy/examples/quickstart/rules";
  std::string token_file;
  int events = 5'000;  // 1 to kDemoEventsMax
  // of the admin API; port 0 takes a free one
  std::string listen = "127.0.0.1:0";
  uint64_t seed = 1;  // equal seeds, equal events
  bool stay = false;  // keep running until a signal
};

// The embedded Kafka keeps all of it in memory, several times over.
inline constexpr int kDemoEventsMax = 200'000;

int RunDemo(const DemoOptions& options);

}  // namespace turnout::runtime
