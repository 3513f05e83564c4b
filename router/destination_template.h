// DestinationTemplate: where a rule sends, a topic name in which `{field.path}` takes that field's
// value; and the two questions asked of such names: would Kafka take it, may this team write it.
//
// Threads: pure functions over ordinary values.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace turnout::router {

inline constexpr size_t kTopicNameBytesMax = 249;   // Kafka's own bound
inline constexpr size_t kFieldPathBytesMax = 1024;  // of a path in a template or a record key

struct DestinationTemplate {
  std::string text;  // as written
  // Literal text and field paths by turns, beginning and ending with a literal (possibly empty):
  // `a-{x}-b` is literals {"a-", "-b"}, fields {"x"}.
  std::vector<std::string> literals;
  std::vector<std::string> fields;
  bool is_constant() const { return fields.empty(); }
};

// InvalidArgument: the message says what is wrong with the text, as far as that can be known
// without an event: a name that Kafka refuses, a brace without its other, a bad field path.
absl::StatusOr<DestinationTemplate> ParseDestinationTemplate(std::string_view text);

// Why Kafka would refuse `name` as a topic, as the end of a sentence ("is longer than 249 bytes");
// empty when it would not.
std::string_view TopicNameFault(std::string_view name);

// Why `path` is not a dotted field path, as the end of a sentence; empty when it is one.
std::string_view FieldPathFault(std::string_view path);

// `*` in a glob stands for any run of characters, the empty one too; all else for itself.
bool GlobMatches(std::string_view glob, std::string_view name);

// Whether some value of its fields could bring `destination` within `glob`, judged by how both
// begin and end: false is certain, true is to be asked again of each event's name.
bool GlobCanMatch(std::string_view glob, const DestinationTemplate& destination);

// Whether all values would, as far as it is easily seen: for leaving out the check an event.
bool GlobAlwaysMatches(std::string_view glob, const DestinationTemplate& destination);

}  // namespace turnout::router
