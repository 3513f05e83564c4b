#include "router/document.h"

#include "gtest/gtest.h"

namespace turnout::router {
namespace {

TEST(Document, FindAnswersTheLastOfDuplicateMembers) {
  Node object{.kind = Node::Kind::kObject};
  object.members.push_back({.name = "a", .value = {.kind = Node::Kind::kNumber, .text = "1"}});
  object.members.push_back({.name = "a", .value = {.kind = Node::Kind::kNumber, .text = "2"}});
  ASSERT_NE(object.Find("a"), nullptr);
  EXPECT_EQ(object.Find("a")->text, "2");
  EXPECT_EQ(object.Find("b"), nullptr);
}

}  // namespace
}  // namespace turnout::router
