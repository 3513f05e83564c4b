// EventShaper: a validated event's JSON written anew as a ShapePlan wants it.
//
// A second walk over the structural characters that the parser has found, and only over what the
// plan has something to say of: everything else is copied as it stands, escapes, spellings and
// blanks included. Where the plan sets fields' values, a walk before it finds them. What is set
// follows an object's own members, so one walk writes the output from its first byte to its last.
//
// Errors: Result::reason says why there is no output: a field that a template needs is missing, a
//   field that is moved has several values, or the output would be larger than kShapedBytesMax.
// Threads: one shaper a thread. Allocates nothing once warm.
// Lifetime: results live in the arena that they are written to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "router/arena.h"
#include "router/shape_plan.h"

namespace turnout::router {

// Setting a large field in each element of an array could make far more.
inline constexpr size_t kShapedBytesMax = size_t{64} << 20;

class EventShaper {
 public:
  struct Result {
    std::string_view value;   // the shaped JSON; null data(): none
    std::string_view reason;  // a sentence, then
  };

  // `text` begins with a valid JSON object whose structural characters are `structurals`.
  // `given` holds the JSON of the plan's sets of kGiven, by position among its sets.
  Result Shape(const ShapePlan& plan, std::string_view text, absl::Span<const uint32_t> structurals,
               Arena* arena, absl::Span<const std::string_view> given = {});

 private:
  // Where a walk stands: the next structural index.
  using At = const uint32_t*;
  using NodeId = FieldTrie::NodeId;

  // A member's name as it is written between quotes, and as it is meant.
  struct Key {
    std::string_view raw;
    std::string_view name;
    bool has_dot = false;
  };
  // What an object or a value is to the plan; kNoNode: nothing.
  struct Where {
    NodeId path = FieldTrie::kNoNode;
    NodeId place = FieldTrie::kNoNode;
    bool kept = true;
    bool flat = false;
  };
  // What was found at a path that is read.
  struct Found {
    std::string_view text;  // of the first scalar; null data(): none, or null
    bool has_scalar = false;
    At value = nullptr;  // the first value of any kind
    uint32_t values = 0;
  };

  char CharAt(At at) const { return text_[*at]; }
  Key ReadKey(At at);
  static At Behind(At value, const char* text);
  std::string_view Slice(At value, At behind) const;

  void FindReads(At object, NodeId node);
  void FindInValue(At value, NodeId node, bool in_array);
  std::string_view MissingRead(Arena* arena) const;

  At Object(At at, const Where& where);
  At Array(At at, const Where& where);
  At Member(At at, const Where& where, uint64_t object);
  At WriteMember(const Key& key, At value, const Where& where);
  bool FollowPath(const Where& outer, Key* key, Where* inner);
  bool FollowPlace(const Where& outer, const Key& key, Where* inner) const;
  void Rename(const ShapePlan::Path& path, Key* key);

  const std::vector<FieldId>& PlacesIn(NodeId place) const;
  void WritePlaces(const Where& where, uint64_t object);
  void WritePlace(FieldId place, bool flat);
  void WriteSet(const ShapePlan::Place& place, bool flat);
  bool HasValue(FieldId place) const;

  void Put(std::string_view bytes);
  void PutComma();
  void PutKey(std::string_view raw, std::string_view more, bool flat);
  // A flat object's members begin with its name; the length to go back to.
  size_t Enter(std::string_view name);
  std::string_view FlatName(const Key& key);

  // Of the event at hand.
  const ShapePlan* plan_ = nullptr;
  absl::Span<const std::string_view> given_;
  const char* text_ = nullptr;
  bool has_escapes_ = false;
  bool too_large_ = false;
  Arena* arena_ = nullptr;

  // Kept for their capacity.
  std::string out_;
  std::string prefix_;  // of a flat object's names
  std::string joined_;
  std::vector<Found> found_;      // by FieldId in `reads`
  std::vector<uint64_t> met_in_;  // by FieldId in `places`: the object that has it already
  uint64_t objects_ = 0;
};

}  // namespace turnout::router
