// RuleSet: every team's rules, compiled together, immutable, named by the hash of their content.
//
// Threads: immutable; shared by all workers, swapped whole.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "router/matcher.h"
#include "router/rule_file.h"

namespace turnout::router {

using RuleIndex = uint32_t;

struct RuleInfo {
  std::string id;    // "team/name"
  std::string team;
  std::string name;
};

class RuleSet {
 public:
  // Teams in any order; the result doesn't depend on it. Team names are unique (the caller has
  // refused the second file of a team).
  static std::shared_ptr<const RuleSet> Build(std::vector<RuleFile> teams);
  ~RuleSet();

  // 16 hex digits; equal content, equal hash, on every machine.
  const std::string& hash() const;
  // In the order of RuleIndex, sorted by id.
  const std::vector<RuleInfo>& rules() const;
  // Every constant destination with the teams that write it, sorted.
  struct Destination {
    std::string topic;
    std::vector<std::string> teams;
  };
  const std::vector<Destination>& destinations() const;

 private:
  friend class Router;
  struct Impl;
  explicit RuleSet(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace turnout::router
