#include "router/window_queue.h"

#include <algorithm>

namespace turnout::router {

void WindowQueue::Forget() {
  has_begun_ = false;
  heap_.clear();
}

void WindowQueue::Add(int64_t end_ms, uint32_t aggregate) {
  heap_.push_back({end_ms, aggregate});
  std::push_heap(heap_.begin(), heap_.end());
}

absl::Span<const uint32_t> WindowQueue::TakeDue(int64_t watermark_ms) {
  due_.clear();
  while (!heap_.empty() && heap_.front().end_ms <= watermark_ms) {
    due_.push_back(heap_.front().aggregate);
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
  }
  std::sort(due_.begin(), due_.end());
  return due_;
}

}  // namespace turnout::router
