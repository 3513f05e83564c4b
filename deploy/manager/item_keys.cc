#include "deploy/manager/item_keys.h"

#include <utility>

namespace turnout::manager {
namespace {

constexpr std::string_view kItemPrefix = "item/";
constexpr std::string_view kVersionPrefix = "version/";
constexpr std::string_view kHistoryPrefix = "history/";
constexpr std::string_view kServiceHistoryPrefix = "service_history/";

constexpr size_t kNumberBytes = 8;  // big end first: they sort as numbers

// No name holds it, so that a name and whatever follows sorts before a longer name.
constexpr char kEnd = '\0';

std::string IdKey(std::string_view prefix, const ItemId& id) {
  std::string key(prefix);
  key += id.service;
  key += kEnd;
  key += static_cast<char>('0' + static_cast<int>(id.kind));
  key += id.name;
  return key;
}

}  // namespace

std::string ItemsDirectory(const std::string& directory) {
  return directory + "/" + std::string(kItemsDirectory);
}

std::string ChangeKey(int64_t number) { return NumberedKey(std::string(kChangePrefix), number); }

std::string ItemKey(const ItemId& id) { return IdKey(kItemPrefix, id); }

std::string ServiceKey(std::string_view service) {
  return std::string(kServicePrefix) + std::string(service);
}

std::string ItemsPrefix(std::string_view service, std::optional<ItemKind> kind) {
  if (service.empty()) return std::string(kItemPrefix);
  std::string prefix = IdKey(
      kItemPrefix, {.service = std::string(service), .kind = kind.value_or(ItemKind::kRules)});
  if (!kind) prefix.pop_back();
  return prefix;
}

std::string VersionsPrefix(const ItemId& id) { return IdKey(kVersionPrefix, id) + kEnd; }

std::string VersionsPrefix(std::string_view service, ItemKind kind) {
  return IdKey(kVersionPrefix, {.service = std::string(service), .kind = kind});
}

std::string HistoryPrefix(const ItemId& id) { return IdKey(kHistoryPrefix, id) + kEnd; }

std::string ServiceHistoryPrefix(std::string_view service) {
  return std::string(kServiceHistoryPrefix) + std::string(service) + kEnd;
}

std::string NumberedKey(std::string prefix, int64_t number) {
  for (size_t i = 0; i < kNumberBytes; ++i) {
    const size_t shift = 8 * (kNumberBytes - 1 - i);
    prefix += static_cast<char>(static_cast<uint64_t>(number) >> shift & 0xff);
  }
  return prefix;
}

int64_t NumberOf(std::string_view key) {
  if (key.size() < kNumberBytes) return 0;
  uint64_t number = 0;
  for (const char byte : key.substr(key.size() - kNumberBytes)) {
    number = number << 8 | static_cast<unsigned char>(byte);
  }
  return static_cast<int64_t>(number);
}

}  // namespace turnout::manager
