// SimulatedRouter: one process of the router, as it would run: the real Worker over MemoryLog's
// source, sink and admin. It lives from Start to Close, to a crash, or until it is killed.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "runtime/destinations.h"
#include "runtime/rule_feed.h"
#include "runtime/worker.h"
#include "tests/simulation/mutations.h"
#include "tests/simulation/simulated_states.h"
#include "tests/simulation/state_mutations.h"
#include "tests/support/fault_points.h"
#include "tests/support/memory_log.h"
#include "tests/support/memory_state_keeper.h"
#include "tests/support/memory_topic_admin.h"
#include "tests/support/recording_observer.h"

namespace turnout::simulation {

// What all processes of a run share.
struct Surroundings {
  support::SimulatedClock clock;
  support::FaultPoints points{&clock};
  std::unique_ptr<support::MemoryLog> log;
  runtime::RuleFeed rules;
  support::RecordingObserver observer;
  std::unique_ptr<SimulatedStates> states;
  support::SeededRandom keeper_random{0};
  connectors::Delivery delivery = connectors::Delivery::kExactlyOnce;
  Mutation mutation = Mutation::kNone;
  // Of every process that ever ran: the brokers remember the dead for a while.
  std::deque<support::SimulatedProcess> processes;
};

class SimulatedRouter {
 public:
  // `ordinal` is its stable name, from which its transactional id comes.
  SimulatedRouter(int ordinal, Surroundings* surroundings);
  // What it had in memory is gone; nobody is told.
  ~SimulatedRouter();

  // One turn of the worker. False: it crashed.
  bool Step();
  // Ends it as SIGTERM would. False: it crashed on the way.
  bool Close();

  int ordinal() const { return ordinal_; }
  bool busy() const { return busy_; }  // inside a Step that stands still
  const support::SimulatedProcess& process() const { return process_; }
  const support::MemoryStateKeeper& keeper() const { return keeper_; }

 private:
  template <typename Action>
  bool Run(Action action);

  const int ordinal_;
  support::SimulatedProcess& process_;
  bool busy_ = false;
  bool closed_ = false;
  const std::unique_ptr<support::StatePlace> place_;
  const std::unique_ptr<BuggyPlace> buggy_place_;  // null without a bug
  support::MemoryStateKeeper keeper_;
  const std::unique_ptr<BuggyKeeper> buggy_keeper_;  // null without a bug
  std::unique_ptr<connectors::Source> source_;
  std::unique_ptr<connectors::Sink> sink_;
  support::MemoryTopicAdmin admin_;
  runtime::Destinations destinations_;
  runtime::Worker worker_;
};

}  // namespace turnout::simulation
