// Item: what the config manager holds: a rule file, a team's tests, a pipeline, a value, a secret.
//
// An item belongs to a service (a namespace: the routers of one pipeline) and is known by its kind
// and name. As a text an id is `service/kind/name`, which is also its place in URLs and its stable
// id for whoever keeps infrastructure as code.
//
//   kind       name            text
//   rules      the team        the team's rule file, YAML or JSON (router/README.md)
//   tests      the team        its test cases (runtime/README.md)
//   pipeline   of the pipeline a pipeline's config, YAML
//   config     of the value    the value, of the type in `type`
//   secret     of the secret   sealed (state/envelope.h): nobody reads it here
//   settings   `service`       who may do what in the service, JSON (settings.h)
//
// Errors: InvalidArgument, naming the part at fault and what may stand there.
// Threads: ordinary values, pure functions.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace turnout::manager {

enum class ItemKind { kRules, kTests, kPipeline, kConfig, kSecret, kSettings };
inline constexpr std::array<std::string_view, 6> kItemKindNames = {"rules",  "tests",  "pipeline",
                                                                   "config", "secret", "settings"};

inline constexpr std::string_view kSettingsName = "service";  // the one item of its kind

inline constexpr size_t kItemNameBytesMax = 100;          // of a service, of an item
inline constexpr size_t kItemTextBytesMax = 16u << 20;    // of a rule file
inline constexpr size_t kValueTextBytesMax = 256u << 10;  // of every other item

struct ItemId {
  std::string service;
  ItemKind kind = ItemKind::kRules;
  std::string name;

  auto operator<=>(const ItemId&) const = default;
  std::string ToString() const;  // "checkout/rules/fraud"
};

// What a version of an item says.
struct ItemContent {
  std::string text;
  std::string type;                   // of a config value: string, number, boolean, json
  std::vector<std::string> bound_to;  // of a secret: the service accounts it is given to; sorted

  bool operator==(const ItemContent&) const = default;
};

struct Item {
  ItemId id;
  ItemContent content;
  int64_t version = 0;  // the number of the change that wrote it; its ETag is "version"
};

std::string_view KindName(ItemKind kind);
absl::StatusOr<ItemKind> ReadItemKind(std::string_view name);

// A name is 1 to kItemNameBytesMax of a-z, A-Z, 0-9, `.`, `_` and `-`, and begins with a letter
// or digit: it is safe in URLs, in paths and in Kubernetes' annotations.
absl::Status CheckItemName(std::string_view what, std::string_view name);

// The service, the kind and the name are checked.
absl::StatusOr<ItemId> ReadItemId(std::string_view text);

// That this content may stand under this id: sizes, text that is UTF-8 without NUL, a value that
// is of its type, what only some kinds have. Not whether rules compile: publish_check.h.
absl::Status CheckItemContent(const ItemId& id, const ItemContent& content);

}  // namespace turnout::manager
