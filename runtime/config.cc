#include "runtime/config.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "absl/strings/str_format.h"
#include "runtime/config_reader.h"
#include "runtime/config_values.h"

namespace turnout::runtime {
namespace {

using FileHandle = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

FileHandle OpenFile(const std::string& path) {
  return {std::fopen(path.c_str(), "rbe"), &std::fclose};
}

// One byte over the limit tells that there is more, however much that is.
std::optional<std::string> ReadUpToLimit(std::FILE* file) {
  std::string content(kConfigFileBytesMax + 1, '\0');
  content.resize(std::fread(content.data(), 1, content.size(), file));
  if (std::ferror(file) != 0) return std::nullopt;
  return content;
}

std::optional<std::string> ReadSmallFile(const std::string& path) {
  const FileHandle file = OpenFile(path);
  if (file == nullptr) return std::nullopt;
  std::optional<std::string> content = ReadUpToLimit(file.get());
  if (content && content->size() > kConfigFileBytesMax) return std::nullopt;
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

absl::StatusOr<std::string> ReadConfigFile(const std::string& path) {
  const auto unreadable = [](std::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrFormat("can't be read: %s (name a pipeline.yaml with --config)", why));
  };
  const FileHandle file = OpenFile(path);
  if (file == nullptr) return unreadable(std::strerror(errno));
  struct stat facts = {};
  if (fstat(fileno(file.get()), &facts) != 0) return unreadable(std::strerror(errno));
  if (S_ISDIR(facts.st_mode)) return unreadable("it is a directory");
  if (!S_ISREG(facts.st_mode) && !S_ISFIFO(facts.st_mode)) {
    return unreadable("it is neither a file nor a pipe");
  }
  std::optional<std::string> text = ReadUpToLimit(file.get());
  if (!text) return unreadable(std::strerror(errno));
  return *std::move(text);
}

std::optional<LoadedConfig> ReadConfig(std::string_view file_name, std::string_view text,
                                       const ConfigEnvironment& environment,
                                       std::vector<router::Problem>* problems,
                                       const ConfigOverrides& overrides) {
  return ConfigReader(file_name, environment, overrides, problems).Read(text);
}

std::optional<Config::Limits> ReadConfigLimits(std::string_view file_name, std::string_view text,
                                               const ConfigEnvironment& environment,
                                               std::vector<router::Problem>* problems) {
  return ConfigReader(file_name, environment, {}, problems).ReadLimits(text);
}

std::optional<state::S3Options> ReadConfigS3(std::string_view file_name, std::string_view text,
                                             const ConfigEnvironment& environment,
                                             std::vector<router::Problem>* problems) {
  return ConfigReader(file_name, environment, {}, problems).ReadS3(text);
}

std::optional<router::StateSettings> ReadConfigTime(std::string_view file_name,
                                                    std::string_view text,
                                                    const ConfigEnvironment& environment,
                                                    std::vector<router::Problem>* problems) {
  return ConfigReader(file_name, environment, {}, problems).ReadTime(text);
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
