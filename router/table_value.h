// TableValueReader: the bytes of a table's record as the JSON that `enrich` puts into an event.
//
// JSON stays as it is written, blanks before and after it aside. Other text becomes a JSON string,
// so that a table of plain words is as good as one of objects. What is neither can't be put into an
// event.
//
// Threads: one reader a thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "router/event_parser.h"
#include "router/field_trie.h"
#include "router/gathered_event.h"

namespace turnout::router {

class TableValueReader {
 public:
  // Nullopt: neither JSON nor valid UTF-8. JSON that is nested too deeply to be read is text. Valid
  // until the next call.
  std::optional<std::string_view> Read(std::string_view bytes);

 private:
  bool IsOneJsonValue(std::string_view text);

  std::string text_;
  EventParser parser_;
  GatheredEvent gathered_;
  const FieldTrie no_fields_;
};

}  // namespace turnout::router
