#include "runtime/allocation_count.h"

#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TURNOUT_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define TURNOUT_COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef TURNOUT_COUNTS_ALLOCATIONS
#define TURNOUT_COUNTS_ALLOCATIONS 1
#endif

#if TURNOUT_COUNTS_ALLOCATIONS

namespace {

constinit thread_local uint64_t allocations = 0;

// As the standard asks of operator new: what a new handler frees may be enough for another try.
template <typename Take>
void* TakeOrThrow(Take take) {
  ++allocations;
  for (;;) {
    if (void* const memory = take()) return memory;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

}  // namespace

// The array and nothrow forms of the standard library come down to these.
[[gnu::noinline]] void* operator new(size_t bytes) {
  return TakeOrThrow([&] { return std::malloc(bytes == 0 ? 1 : bytes); });
}
[[gnu::noinline]] void* operator new(size_t bytes, std::align_val_t alignment) {
  const auto align = static_cast<size_t>(alignment);
  // aligned_alloc wants a multiple of the alignment.
  const size_t rounded = (bytes + align - 1) / align * align;
  return TakeOrThrow([&] { return std::aligned_alloc(align, rounded == 0 ? align : rounded); });
}
// Out of line: inlined into their callers, malloc and free look mismatched to g++'s warnings.
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace turnout::runtime {
std::optional<uint64_t> ThreadAllocations() { return allocations; }
}  // namespace turnout::runtime

#else

namespace turnout::runtime {
std::optional<uint64_t> ThreadAllocations() { return std::nullopt; }
}  // namespace turnout::runtime

#endif
