#include "router/event_parser.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "router/event_walk.h"
#include "router/json_string.h"
#include "simdjson.h"

namespace turnout::router {
namespace {

// Positions are 32 bits wide, in simdjson and here.
constexpr size_t kEventBytesMax = size_t{1} << 31;
constexpr size_t kFirstCapacityBytes = 16384;

absl::Status Malformed(size_t offset, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("the event is not valid JSON at byte ", offset, ": ", std::string(what)));
}

// Where the event's outermost brace closes, by brackets and strings alone; npos when it never does.
size_t FindEventEnd(std::string_view text) {
  size_t depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth <= 1) return i + 1;
      --depth;
    }
  }
  return std::string_view::npos;
}

// What the first stage refuses: bad UTF-8, a control character in a string, an open string.
absl::Status DescribeBadText(std::string_view text) {
  const size_t bad_utf8 = FindBadUtf8(text);
  if (bad_utf8 != std::string_view::npos) return Malformed(bad_utf8, "not UTF-8");
  bool in_string = false;
  size_t open = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      in_string = !in_string;
      open = i;
    } else if (in_string && text[i] == '\\') {
      ++i;
    } else if (in_string && static_cast<unsigned char>(text[i]) < 0x20) {
      return Malformed(i, "a raw control character in a string");
    }
  }
  return Malformed(in_string ? open : text.size(), "a string is not closed");
}

}  // namespace

struct EventParser::Structure {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
  size_t capacity = 0;
  std::string closed;  // a copy of a text that the walk could run off the end of

  simdjson::error_code FindStructurals(std::string_view text) {
    if (text.size() > capacity) {
      const size_t wanted = std::max(kFirstCapacityBytes, text.size() + text.size() / 2);
      // The depth only sizes arrays of simdjson's second stage, which is never run.
      const simdjson::error_code error =
          simdjson::get_active_implementation()->create_dom_parser_implementation(wanted, 1,
                                                                                  parser);
      capacity = error == simdjson::SUCCESS ? wanted : 0;
      if (error != simdjson::SUCCESS) return error;
    }
    return parser->stage1(reinterpret_cast<const uint8_t*>(text.data()), text.size(),
                          simdjson::stage1_mode::regular);
  }

  size_t valid = 0;  // structurals of what was found right, and the one behind

  // With the sentinel that stage 1 leaves behind the last index.
  absl::Span<const uint32_t> structurals() const {
    return {parser->structural_indexes.get(), parser->n_structural_indexes + 1};
  }
};

EventParser::EventParser() : structure_(std::make_unique<Structure>()) {}
EventParser::~EventParser() = default;

absl::Span<const uint32_t> EventParser::structurals() const {
  return structure_->valid == 0 ? absl::Span<const uint32_t>()
                                : structure_->structurals().first(structure_->valid);
}

void EventParser::Forget() { structure_->valid = 0; }

absl::Status EventParser::FindStructurals(std::string_view* whole, bool is_data) {
  std::string_view text = *whole;
  structure_->valid = 0;
  if (text.empty()) return Malformed(0, "the payload is empty");
  if (text.size() > kEventBytesMax) return Malformed(kEventBytesMax, "longer than 2 GiB");
  simdjson::error_code error = structure_->FindStructurals(text);
  if (error == simdjson::EMPTY) return Malformed(0, "the payload is empty");
  if (error != simdjson::SUCCESS && error != simdjson::MEMALLOC) {
    // What is wrong may lie behind the event's end, where nothing matters.
    const size_t end = FindEventEnd(text);
    if (end >= text.size()) return DescribeBadText(text);
    text = text.substr(0, end);
    error = structure_->FindStructurals(text);
    if (error != simdjson::SUCCESS && error != simdjson::MEMALLOC) return DescribeBadText(text);
  }
  if (error == simdjson::MEMALLOC) {
    return absl::ResourceExhaustedError("not enough memory to parse the event");
  }
  const absl::Span<const uint32_t> structurals = structure_->structurals();
  // Nothing but the event's own closing brace keeps the walk inside of the text, or the data's own
  // closing bracket; where something else comes last, a copy with a NUL behind it does.
  const char last = structurals.size() < 2 ? '\0' : text[structurals[structurals.size() - 2]];
  if (last != '}' && !(is_data && last == ']')) {
    structure_->closed.assign(text);
    text = structure_->closed;
  }
  *whole = text;
  return absl::OkStatus();
}

absl::Status EventParser::Parse(std::string_view text, const FieldTrie& trie,
                                GatheredEvent* event) {
  if (absl::Status found = FindStructurals(&text, false); !found.ok()) return found;
  EventWalk walk(text, structure_->structurals(), trie, event);
  if (!walk.Walk()) return Malformed(walk.error_offset(), walk.error());
  structure_->valid = walk.walked() + 1;
  return absl::OkStatus();
}

absl::Status EventParser::ParseData(std::string_view text, const FieldTrie& trie,
                                    FieldTrie::NodeId node, GatheredEvent* event) {
  if (absl::Status found = FindStructurals(&text, true); !found.ok()) return found;
  EventWalk walk(text, structure_->structurals(), trie, event);
  if (!walk.WalkData(node)) return Malformed(walk.error_offset(), walk.error());
  structure_->valid = walk.walked() + 1;
  return absl::OkStatus();
}

}  // namespace turnout::router
