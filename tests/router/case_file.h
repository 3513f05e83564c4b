// CaseFile: test cases kept as JSON lines in tests/router/data.
#pragma once

#include <fstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "router/document.h"

namespace turnout::router {

// Every line of the file as a Node; a file that is missing, empty or malformed fails the test.
inline std::vector<Node> ReadCases(const std::string& file_name) {
  const std::string path = std::string(TURNOUT_SOURCE_DIR) + "/tests/router/data/" + file_name;
  std::ifstream file(path);
  std::vector<Node> cases;
  for (std::string line; std::getline(file, line);) {
    std::vector<Problem> problems;
    std::optional<Node> node = ParseJson(line, &problems);
    if (node) {
      cases.push_back(*std::move(node));
    } else {
      ADD_FAILURE() << path << ": line " << cases.size() + 1 << ": " << problems[0].what;
    }
  }
  EXPECT_FALSE(cases.empty()) << path;
  return cases;
}

// The text of a member, or an empty string when there is none.
inline std::string TextOf(const Node& node, std::string_view name) {
  const Node* member = node.Find(name);
  return member == nullptr ? "" : member->text;
}

}  // namespace turnout::router
