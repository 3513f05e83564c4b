#include "deploy/manager/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "state/files.h"

namespace turnout::manager {
namespace {

constexpr int kPollMs = 100;
constexpr size_t kErrBytesMax = 64u << 10;

struct Pipe {
  Pipe() { is_open = ::pipe2(ends, O_CLOEXEC) == 0; }
  ~Pipe() {
    Close(0);
    Close(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void Close(int end) {
    if (ends[end] >= 0) ::close(std::exchange(ends[end], -1));
  }
  int ends[2] = {-1, -1};
  bool is_open = false;
};

// What there is to be read; false: it has ended.
bool ReadSome(int from, std::string* into) {
  char piece[65'536];
  const ssize_t size = ::read(from, piece, sizeof piece);
  if (size > 0) into->append(piece, static_cast<size_t>(size));
  return size > 0 || (size < 0 && (errno == EINTR || errno == EAGAIN));
}

absl::StatusOr<pid_t> Spawn(const Program& program, const Pipe& in, const Pipe& out,
                            const Pipe& err) {
  std::vector<std::string> words = program.words;
  std::vector<std::string> environment = program.environment;
  std::vector<char*> argv;
  std::vector<char*> envp;
  for (std::string& word : words) argv.push_back(word.data());
  for (std::string& one : environment) envp.push_back(one.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.ends[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.ends[1], STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawnattr_t how;
  posix_spawnattr_init(&how);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setflags(&how,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setsigmask(&how, &none);
  posix_spawnattr_setsigdefault(&how, &all);
  posix_spawnattr_setpgroup(&how, 0);
  pid_t pid = -1;
  const int error =
      ::posix_spawnp(&pid, words[0].c_str(), &actions, &how, argv.data(), envp.data());
  posix_spawnattr_destroy(&how);
  posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT) {
    return absl::NotFoundError(
        absl::StrCat("there is no program ", words[0], ": install it, or mend PATH"));
  }
  if (error != 0) return state::ErrnoStatus(error, "starting", words[0]);
  return pid;
}

// Moves what goes in and comes out until the program has closed its ends.
absl::Status Talk(const Program& program, Pipe* in, Pipe* out, Pipe* err, ProgramEnd* end) {
  const absl::Time deadline = absl::Now() + program.timeout;
  std::string_view input = program.input;
  while (out->ends[0] >= 0 || err->ends[0] >= 0) {
    if (input.empty()) in->Close(1);
    pollfd files[] = {
        {in->ends[1], POLLOUT, 0}, {out->ends[0], POLLIN, 0}, {err->ends[0], POLLIN, 0}};
    if (::poll(files, 3, kPollMs) < 0 && errno != EINTR) {
      return state::ErrnoStatus(errno, "waiting for", program.words[0]);
    }
    if (absl::Now() > deadline || (program.stop != nullptr && *program.stop)) {
      return absl::DeadlineExceededError(absl::StrCat(program.words[0], " was ended after ",
                                                      absl::FormatDuration(program.timeout)));
    }
    if (files[0].revents != 0) {
      const ssize_t size = ::write(in->ends[1], input.data(), input.size());
      if (size > 0) input.remove_prefix(static_cast<size_t>(size));
      if (size < 0 && errno != EAGAIN && errno != EINTR) input = {};  // it reads no more
    }
    if (files[1].revents != 0 && !ReadSome(out->ends[0], &end->out)) out->Close(0);
    if (files[2].revents != 0 && !ReadSome(err->ends[0], &end->err)) err->Close(0);
    end->err.resize(std::min(end->err.size(), kErrBytesMax));
    if (end->out.size() > program.output_bytes_max) {
      return absl::ResourceExhaustedError(absl::StrCat(program.words[0], " printed more than ",
                                                       program.output_bytes_max, " bytes"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ProgramEnd> RunProgram(const Program& program) {
  Pipe in;
  Pipe out;
  Pipe err;
  if (!in.is_open || !out.is_open || !err.is_open) {
    return state::ErrnoStatus(errno, "making pipes for", program.words[0]);
  }
  const absl::StatusOr<pid_t> pid = Spawn(program, in, out, err);
  if (!pid.ok()) return pid.status();
  in.Close(0);
  out.Close(1);
  err.Close(1);
  ::fcntl(in.ends[1], F_SETFL, O_NONBLOCK);
  ProgramEnd end;
  const absl::Status talked = Talk(program, &in, &out, &err, &end);
  if (!talked.ok()) ::kill(-*pid, SIGKILL);
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!talked.ok()) return talked;
  end.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return end;
}

}  // namespace turnout::manager
