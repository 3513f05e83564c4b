#include "runtime/config_names.h"

#include <algorithm>

#include "router/suggest.h"
#include "runtime/config_table.h"

namespace turnout::runtime {
namespace {

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

std::string_view LastPart(std::string_view key) { return key.substr(SectionOf(key).size()); }

}  // namespace

bool IsSection(std::string_view key) {
  if (key == "kafka" || key == "tables") return true;
  return std::any_of(ConfigFields().begin(), ConfigFields().end(), [&](const ConfigField& field) {
    return field.key.size() > key.size() && StartsWith(field.key, key) &&
           field.key[key.size()] == '.';
  });
}

std::string_view SectionOf(std::string_view key) {
  const size_t dot = key.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : key.substr(0, dot + 1);
}

std::vector<std::string_view> NamesBeside(std::string_view key) {
  const std::string_view section = SectionOf(key);
  std::vector<std::string_view> names;
  for (const ConfigField& field : ConfigFields()) {
    if (!StartsWith(field.key, section)) continue;
    const std::string_view rest = field.key.substr(section.size());
    const std::string_view name = rest.substr(0, rest.find('.'));
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  if (section.empty()) {
    names.push_back("tables");
    names.push_back("kafka");
  }
  return names;
}

std::string NearestKey(std::string_view key) {
  const std::vector<std::string_view> beside = NamesBeside(key);
  const std::string_view sibling = router::NearestName(LastPart(key), beside);
  if (!sibling.empty()) return std::string(SectionOf(key)) + std::string(sibling);
  std::vector<std::string_view> keys;
  for (const ConfigField& field : ConfigFields()) keys.push_back(field.key);
  const std::string_view near = router::NearestName(key, keys);
  if (!near.empty()) return std::string(near);
  for (std::string_view known : keys) {
    if (LastPart(known) == LastPart(key)) return std::string(known);
  }
  return {};
}

}  // namespace turnout::runtime
