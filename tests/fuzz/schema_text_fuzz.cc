// Any text as a schema, with any text as what it refers to (`other`) and any bytes as its payload:
// compiled or refused; what compiles keeps its word. The first byte says Avro or Protobuf, 0x1e
// ends each of the texts.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/payload_schema.h"
#include "tests/fuzz/payload_check.h"

namespace {

using namespace turnout::connectors;

// Up to the next end of a text, which goes too.
std::string_view Take(std::string_view* rest) {
  const size_t end = rest->find('\x1e');
  const std::string_view text = rest->substr(0, end);
  *rest = end == std::string_view::npos ? std::string_view() : rest->substr(end + 1);
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const SchemaType type = data[0] % 2 == 0 ? SchemaType::kAvro : SchemaType::kProtobuf;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string text(Take(&rest));
  const std::vector<SchemaReference> references = {{"other", std::string(Take(&rest))}};
  const auto schema = CompileSchema(type, text, references);
  if (schema.ok()) {
    turnout::fuzz::CheckPayload(**schema, rest);
  } else {
    FUZZ_CHECK(schema.status().code() == absl::StatusCode::kInvalidArgument);
    FUZZ_CHECK(!schema.status().message().empty());
  }
  return 0;
}
