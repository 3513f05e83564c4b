#include "bench/store_load.h"

#include <unistd.h>

#include <chrono>
#include <ctime>
#include <fstream>
#include <thread>

namespace turnout::bench {
namespace {

int64_t CpuNs(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

int64_t ThreadNs() { return CpuNs(CLOCK_THREAD_CPUTIME_ID); }
int64_t OthersNs() { return CpuNs(CLOCK_PROCESS_CPUTIME_ID) - ThreadNs(); }

void ComeToRest() {
  int64_t before = OthersNs();
  for (int quiet = 0; quiet < 3;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const int64_t now = OthersNs();
    quiet = now - before < 1'000'000 ? quiet + 1 : 0;
    before = now;
  }
}

size_t ResidentBytes() {
  size_t total = 0;
  size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace turnout::bench
