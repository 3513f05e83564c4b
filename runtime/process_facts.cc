#include "runtime/process_facts.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace turnout::runtime {
namespace {

// Unix time of the machine's start, which process start times are counted from.
double BootTimeSeconds() {
  std::ifstream stat("/proc/stat");
  std::string word;
  double seconds = 0;
  while (stat >> word) {
    if (word == "btime" && stat >> seconds) return seconds;
  }
  return 0;
}

int64_t CountOpenFds() {
  DIR* directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  int64_t entries = 0;
  while (::readdir(directory) != nullptr) ++entries;
  ::closedir(directory);
  return entries - 3;  // `.`, `..` and the directory's own
}

}  // namespace

ProcessFacts ReadProcessFacts() {
  ProcessFacts facts;
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  // The second field is the program's name in parentheses and may hold anything, so the count
  // begins after the last one: state is field 3, utime 14, stime 15, threads 20, start 22, size 23,
  // pages 24.
  const size_t name_end = text.rfind(')');
  if (name_end != std::string::npos) {
    std::istringstream fields(text.substr(name_end + 1));
    std::string field;
    const double ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
    for (int i = 3; i <= 24 && fields >> field; ++i) {
      const double value = i == 3 ? 0 : std::stod(field);
      if (i == 14 || i == 15) facts.cpu_seconds += value / ticks_per_second;
      if (i == 20) facts.threads = static_cast<int64_t>(value);
      if (i == 22) facts.start_time_seconds = BootTimeSeconds() + value / ticks_per_second;
      if (i == 23) facts.virtual_bytes = static_cast<int64_t>(value);
      if (i == 24) facts.resident_bytes = static_cast<int64_t>(value) * ::sysconf(_SC_PAGESIZE);
    }
  }
  facts.open_fds = CountOpenFds();
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    facts.fds_max = static_cast<int64_t>(limit.rlim_cur);
  }
  return facts;
}

}  // namespace turnout::runtime
