#include "runtime/replay_worker.h"

#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

TEST(ReplayWorker, GivesAnEventUpAfterAsManyTriesAsARouter) {
  Config config;
  config.limits.event_tries_max = 7;
  EXPECT_EQ(ReplayWorkerOptions(config, "week", false).event_tries_max, 7);
}

TEST(ReplayWorker, SetsAsideWhatATableLacksAndParksNothing) {
  Config config;
  config.parking_topic = "parked";
  EXPECT_EQ(ReplayWorkerOptions(config, "week", true).parking_topic, "parked");
  EXPECT_EQ(ReplayWorkerOptions(config, "week", true).parked, nullptr);
  EXPECT_EQ(ReplayWorkerOptions(config, "week", false).parking_topic, "");
}

TEST(ReplayWorker, NamesItsJobInWhatItSends) {
  EXPECT_EQ(ReplayWorkerOptions({}, "week", false).replay_job, "week");
}

}  // namespace
}  // namespace turnout::runtime
