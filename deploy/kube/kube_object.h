// KubeObject: an object of Kubernetes as it came: its JSON, and of its metadata what is asked
// often.
//
// Errors: DataLoss for what is no object, or nested too deep to be read.
// Threads: an ordinary value; pure functions.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace turnout::kube {

// The API server takes no object of more than 1.5 MiB, nor one nested so deep.
inline constexpr int kJsonDepthMax = 1'000;

struct KubeObject {
  std::string namespace_name;  // empty: it is in none
  std::string name;
  std::string uid;
  std::string resource_version;
  std::string json;  // with apiVersion and kind, without managedFields

  // How it is named among objects of its kind.
  std::string Key() const { return namespace_name + "/" + name; }
};

struct KubeList {
  std::vector<KubeObject> items;
  std::string resource_version;  // of the list, for a watch
  std::string next;              // the token of the next page; empty: it was the last
};

// A line of a watch.
struct KubeChange {
  enum class Type { kAdded, kModified, kDeleted, kBookmark };
  Type type = Type::kAdded;
  KubeObject object;  // of a bookmark, its resource_version only
};

// Whether no bracket of `json` is nested deeper than kJsonDepthMax, as whoever walks it by
// recursion needs it.
bool IsShallow(std::string_view json);

absl::StatusOr<KubeObject> ReadKubeObject(std::string_view json);

// Items of a list have no kind of their own; they are given what the list's says.
absl::StatusOr<KubeList> ReadKubeList(std::string_view json);

// The text at these members of an object; empty if there is none.
std::string TextAt(std::string_view json, std::initializer_list<std::string_view> members);

// An ERROR line is an error: as the API server's answer of that code.
absl::StatusOr<KubeChange> ReadKubeChange(std::string_view line);

}  // namespace turnout::kube
