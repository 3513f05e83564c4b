// Where an ItemStore keeps what it has: the keys of its DocumentStore.
//
// Keys of one kind sort as what they name does: items by id, changes by number.
//
//   format                      what wrote it (kItemsFormat)
//   change/ NUMBER              the change as JSON, its edits without contents
//   item/ ID                    the newest version, as a change of this one edit; none if deleted
//   version/ ID NUMBER          every version, the same; a deletion is an edit without content
//   history/ ID NUMBER          nothing: an item's changes
//   service_history/ S NUMBER   nothing: a service's changes
//   service/ S                  nothing: services that have ever had an item
//
// The DocumentStore is kItemsDirectory below the directory of the ItemStore, so that beside it is
// room for what is made aside. Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "deploy/manager/item.h"

namespace turnout::manager {

inline constexpr std::string_view kItemsDirectory = "items";
inline constexpr std::string_view kItemsFormatKey = "format";
inline constexpr std::string_view kItemsFormat = "turnout items 1";
inline constexpr std::string_view kChangePrefix = "change/";
inline constexpr std::string_view kServicePrefix = "service/";

std::string ItemsDirectory(const std::string& directory);

std::string ChangeKey(int64_t number);
std::string ItemKey(const ItemId& id);
std::string ServiceKey(std::string_view service);

// What keys of these begin with; `kind` none: all of the service, `service` empty: all.
std::string ItemsPrefix(std::string_view service, std::optional<ItemKind> kind);
std::string VersionsPrefix(const ItemId& id);
// Of all versions of the service's items of that kind.
std::string VersionsPrefix(std::string_view service, ItemKind kind);
std::string HistoryPrefix(const ItemId& id);
std::string ServiceHistoryPrefix(std::string_view service);

// `prefix` and the number behind it.
std::string NumberedKey(std::string prefix, int64_t number);
// That number; 0 for a key that has none.
int64_t NumberOf(std::string_view key);

}  // namespace turnout::manager
