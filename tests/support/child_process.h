// ChildProcess: this very test program again, as a process that a test kills or waits for; what it
// writes to its standard output is read here.
//
// Threads: one.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "gtest/gtest.h"

extern char** environ;

namespace turnout::support {

class ChildProcess {
 public:
  explicit ChildProcess(std::vector<std::string> arguments) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::string self = "/proc/self/exe";
    std::vector<char*> argv{self.data()};
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    EXPECT_EQ(::posix_spawn(&pid_, self.c_str(), &actions, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    out_ = ends[0];
  }
  ~ChildProcess() {
    Kill();
    ::close(out_);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // False if it ended before.
  bool AwaitBytes(int64_t bytes) {
    char byte = 0;
    for (; bytes > 0; --bytes) {
      if (::read(out_, &byte, 1) != 1) return false;
    }
    return true;
  }

  void Kill() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    Await();
  }

  // What it ended with; -1: it was killed.
  int Await() {
    int status = 0;
    if (pid_ > 0) ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = 0;
  int out_ = -1;
};

// Where there is a file system in memory with room, all tests of this program use it: RocksDB syncs
// every file it writes, and a busy disk takes ten times as long as the tests. A kill leaves the
// same behind there: what was written, synced or not.
inline void KeepInMemory() {
  constexpr char kPath[] = "/dev/shm";
  constexpr uint64_t kBytesMin = 400 << 20;
  struct statvfs room = {};
  if (::statvfs(kPath, &room) != 0 || ::access(kPath, W_OK) != 0) return;
  if (uint64_t{room.f_bavail} * room.f_frsize < kBytesMin) return;
  ::setenv("TMPDIR", kPath, /*overwrite=*/0);
}

}  // namespace turnout::support
