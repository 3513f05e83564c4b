#include "tests/simulation/simulated_router.h"

#include "absl/strings/str_format.h"

namespace turnout::simulation {
namespace {

constexpr absl::Duration kCloseTimeout = absl::Seconds(4);

support::SimulatedProcess& NewProcess(Surroundings& around, int ordinal) {
  support::SimulatedProcess& process = around.processes.emplace_back();
  process.name = absl::StrFormat("router-%d.%d", ordinal, around.processes.size());
  return process;
}

}  // namespace

SimulatedRouter::SimulatedRouter(int ordinal, Surroundings* around)
    : ordinal_(ordinal),
      around_(around),
      process_(NewProcess(*around, ordinal)),
      source_(Hop::kSource, ordinal, around, &process_, &turn_) {}

SimulatedRouter::~SimulatedRouter() {
  process_.dead = true;
  if (closed_) return;
  source_.Crash();
  if (rekeyed_ != nullptr) rekeyed_->Crash();
}

template <typename Action>
bool SimulatedRouter::Run(Action action) {
  busy_ = true;
  try {
    action();
  } catch (const support::SimulatedCrash&) {
    process_.dead = true;
  }
  busy_ = false;
  return !process_.dead;
}

bool SimulatedRouter::Step() {
  return Run([this] {
    if (rekeyed_ == nullptr && around_->has_rekeyed) {
      rekeyed_ =
          std::make_unique<SimulatedHop>(Hop::kRekeyed, ordinal_, around_, &process_, &turn_);
    }
    const bool rekeyed = rekeyed_ != nullptr && around_->turn_random.OneIn(2);
    (rekeyed ? *rekeyed_ : source_).Step();
  });
}

bool SimulatedRouter::Close() {
  closed_ = Run([this] {
    source_.Close(kCloseTimeout);
    if (rekeyed_ != nullptr) rekeyed_->Close(kCloseTimeout);
  });
  return closed_;
}

const support::MemoryStateKeeper* SimulatedRouter::keeper(Hop hop) const {
  if (hop == Hop::kSource) return &source_.keeper();
  return rekeyed_ == nullptr ? nullptr : &rekeyed_->keeper();
}

}  // namespace turnout::simulation
