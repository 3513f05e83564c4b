// MessageBatch: messages taken from librdkafka, oldest first, and the events that stand for them.
//
// Internal to connectors/. Events are views of the messages' own bytes, so messages that were
// returned stay until the next ReleaseReturned. What could not be unpacked is an event without key
// and value, and with kUnreadableHeader.
//
// Units: bytes are those of keys and values.
// Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "connectors/record.h"

extern "C" {
struct rd_kafka_message_s;
}

namespace turnout::connectors {

class MessageBatch {
 public:
  MessageBatch() = default;
  ~MessageBatch() { Clear(); }
  MessageBatch(const MessageBatch&) = delete;
  MessageBatch& operator=(const MessageBatch&) = delete;

  // Takes the message over.
  void Add(rd_kafka_message_s* message);
  // An event for what could not be unpacked.
  void AddUnreadable(int32_t partition, int64_t offset, std::string why);

  bool empty() const { return messages_.empty(); }
  size_t size() const { return messages_.size(); }
  int64_t bytes() const { return bytes_; }

  // Gives all messages to `other`, which is empty; none of them was returned.
  void MoveTo(MessageBatch* other);

  // The oldest messages as events: as many as the limits allow, but one at least. They and what
  // they show live until the next ReleaseReturned, Drop or Clear.
  absl::Span<const Event> Return(size_t events_max, int64_t bytes_max);

  // Ends what the last Return returned.
  void ReleaseReturned();
  // Ends the messages of these partitions; call ReleaseReturned before.
  void Drop(absl::Span<const int32_t> partitions);
  void Clear();

 private:
  struct Unreadable {
    int32_t partition = 0;
    int64_t offset = 0;
    std::string why;
  };
  struct Taken {
    rd_kafka_message_s* message = nullptr;   // null: `unreadable` is there
    std::unique_ptr<Unreadable> unreadable;  // whose place in memory is its own
  };
  void End(const Taken& taken);

  std::vector<Taken> messages_;
  size_t returned_ = 0;  // of them, those that the last Return returned
  int64_t bytes_ = 0;
  std::vector<Event> events_;
  std::vector<Header> headers_;
};

}  // namespace turnout::connectors
