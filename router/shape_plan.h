// ShapePlan: a `shape` compiled: what is to become of each path, for EventShaper to follow.
//
// Three tries. `paths` holds the event's paths that keep, drop and rename name, `places` the
// output's paths that are set, `reads` the event's paths whose values are set somewhere. Every
// prefix of a path is a field of its trie, so that a node's FieldId finds what is known of it.
//
// A rename within one object is an action of `paths`; one to another place is a path that is taken
// out and a place that is set.
//
// Threads: immutable; shared by the rules that are shaped alike.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "router/field_trie.h"
#include "router/shape_spec.h"

namespace turnout::router {

struct ShapePlan {
  static constexpr uint32_t kNoSet = UINT32_MAX;

  struct Path {
    bool keep = false;
    bool drop = false;          // with all below it
    bool taken_out = false;     // exactly this: it is set in another place
    bool keeps_below = false;   // some path below it is kept
    std::string new_name;       // of its last step; empty: its own
    std::string new_name_json;  // the same as JSON between quotes
  };
  struct Place {
    std::string name;             // the path's last step, as JSON between quotes
    uint32_t set = kNoSet;        // position in `sets`; kNoSet: places are within it
    std::vector<FieldId> within;  // in the order in which they were written
  };
  struct Set {
    ShapeSet::Kind kind = ShapeSet::Kind::kConstant;
    std::string path;
    std::string constant;
    bool is_object = false;
    std::vector<std::pair<std::string, std::string>> members;
    std::vector<std::string> literals;  // as JSON between quotes
    std::vector<FieldId> fields;        // in `reads`
    bool only_value = false;            // several values can't be moved: there is room for one
  };

  // The same for shapes that do the same.
  std::string text;
  bool keeps_all = true;
  bool flatten = false;
  std::string separator;
  FieldTrie paths;
  std::vector<Path> path_of;  // by FieldId
  FieldTrie places;
  std::vector<Place> place_of;  // by FieldId
  std::vector<FieldId> top_places;
  FieldTrie reads;
  std::vector<std::string> read_paths;  // by FieldId
  std::vector<Set> sets;
};

std::shared_ptr<const ShapePlan> CompileShape(const ShapeSpec& spec);

}  // namespace turnout::router
