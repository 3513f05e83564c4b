#include "runtime/config.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "absl/strings/str_format.h"
#include "runtime/config_reader.h"
#include "runtime/config_values.h"

namespace turnout::runtime {
namespace {

std::optional<std::string> ReadSmallFile(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             &std::fclose);
  if (file == nullptr) return std::nullopt;
  std::string content(kConfigFileBytesMax + 1, '\0');
  content.resize(std::fread(content.data(), 1, content.size(), file.get()));
  if (std::ferror(file.get()) != 0 || content.size() > kConfigFileBytesMax) return std::nullopt;
  return content;
}

// Of what a printed value came from; it ends at the line's end, whatever a file's name holds.
std::string Comment(const ConfigValue& value) {
  std::string out = "  # ";
  for (char c : value.source) out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  if (value.value == "[secret]") out += " [secret]";
  return out;
}

}  // namespace

ConfigEnvironment RealEnvironment() {
  ConfigEnvironment environment;
  environment.variable = [](const std::string& name) -> std::optional<std::string> {
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
  environment.file = ReadSmallFile;
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) == 0) environment.host_name = host.data();
  return environment;
}

std::optional<LoadedConfig> ReadConfig(std::string_view file_name, std::string_view text,
                                       const ConfigEnvironment& environment,
                                       std::vector<router::Problem>* problems,
                                       const ConfigOverrides& overrides) {
  return ConfigReader(file_name, environment, overrides, problems).Read(text);
}

std::string PrintedConfig(const LoadedConfig& loaded) {
  std::string out;
  for (const ConfigValue& value : loaded.values) {
    // A default that shows a secret is made again from what it was made of.
    if (value.written.empty() && value.value == "[secret]") {
      out += absl::StrFormat("# %s: [secret]%s\n", value.key, Comment(value));
      continue;
    }
    out += absl::StrFormat("%s: %s%s\n", value.key, value.written, Comment(value));
  }
  return out;
}

}  // namespace turnout::runtime
