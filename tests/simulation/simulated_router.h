// SimulatedRouter: one process of the router, as it would run: a worker of the source and, from the
// first rule set that needs it, one of what was re-keyed. It lives from its making to Close, to a
// crash, or until it is killed.
#pragma once

#include <memory>
#include <vector>

#include "tests/simulation/simulated_hop.h"

namespace turnout::simulation {

class SimulatedRouter {
 public:
  // `ordinal` is its stable name, from which its transactional ids come.
  SimulatedRouter(int ordinal, Surroundings* around);
  // What it had in memory is gone; nobody is told.
  ~SimulatedRouter();

  // One turn of one of its workers. False: it crashed.
  bool Step();
  // Ends it as SIGTERM would. False: it crashed on the way.
  bool Close();

  int ordinal() const { return ordinal_; }
  bool busy() const { return busy_; }  // inside a Step that stands still
  const support::SimulatedProcess& process() const { return process_; }
  // Null: that worker has not begun.
  const support::MemoryStateKeeper* keeper(Hop hop) const;

 private:
  template <typename Action>
  bool Run(Action action);

  const int ordinal_;
  Surroundings* const around_;
  support::SimulatedProcess& process_;
  bool busy_ = false;
  bool closed_ = false;
  runtime::CarefulTurn turn_;
  SimulatedHop source_;
  std::unique_ptr<SimulatedHop> rekeyed_;  // null: no rules have needed it
};

using Routers = std::vector<std::unique_ptr<SimulatedRouter>>;  // by ordinal; null: not running

}  // namespace turnout::simulation
