// Any bytes as a document, in YAML and in JSON: read with every place known, or refused with a
// problem and its cure; never a crash.
#include <cstdint>
#include <string_view>
#include <vector>

#include "router/document.h"
#include "tests/fuzz/check.h"

using turnout::router::Node;
using turnout::router::Problem;

namespace {

void CheckPlaces(const Node& node) {
  FUZZ_CHECK(node.at.line > 0 && node.at.column > 0);
  for (const Node& item : node.items) CheckPlaces(item);
  for (const auto& member : node.members) {
    FUZZ_CHECK(member.at.line > 0 && member.at.column > 0);
    CheckPlaces(member.value);
  }
}

void CheckParse(std::optional<Node> (*parse)(std::string_view, std::vector<Problem>*),
                std::string_view text) {
  std::vector<Problem> problems;
  const std::optional<Node> node = parse(text, &problems);
  FUZZ_CHECK(node.has_value() == problems.empty());
  if (node) CheckPlaces(*node);
  for (const Problem& problem : problems) {
    FUZZ_CHECK(!problem.what.empty() && !problem.cure.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckParse(turnout::router::ParseJson, text);
  CheckParse(turnout::router::ParseYaml, text);
  return 0;
}
