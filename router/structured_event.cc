#include "router/structured_event.h"

#include "absl/strings/escaping.h"
#include "router/canonical_text.h"

namespace turnout::router {
namespace {

constexpr std::string_view kRequired[] = {"specversion", "id", "source", "type"};
constexpr std::string_view kBase64Field = "data_base64";

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

}  // namespace

void StructuredEvent::PutName(std::string_view name) {
  if (text_.size() > 1) Put(',');
  PutText(name);
  Put(':');
}

void StructuredEvent::PutText(std::string_view text) {
  Mark();
  AppendJsonString(text, &text_);
}

// Behind the value, up to the structural that comes next, there are blanks only.
void StructuredEvent::PutData(std::string_view payload, absl::Span<const uint32_t> structurals) {
  const size_t begin = structurals.front();
  size_t end = structurals.back();
  while (IsSpace(payload[end - 1])) --end;
  const size_t moved_to = text_.size();
  for (const uint32_t at : structurals.first(structurals.size() - 1)) {
    structurals_.push_back(static_cast<uint32_t>(at - begin + moved_to));
  }
  text_.append(payload.substr(begin, end - begin));
}

void StructuredEvent::Write(const Event& event, const CloudEvent& cloud_event,
                            absl::Span<const uint32_t> data) {
  text_.clear();
  structurals_.clear();
  Put('{');
  ForEachAttribute(event, cloud_event, [&](std::string_view name, std::string_view value) {
    PutName(name);
    if (value.data() != nullptr) return PutText(value);
    Mark();
    text_.append("null");
  });
  if (cloud_event.data == CloudEvent::Data::kJson) {
    PutName(kDataField);
    PutData(event.json(), data);
  } else if (cloud_event.data == CloudEvent::Data::kOther) {
    PutName(kBase64Field);
    absl::Base64Escape({event.value.data(), event.value.size()}, &base64_);
    PutText(base64_);
  }
  Put('}');
  Mark();
}

FormedType::FormedType() {
  for (const std::string_view field : kRequired) required_.Add(field);
}

std::string_view FormedType::Of(std::string_view json) {
  gathered_.Reset(required_.field_count());
  const bool is_read = parser_.Parse(json, required_, &gathered_).ok();
  if (!is_read || !gathered_.array_leaves_end.empty()) return kJsonType;
  for (FieldId field = 0; field < required_.field_count(); ++field) {
    const FieldLeaves& found = gathered_.found[field];
    if (found.count != 1) return kJsonType;
    const Leaf& leaf = gathered_.leaves[found.first];
    if (leaf.kind != ValueKind::kString || leaf.text.empty()) return kJsonType;
  }
  return kStructuredType;
}

}  // namespace turnout::router
