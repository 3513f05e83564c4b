#include "connectors/message_batch.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace turnout::connectors {
namespace {

int64_t BytesOf(const rd_kafka_message_t& message) {
  return static_cast<int64_t>(message.len + message.key_len);
}

}  // namespace

void MessageBatch::Add(rd_kafka_message_t* message) {
  bytes_ += BytesOf(*message);
  messages_.push_back({message, nullptr});
}

void MessageBatch::AddUnreadable(int32_t partition, int64_t offset, std::string why) {
  auto unreadable = std::make_unique<Unreadable>(Unreadable{partition, offset, std::move(why)});
  messages_.push_back({nullptr, std::move(unreadable)});
}

absl::Span<const Event> MessageBatch::Return(size_t events_max, int64_t bytes_max) {
  int64_t bytes = 0;
  size_t header_count = 0;
  for (returned_ = 0; returned_ < messages_.size() && returned_ < events_max; ++returned_) {
    const rd_kafka_message_t* message = messages_[returned_].message;
    if (message == nullptr) {
      const Unreadable& unreadable = *messages_[returned_].unreadable;
      Event& event = events_.emplace_back();
      event.partition = unreadable.partition;
      event.offset = unreadable.offset;
      event.timestamp_ms = -1;
      headers_.emplace_back(kUnreadableHeader, unreadable.why);
      event.headers = absl::Span<const Header>(nullptr, 1);
      header_count = headers_.size();
      continue;
    }
    bytes += BytesOf(*message);
    if (bytes > bytes_max && returned_ > 0) break;
    Event& event = events_.emplace_back();
    event.partition = message->partition;
    event.offset = message->offset;
    event.timestamp_ms = rd_kafka_message_timestamp(message, nullptr);
    event.key = {static_cast<const char*>(message->key), message->key_len};
    event.value = {static_cast<const char*>(message->payload), message->len};
    rd_kafka_headers_t* headers = nullptr;  // librdkafka parses them at the first asking
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i) {
      headers_.emplace_back(name, std::string_view(static_cast<const char*>(value), size));
    }
    // The vector may still move; only the count is known for good.
    event.headers = absl::Span<const Header>(nullptr, headers_.size() - header_count);
    header_count = headers_.size();
  }
  const Header* next = headers_.data();
  for (Event& event : events_) {
    if (event.headers.empty()) continue;
    event.headers = absl::Span<const Header>(next, event.headers.size());
    next += event.headers.size();
  }
  return events_;
}

void MessageBatch::MoveTo(MessageBatch* other) {
  other->messages_.swap(messages_);
  other->bytes_ = std::exchange(bytes_, 0);
}

void MessageBatch::ReleaseReturned() {
  for (size_t i = 0; i < returned_; ++i) End(messages_[i]);
  messages_.erase(messages_.begin(), messages_.begin() + static_cast<ptrdiff_t>(returned_));
  returned_ = 0;
  events_.clear();
  headers_.clear();
}

void MessageBatch::Drop(absl::Span<const int32_t> partitions) {
  const auto kept =
      std::remove_if(messages_.begin(), messages_.end(), [this, partitions](const Taken& taken) {
        const int32_t partition =
            taken.message == nullptr ? taken.unreadable->partition : taken.message->partition;
        const bool drop =
            std::find(partitions.begin(), partitions.end(), partition) != partitions.end();
        if (drop) End(taken);
        return drop;
      });
  messages_.erase(kept, messages_.end());
}

void MessageBatch::End(const Taken& taken) {
  if (taken.message == nullptr) return;
  bytes_ -= BytesOf(*taken.message);
  rd_kafka_message_destroy(taken.message);
}

void MessageBatch::Clear() {
  returned_ = messages_.size();
  ReleaseReturned();
}

}  // namespace turnout::connectors
