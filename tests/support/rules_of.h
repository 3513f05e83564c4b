// Rules from text, for tests of what is done with them: a problem in the text fails the test.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "router/rule_file.h"
#include "router/rule_set.h"

namespace turnout::support {

inline router::Team TeamOf(std::string_view text) {
  std::vector<router::Problem> problems;
  std::optional<router::RuleFile> file = router::ReadRuleFile("rules.yaml", text, {}, &problems);
  for (const router::Problem& problem : problems) {
    ADD_FAILURE() << problem.subject << ": " << problem.what;
  }
  return std::make_shared<const router::RuleFile>(file.has_value() ? *std::move(file)
                                                                   : router::RuleFile{});
}

// A rule set of these teams' files.
inline std::shared_ptr<const router::RuleSet> RuleSetOf(
    const std::vector<std::string_view>& texts) {
  std::vector<router::Team> teams;
  for (const std::string_view text : texts) teams.push_back(TeamOf(text));
  return router::RuleSet::Build(std::move(teams));
}

}  // namespace turnout::support
