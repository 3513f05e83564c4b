#include "runtime/event_format.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace turnout::runtime {
namespace {

constexpr size_t kHeaderBytes = 5;
constexpr size_t kKnownMax = 256;
// Memory that one large event may leave behind.
constexpr size_t kKeptBytesMax = size_t{1} << 20;

constexpr char kNeither[] =
    "the value is neither a schema's (a zero byte, then its id in four bytes) nor a JSON object";
constexpr char kCutShort[] =
    "the value begins with a zero byte, as a schema's does, and ends before the schema's id does";

bool IsOfSchema(std::string_view value) { return !value.empty() && value.front() == '\0'; }

// As far as its first letter says.
bool MayBeObject(std::string_view value) {
  const size_t first = value.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos || value[first] == '{';
}

uint32_t SchemaIdOf(std::string_view value) {
  uint32_t id = 0;
  for (size_t i = 1; i < kHeaderBytes; ++i) id = id << 8 | static_cast<unsigned char>(value[i]);
  return id;
}

}  // namespace

PayloadReading EventFormat::Read(std::string_view value, absl::Duration within) {
  PayloadReading reading;
  if (schemas_ == nullptr || value.data() == nullptr) return reading;
  reading.undecodable = &undecodable_;
  if (!IsOfSchema(value)) {
    if (MayBeObject(value)) return {};
    undecodable_ = kNeither;
    return reading;
  }
  if (value.size() < kHeaderBytes) {
    undecodable_ = kCutShort;
    return reading;
  }
  reading.schema_id = SchemaIdOf(value);
  const connectors::PayloadSchema* const schema = FindSchema(reading.schema_id, within);
  if (schema == nullptr) {
    undecodable_ = lacks_.why;
    reading.lacks = &lacks_;
    return reading;
  }
  json_.clear();
  if (json_.capacity() > kKeptBytesMax) json_.shrink_to_fit();
  const absl::Status decoded = schema->AppendJson(value.substr(kHeaderBytes), &json_);
  if (!decoded.ok()) {
    undecodable_ = absl::StrCat("the value can't be read by its schema, ", reading.schema_id, ": ",
                                decoded.message());
    return reading;
  }
  reading.decoded = json_;
  reading.undecodable = nullptr;
  return reading;
}

void EventFormat::SayNotAwaited() {
  if (lacks_.kind != SchemaAnswer::Kind::kAwaited) return;
  undecodable_.append(
      "; not waited for any longer, since its partition has waited for schemas in vain for as long "
      "as schema_registry.wait_max says");
}

void EventFormat::AskFor(std::string_view value) {
  if (schemas_ == nullptr || !IsOfSchema(value) || value.size() < kHeaderBytes) return;
  const uint32_t id = SchemaIdOf(value);
  if (!known_.contains(id)) schemas_->Find(id);
}

const connectors::PayloadSchema* EventFormat::FindSchema(uint32_t id, absl::Duration within) {
  if (const auto known = known_.find(id); known != known_.end()) return known->second.get();
  SchemaAnswer answer =
      within > absl::ZeroDuration() ? schemas_->Await(id, within) : schemas_->Find(id);
  if (answer.kind != SchemaAnswer::Kind::kKnown) {
    lacks_ = std::move(answer);
    return nullptr;
  }
  if (known_.size() >= kKnownMax) known_.clear();
  return known_.emplace(id, std::move(answer.schema)).first->second.get();
}

}  // namespace turnout::runtime
