#include "deploy/manager/child_program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "state/files.h"

namespace turnout::manager {
namespace {

constexpr int kExitNotStarted = 127;
constexpr int kBySignal = 128;
constexpr std::string_view kSaidByCommand = "turnout ";

void Close(int* end) {
  if (*end >= 0) ::close(*end);
  *end = -1;
}

// Between fork and exec, where only what is safe in a signal handler may be called.
[[noreturn]] void Become(char* const* words, int out, int err, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kExitNotStarted);  // who ended before that
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing < 0 || ::dup2(nothing, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) {
    ::_exit(kExitNotStarted);
  }
  ::close_range(3, ~0U, 0);
  ::execv(words[0], words);
  ::_exit(kExitNotStarted);
}

// False once it is closed by the other side.
bool ReadInto(int end, std::string* text) {
  char bytes[16 << 10];
  while (true) {
    const ssize_t got = ::read(end, bytes, sizeof(bytes));
    if (got > 0) text->append(bytes, static_cast<size_t>(got));
    if (got > 0 || (got < 0 && errno == EINTR)) continue;
    return got < 0 && errno == EAGAIN;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProgram>> ChildProgram::Start(
    const std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  int out[2] = {-1, -1};
  int err[2] = {-1, -1};
  const pid_t parent = ::getpid();
  pid_t pid = -1;
  if (::pipe2(out, O_CLOEXEC) == 0 && ::pipe2(err, O_CLOEXEC) == 0) pid = ::fork();
  if (pid == 0) Become(argv.data(), out[1], err[1], parent);
  const int error = errno;
  Close(&out[1]);
  Close(&err[1]);
  if (pid < 0) {
    Close(&out[0]);
    Close(&err[0]);
    return state::ErrnoStatus(error, "starting", words[0]);
  }
  for (const int end : {out[0], err[0]}) ::fcntl(end, F_SETFL, O_NONBLOCK);
  return std::unique_ptr<ChildProgram>(new ChildProgram(pid, out[0], err[0]));
}

ChildProgram::~ChildProgram() {
  Signal(SIGKILL);
  if (pid_ > 0) {
    while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
    }
  }
  Close(&out_);
  Close(&err_);
}

void ChildProgram::Read() {
  if (out_ >= 0 && !ReadInto(out_, &out_text_)) Close(&out_);
  if (err_ >= 0 && !ReadInto(err_, &err_text_)) Close(&err_);
  if (err_text_.size() > kErrBytesMax) err_text_.erase(0, err_text_.size() - kErrBytesMax);
}

std::vector<std::string> ChildProgram::TakeLines() {
  const size_t end = out_ < 0 ? out_text_.size() : out_text_.rfind('\n') + 1;
  const std::string whole = out_text_.substr(0, end);
  out_text_.erase(0, end);
  return absl::StrSplit(whole, '\n', absl::SkipEmpty());
}

std::string ChildProgram::TakeOut() { return std::exchange(out_text_, ""); }

std::string ChildProgram::WhyEnded() const {
  std::string why;
  const std::vector<std::string> lines = absl::StrSplit(err_text_, '\n', absl::SkipWhitespace());
  for (const std::string& line : lines) {
    if (line.starts_with(kSaidByCommand)) return line;
    why = line;
  }
  return why;
}

void ChildProgram::Signal(int signal) {
  if (pid_ > 0) ::kill(pid_, signal);
}

std::optional<int> ChildProgram::Ended() {
  if (pid_ > 0) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
    pid_ = 0;
    status_ = WIFSIGNALED(status) ? kBySignal + WTERMSIG(status) : WEXITSTATUS(status);
    Read();  // its end of both pipes is closed: this takes all there is
  }
  return status_;
}

}  // namespace turnout::manager
