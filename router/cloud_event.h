// CloudEvent: what a record is by CloudEvents' Kafka binding, version 1.0.
//
// Structured: the payload is the whole event, as JSON. Binary: the payload is the event's `data`,
// and its attributes are headers: `ce_type`, `ce_source` and so on, and `content-type` for
// `datacontenttype`. A binary event stands for the structured one with the same attributes and
// data, and is read as that: an attribute is a text at the top level, what the payload holds lies
// below `data`.
//
// A record is binary where it has a header `ce_specversion`, of whatever version, unless its
// content type is one of CloudEvents' own (`application/cloudevents...`, in upper or lower case):
// then it is structured, and headers that say the same once more are only headers. Names of
// attributes are a-z and 0-9; other `ce_` headers are none. Values are taken as they are: the Kafka
// binding, other than HTTP's, encodes nothing by percent signs.
//
// Errors: CheckAttributes: InvalidArgument names a header that is not UTF-8.
// Threads: pure functions. Lifetime: views of the record.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "router/event.h"

namespace turnout::router {

inline constexpr std::string_view kContentTypeHeader = "content-type";
inline constexpr std::string_view kDataField = "data";
inline constexpr std::string_view kContentTypeAttribute = "datacontenttype";
// What a record that was made of a CloudEvent is: still one, in structured mode, or only JSON.
inline constexpr std::string_view kStructuredType = "application/cloudevents+json";
inline constexpr std::string_view kJsonType = "application/json";

struct CloudEvent {
  enum class Mode : uint8_t { kNone, kStructured, kBinary };
  // Of a binary one: none where the payload is null or empty, else JSON where its media type is
  // (`json` or `...+json`) or nobody says what it is.
  enum class Data : uint8_t { kNone, kJson, kOther };

  Mode mode = Mode::kNone;
  Data data = Data::kNone;
  std::string_view content_type;  // of a binary one's data; null data(): nobody says
};

// A structured one is told by its content type alone: without that it is JSON like any other.
CloudEvent ReadCloudEvent(const Event& event);

// The attribute that the header holds in a binary event; empty: none. `datacontenttype` is
// CloudEvent::content_type, wherever it was read from.
std::string_view AttributeOf(std::string_view header);

// Whether every attribute of a binary event is a text.
absl::Status CheckAttributes(const Event& event, const CloudEvent& cloud_event);

// The header that holds the field in a binary event, `ce_type` of `type`; empty: no attribute's
// name.
std::string AttributeHeader(std::string_view field);

// "json", "none" or "not json".
std::string_view DataName(CloudEvent::Data data);

// Whether the header says that the record is a CloudEvent, or what its payload is.
bool IsOfCloudEvent(std::string_view header);

// Hands out name and value of each attribute of a binary event.
template <typename Take>
void ForEachAttribute(const Event& event, const CloudEvent& cloud_event, Take take) {
  for (const Header& header : event.headers) {
    const std::string_view name = AttributeOf(header.first);
    if (!name.empty()) take(name, header.second);
  }
  if (cloud_event.content_type.data() != nullptr) {
    take(kContentTypeAttribute, cloud_event.content_type);
  }
}

}  // namespace turnout::router
