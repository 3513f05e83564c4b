// C11's threads by way of POSIX's, for builds with the thread sanitizer.
//
// librdkafka makes its threads and locks with C11's functions, which the sanitizer doesn't know: it
// crashes on a thread that it has not seen begin. These definitions take the place of the C
// library's in every program they are linked into. glibc's C11 types are its POSIX ones by other
// names.
//
// What librdkafka itself reads, copies and frees is not looked at (tsan_suppressions.cc).
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <threads.h>

extern "C" {
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}

namespace {

static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t) && sizeof(cnd_t) >= sizeof(pthread_cond_t));
static_assert(sizeof(thrd_t) == sizeof(pthread_t));

pthread_mutex_t* Posix(mtx_t* mutex) { return reinterpret_cast<pthread_mutex_t*>(mutex); }
pthread_cond_t* Posix(cnd_t* condition) { return reinterpret_cast<pthread_cond_t*>(condition); }

// While one lives, the sanitizer sees none of this thread's writes. Which thread comes to know of a
// new lock, and which one is the last to, is librdkafka's matter: its threads tell each other by
// atomics (of a client's end, for one) and make and destroy locks on that word.
class UnseenWrites {
 public:
  UnseenWrites() { AnnotateIgnoreWritesBegin(__FILE__, __LINE__); }
  ~UnseenWrites() { AnnotateIgnoreWritesEnd(__FILE__, __LINE__); }
};

int Answer(int error) {
  switch (error) {
    case 0:
      return thrd_success;
    case EBUSY:
      return thrd_busy;
    case ETIMEDOUT:
      return thrd_timedout;
    case ENOMEM:
      return thrd_nomem;
    default:
      return thrd_error;
  }
}

struct Start {
  thrd_start_t run;
  void* argument;
};

void* Run(void* given) {
  const Start start = *static_cast<Start*>(given);
  delete static_cast<Start*>(given);
  return reinterpret_cast<void*>(static_cast<intptr_t>(start.run(start.argument)));
}

}  // namespace

extern "C" {

int thrd_create(thrd_t* thread, thrd_start_t run, void* argument) {
  auto* start = new Start{run, argument};
  const int error = pthread_create(thread, nullptr, Run, start);
  if (error != 0) delete start;
  return Answer(error);
}

int thrd_join(thrd_t thread, int* result) {
  void* returned = nullptr;
  const int error = pthread_join(thread, &returned);
  if (result != nullptr) *result = static_cast<int>(reinterpret_cast<intptr_t>(returned));
  return Answer(error);
}

int thrd_detach(thrd_t thread) { return Answer(pthread_detach(thread)); }

int mtx_init(mtx_t* mutex, int type) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  if ((type & mtx_recursive) != 0) {
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  }
  const UnseenWrites unseen;
  const int error = pthread_mutex_init(Posix(mutex), &attributes);
  pthread_mutexattr_destroy(&attributes);
  return Answer(error);
}

int mtx_lock(mtx_t* mutex) { return Answer(pthread_mutex_lock(Posix(mutex))); }
int mtx_trylock(mtx_t* mutex) { return Answer(pthread_mutex_trylock(Posix(mutex))); }
int mtx_timedlock(mtx_t* mutex, const timespec* until) {
  return Answer(pthread_mutex_timedlock(Posix(mutex), until));
}
int mtx_unlock(mtx_t* mutex) { return Answer(pthread_mutex_unlock(Posix(mutex))); }
void mtx_destroy(mtx_t* mutex) {
  const UnseenWrites unseen;
  pthread_mutex_destroy(Posix(mutex));
}

int cnd_init(cnd_t* condition) {
  const UnseenWrites unseen;
  return Answer(pthread_cond_init(Posix(condition), nullptr));
}
int cnd_signal(cnd_t* condition) { return Answer(pthread_cond_signal(Posix(condition))); }
int cnd_broadcast(cnd_t* condition) { return Answer(pthread_cond_broadcast(Posix(condition))); }
int cnd_wait(cnd_t* condition, mtx_t* mutex) {
  return Answer(pthread_cond_wait(Posix(condition), Posix(mutex)));
}
int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
  return Answer(pthread_cond_timedwait(Posix(condition), Posix(mutex), until));
}
void cnd_destroy(cnd_t* condition) {
  const UnseenWrites unseen;
  pthread_cond_destroy(Posix(condition));
}

}  // extern "C"
