// Any bytes as a config: read, or refused with a problem and its cure; what a file held is in no
// problem and in nothing printed; and what is printed loads as the same.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config.h"
#include "tests/fuzz/check.h"

using turnout::router::Problem;
using turnout::runtime::Config;
using turnout::runtime::ConfigEnvironment;
using turnout::runtime::ConfigValue;
using turnout::runtime::LoadedConfig;
using turnout::runtime::PrintedConfig;
using turnout::runtime::ReadConfig;

namespace {

constexpr char kSecret[] = "hunter2-of-a-file";

const ConfigEnvironment& Environment() {
  static const ConfigEnvironment* const environment = new ConfigEnvironment{
      .variable = [](const std::string& name) -> std::optional<std::string> {
        if (name == "X") return "3";
        return std::nullopt;
      },
      .file = [](const std::string& path) -> std::optional<std::string> {
        if (path.empty()) return std::nullopt;
        return kSecret;
      },
      .host_name = "host"};
  return *environment;
}

bool Holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// What of a config is printed, without where it came from.
std::string Written(const LoadedConfig& loaded) {
  std::string out;
  for (const ConfigValue& value : loaded.values) out += value.key + value.value + "\n";
  return out;
}

void CheckReading(std::string_view text) {
  std::vector<Problem> problems;
  const std::optional<LoadedConfig> loaded =
      ReadConfig("p.yaml", text, Environment(), &problems, {.embedded = true});
  FUZZ_CHECK(loaded.has_value() == problems.empty());
  // The input itself may spell the secret; then showing it gives nothing away.
  const bool knows = text.find(kSecret) != std::string_view::npos;
  for (const Problem& problem : problems) {
    FUZZ_CHECK(!problem.what.empty() && !problem.cure.empty());
    FUZZ_CHECK(knows || !Holds(problem.what + problem.cure + problem.subject, kSecret));
  }
  if (!loaded) return;
  const std::string printed = PrintedConfig(*loaded);
  FUZZ_CHECK(knows || !Holds(printed, kSecret));
  const std::optional<LoadedConfig> again =
      ReadConfig("p.yaml", printed, Environment(), &problems, {.embedded = true});
  if (!again) {
    // Only a secret that the config itself spelt out can't be loaded again.
    for (const Problem& problem : problems) FUZZ_CHECK(Holds(problem.what, "--print-config"));
    return;
  }
  FUZZ_CHECK(Written(*again) == Written(*loaded));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckReading(text);
  // Most inputs lack what is required.
  CheckReading("source.topic: t\nrules: r\n" + std::string(text));
  return 0;
}
