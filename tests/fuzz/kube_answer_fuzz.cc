// Any bytes as what an API server answers: an object, a list, lines of a watch. They are refused in
// words, or read to what can be read again and says the same.
#include <cstdint>
#include <string_view>

#include "deploy/kube/kube_object.h"
#include "tests/fuzz/check.h"

using namespace turnout::kube;  // NOLINT: all of it is of there

namespace {

void CheckObject(const KubeObject& object) {
  const auto again = ReadKubeObject(object.json);
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(again->json == object.json);
  FUZZ_CHECK(again->Key() == object.Key());
  FUZZ_CHECK(again->uid == object.uid && again->resource_version == object.resource_version);
  FUZZ_CHECK(TextAt(object.json, {"metadata", "name"}) == object.name);
  FUZZ_CHECK(TextAt(object.json, {"metadata", "managedFields", "manager"}).empty());
}

void CheckChange(std::string_view line) {
  const auto change = ReadKubeChange(line);
  if (!change.ok()) {
    FUZZ_CHECK(!change.status().message().empty());
    return;
  }
  // A bookmark may say no more than its version; of another change an object may be missing.
  if (change->object.json != "null" && change->object.json.starts_with('{')) {
    CheckObject(change->object);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto object = ReadKubeObject(text);
  if (object.ok()) {
    FUZZ_CHECK(IsShallow(text));
    CheckObject(*object);
  } else {
    FUZZ_CHECK(!object.status().message().empty());
  }
  const auto list = ReadKubeList(text);
  if (list.ok()) {
    for (const KubeObject& item : list->items) CheckObject(item);
  } else {
    FUZZ_CHECK(!list.status().message().empty());
  }
  while (!text.empty()) {
    const size_t end = text.find('\n');
    CheckChange(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return 0;
}
