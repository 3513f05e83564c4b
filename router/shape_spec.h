// ShapeSpec: a rule's `shape` as it was written and found right: what to keep, drop, rename and set
// in an event's JSON, and whether to flatten it. What each of them means is in router/README.md.
//
// Threads: ordinary values.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace turnout::router {

// A value of the output's own.
struct ShapeSet {
  enum class Kind {
    kConstant,  // `constant`
    kTemplate,  // a string: literals and fields' texts by turns
    kField,     // fields[0]'s value as it is
    kGiven,     // what comes with each event, of `enrich`; never written in a `shape`
  };
  std::string path;
  Kind kind = Kind::kConstant;
  std::string constant;  // JSON without blanks
  // A constant that is an object, for a shape that flattens: what follows the path's own name, and
  // the JSON of it.
  bool is_object = false;
  std::vector<std::pair<std::string, std::string>> members;
  // As in a DestinationTemplate: one literal more than fields.
  std::vector<std::string> literals;
  std::vector<std::string> fields;
};

struct ShapeSpec {
  std::vector<std::string> keep;  // empty: everything
  std::vector<std::string> drop;
  std::vector<std::pair<std::string, std::string>> renames;  // old path, new path
  std::vector<ShapeSet> sets;
  bool flatten = false;
  std::string separator;
};

}  // namespace turnout::router
