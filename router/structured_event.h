// StructuredEvent: a CloudEvent in binary mode written in structured mode, as what is made of its
// payload is written from.
//
// Attributes come in the order of their headers, then `datacontenttype`, then the data: JSON as it
// stands, anything else in base64 under `data_base64`. The structural characters of the whole are
// put together with it, from those of the data, so that nothing is parsed a second time.
//
// Threads: one. Allocates nothing once warm. Lifetime: until the next Write.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "router/cloud_event.h"
#include "router/event.h"
#include "router/event_parser.h"
#include "router/field_trie.h"
#include "router/gathered_event.h"

namespace turnout::router {

class StructuredEvent {
 public:
  // The event can be read. `data` are the structurals of its payload where that is JSON
  // (EventParser::structurals).
  void Write(const Event& event, const CloudEvent& cloud_event, absl::Span<const uint32_t> data);

  std::string_view text() const { return text_; }
  absl::Span<const uint32_t> structurals() const { return structurals_; }

 private:
  // One character that is structural, or the first one of a scalar.
  void Mark() { structurals_.push_back(static_cast<uint32_t>(text_.size())); }
  void Put(char c) {
    Mark();
    text_.push_back(c);
  }
  void PutName(std::string_view name);
  void PutText(std::string_view text);
  void PutData(std::string_view payload, absl::Span<const uint32_t> structurals);

  std::string text_;
  std::vector<uint32_t> structurals_;
  std::string base64_;
};

// Says what a record is that was made of a CloudEvent. Threads: one. Allocates nothing once warm.
class FormedType {
 public:
  FormedType();

  // kStructuredType where the JSON, an object, has all that a CloudEvent must: `specversion`, `id`,
  // `source` and `type`, each once and as a text that is not empty; else kJsonType.
  std::string_view Of(std::string_view json);

 private:
  FieldTrie required_;
  EventParser parser_;
  GatheredEvent gathered_;
};

}  // namespace turnout::router
