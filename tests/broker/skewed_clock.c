// Shows a program another time of day than the machine's: preloaded, it adds the seconds that the file
// named by TURNOUT_TEST_CLOCK holds (eight bytes, read at every look) to CLOCK_REALTIME, and waits as
// the kernel would if that were its clock. Monotonic clocks are left alone, as a change of the time of
// day leaves them. Debian's libfaketime does not see the futex calls that absl waits by.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { kSliceNs = 50000000 };  // how soon a wait notices that the clock was set

static const volatile int64_t* skew_s;
static long (*next_syscall)(long, ...);
static int (*next_timedwait)(pthread_cond_t*, pthread_mutex_t*, const struct timespec*);
static int (*next_cnd_timedwait)(cnd_t*, mtx_t*, const struct timespec*);

__attribute__((constructor)) static void Begin(void) {
  next_syscall = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  next_timedwait = (int (*)(pthread_cond_t*, pthread_mutex_t*, const struct timespec*))dlvsym(
      RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  next_cnd_timedwait =
      (int (*)(cnd_t*, mtx_t*, const struct timespec*))dlsym(RTLD_NEXT, "cnd_timedwait");
  const char* path = getenv("TURNOUT_TEST_CLOCK");
  const int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  void* shared = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
  if (shared != MAP_FAILED) skew_s = (const volatile int64_t*)shared;
  close(file);
}

static int64_t Skew(void) { return skew_s == NULL ? 0 : *skew_s; }

static int64_t NowNs(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1000000000 + now.tv_nsec;
}

int clock_gettime(clockid_t clock, struct timespec* now) {
  const long status = next_syscall == NULL ? -1 : next_syscall(SYS_clock_gettime, clock, now);
  if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    now->tv_sec += Skew();
  }
  return (int)status;
}

int gettimeofday(struct timeval* now, void* zone) {
  (void)zone;
  struct timespec exact;
  if (clock_gettime(CLOCK_REALTIME, &exact) != 0) return -1;
  now->tv_sec = exact.tv_sec;
  now->tv_usec = exact.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* out) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}

int timespec_get(struct timespec* now, int base) {
  return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, now) == 0 ? base : 0;
}

// What is left until then, a slice at most.
static struct timespec Slice(const struct timespec* until) {
  int64_t left = until->tv_sec * INT64_C(1000000000) + until->tv_nsec - NowNs();
  if (left < 0) left = 0;
  if (left > kSliceNs) left = kSliceNs;
  return (struct timespec){0, left};
}

static long WaitForFutex(long word, long value, const struct timespec* until) {
  for (;;) {
    struct timespec slice = Slice(until);
    const long status = next_syscall(SYS_futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, value, &slice,
                                     NULL, 0);
    if (status == 0 || errno != ETIMEDOUT) return status;
    if (slice.tv_nsec == 0) return status;
  }
}

long syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long a[6];
  for (int i = 0; i < 6; ++i) a[i] = va_arg(list, long);
  va_end(list);
  const long wait = FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME;
  if (number == SYS_futex && a[1] == wait && a[3] != 0) {
    return WaitForFutex(a[0], a[2], (const struct timespec*)a[3]);
  }
  return next_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

// A slice from now on, by the machine's own time of day.
static struct timespec EndOf(struct timespec slice) {
  struct timespec machine;
  next_syscall(SYS_clock_gettime, CLOCK_REALTIME, &machine);
  const int64_t ns = machine.tv_nsec + slice.tv_nsec;
  machine.tv_sec += ns / 1000000000;
  machine.tv_nsec = ns % 1000000000;
  return machine;
}

// Times of a monotonic clock are small; the others are the time of day, as it is shown.
int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                           const struct timespec* until) {
  if (until->tv_sec < 1000000000) return next_timedwait(condition, mutex, until);
  for (;;) {
    const struct timespec slice = Slice(until);
    const struct timespec end = EndOf(slice);
    const int status = next_timedwait(condition, mutex, &end);
    if (status != ETIMEDOUT || slice.tv_nsec == 0) return status;
  }
}

// As librdkafka waits.
int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const struct timespec* until) {
  for (;;) {
    const struct timespec slice = Slice(until);
    const struct timespec end = EndOf(slice);
    const int status = next_cnd_timedwait(condition, mutex, &end);
    if (status != thrd_timedout || slice.tv_nsec == 0) return status;
  }
}
