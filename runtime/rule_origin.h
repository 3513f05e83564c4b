// RuleOrigin: where the teams' rule files come from: a directory, a config manager's endpoint, a
// compacted topic.
//
// It has versions: all files of a moment with their texts. Whoever takes them keeps what a text
// meant, so that only those that changed are handed over. What the texts hold is nobody's business
// here: RuleShelf compiles them, RuleControl decides.
//
// Errors: none; an origin that is away says so in its status, and brings what it has when it is
//   back.
// Threads: Take on one, status on any. An origin that waits for others does it on a thread of its
//   own, and calls `on_news` there when Take has something new, or the status is another.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "router/document.h"
#include "runtime/rule_loader.h"

namespace turnout::runtime {

struct RuleText {
  // Nullopt: as it was when it was taken last; or, where there are problems, not to be had.
  std::optional<std::string> text;
  std::vector<router::Problem> problems;
};

struct RuleFiles {
  std::map<std::string, RuleText> files;  // by the name that messages call them
  std::vector<RefusedFile> refused;       // what can be no rule file, or the origin as a whole
  bool is_complete = true;                // false: what is not here may be there all the same
};

struct RuleOriginStatus {
  std::string kind;     // "directory", "http", "topic"
  std::string name;     // a path, a URL without its query, a topic
  std::string version;  // in the origin's own words: an ETag, offsets; empty: it has none
  std::string problem;  // why it can't be reached, or what it answers is of no use; empty: nothing
  bool has_answered = false;                      // since the start
  absl::Time last_change = absl::InfinitePast();  // when another version came
};

// "topic shop.rules"; as histories on disk name it.
inline std::string OriginName(const RuleOriginStatus& origin) {
  return origin.kind + " " + origin.name;
}

// For messages: a URL says itself what it is.
inline std::string PlainOriginName(const RuleOriginStatus& origin) {
  return origin.kind == "http" ? origin.name : OriginName(origin);
}

class RuleOrigin {
 public:
  virtual ~RuleOrigin() = default;

  // All files, if they may be others than when they were taken last. Never waits.
  virtual std::optional<RuleFiles> Take(absl::Time now) = 0;

  virtual RuleOriginStatus status() const = 0;
};

// A refused "file" that stands for the whole origin.
inline RefusedFile RefusedOrigin(const std::string& name, std::string what, std::string cure) {
  return {name, {{.what = std::move(what), .cure = std::move(cure)}}};
}

}  // namespace turnout::runtime
