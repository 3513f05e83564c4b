// Tells the thread sanitizer what Abseil's mutex orders.
//
// The distribution's Abseil is built without the sanitizer, so it takes everything that an
// absl::Mutex guards for a race. These definitions take the place of the library's: they call it
// and say what happened. Conditions, which Abseil evaluates on whichever thread unlocks, are not
// looked at.
#include <dlfcn.h>

#include <cstdlib>
#include <string>

#include "absl/synchronization/mutex.h"

extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}

#define TURNOUT_TEXT_OF(word) #word
#define TURNOUT_TEXT(word) TURNOUT_TEXT_OF(word)

namespace {

// The library's own `Mutex::<name>`, or of `type` (mangled), by the name that the compiler gives
// it; `arguments` is mangled too.
template <typename Function>
Function* Library(const std::string& name, const std::string& arguments,
                  const std::string& type = "5Mutex") {
  const std::string space = TURNOUT_TEXT(ABSL_OPTION_INLINE_NAMESPACE_NAME);
  const std::string symbol = "_ZN4absl" + std::to_string(space.size()) + space + type +
                             std::to_string(name.size()) + name + "E" + arguments;
  void* found = dlsym(RTLD_NEXT, symbol.c_str());
  if (found == nullptr) std::abort();
  return reinterpret_cast<Function*>(found);
}

class Unseen {
 public:
  Unseen() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~Unseen() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
};

using Plain = void(absl::Mutex*);
using Try = bool(absl::Mutex*);
using When = void(absl::Mutex*, const absl::Condition&);
using Within = bool(absl::Mutex*, const absl::Condition&, absl::Duration);
using Until = bool(absl::Mutex*, const absl::Condition&, absl::Time);

using WaitPlain = void(absl::CondVar*, absl::Mutex*);
using WaitWithin = bool(absl::CondVar*, absl::Mutex*, absl::Duration);
using WaitUntil = bool(absl::CondVar*, absl::Mutex*, absl::Time);
constexpr char kCondVar[] = "7CondVar";

// S1_ and S2_ stand for names that occurred before: absl and its inline namespace.
constexpr char kCondition[] = "RKNS0_9ConditionE";
constexpr char kConditionDuration[] = "RKNS0_9ConditionENS0_8DurationE";
constexpr char kConditionTime[] = "RKNS0_9ConditionENS0_4TimeE";

template <typename Call>
auto Waiting(absl::Mutex* mutex, bool held, Call call) {
  if (held) __tsan_release(mutex);
  struct Acquire {
    ~Acquire() { __tsan_acquire(mutex); }
    absl::Mutex* mutex;
  } acquire{mutex};
  const Unseen unseen;
  return call();
}

}  // namespace

namespace absl {
ABSL_NAMESPACE_BEGIN

void Mutex::Lock() {
  static auto* const library = Library<Plain>("Lock", "v");
  Waiting(this, false, [this] { library(this); });
}
void Mutex::ReaderLock() {
  static auto* const library = Library<Plain>("ReaderLock", "v");
  Waiting(this, false, [this] { library(this); });
}
bool Mutex::TryLock() {
  static auto* const library = Library<Try>("TryLock", "v");
  return Waiting(this, false, [this] { return library(this); });
}
void Mutex::Unlock() {
  static auto* const library = Library<Plain>("Unlock", "v");
  __tsan_release(this);
  const Unseen unseen;
  library(this);
}
void Mutex::ReaderUnlock() {
  static auto* const library = Library<Plain>("ReaderUnlock", "v");
  __tsan_release(this);
  const Unseen unseen;
  library(this);
}
void Mutex::Await(const Condition& condition) {
  static auto* const library = Library<When>("Await", kCondition);
  Waiting(this, true, [&] { library(this, condition); });
}
bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  static auto* const library = Library<Within>("AwaitWithTimeout", kConditionDuration);
  return Waiting(this, true, [&] { return library(this, condition, timeout); });
}
bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  static auto* const library = Library<Until>("AwaitWithDeadline", kConditionTime);
  return Waiting(this, true, [&] { return library(this, condition, deadline); });
}
void Mutex::LockWhen(const Condition& condition) {
  static auto* const library = Library<When>("LockWhen", kCondition);
  Waiting(this, false, [&] { library(this, condition); });
}
bool Mutex::LockWhenWithTimeout(const Condition& condition, Duration timeout) {
  static auto* const library = Library<Within>("LockWhenWithTimeout", kConditionDuration);
  return Waiting(this, false, [&] { return library(this, condition, timeout); });
}
bool Mutex::LockWhenWithDeadline(const Condition& condition, Time deadline) {
  static auto* const library = Library<Until>("LockWhenWithDeadline", kConditionTime);
  return Waiting(this, false, [&] { return library(this, condition, deadline); });
}

// The mutex is let go of meanwhile.
void CondVar::Wait(Mutex* mutex) {
  static auto* const library = Library<WaitPlain>("Wait", "PNS0_5MutexE", kCondVar);
  Waiting(mutex, true, [&] { library(this, mutex); });
}
bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  static auto* const library =
      Library<WaitWithin>("WaitWithTimeout", "PNS0_5MutexENS0_8DurationE", kCondVar);
  return Waiting(mutex, true, [&] { return library(this, mutex, timeout); });
}
bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  static auto* const library =
      Library<WaitUntil>("WaitWithDeadline", "PNS0_5MutexENS0_4TimeE", kCondVar);
  return Waiting(mutex, true, [&] { return library(this, mutex, deadline); });
}

ABSL_NAMESPACE_END
}  // namespace absl
