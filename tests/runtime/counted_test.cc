#include "runtime/counted.h"

#include <gtest/gtest.h>

namespace turnout::runtime {
namespace {

TEST(CountedTest, OnlyOneIsSingular) {
  EXPECT_EQ(Counted(0, "event"), "0 events");
  EXPECT_EQ(Counted(1, "event"), "1 event");
  EXPECT_EQ(Counted(2, "dead letter"), "2 dead letters");
}

}  // namespace
}  // namespace turnout::runtime
