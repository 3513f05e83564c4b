// Rollout: how much of what a rule comes to is sent: a share of keys, or nothing at all, in shadow.
//
// The steps of a rule see all of its matches whatever its rollout says, so a larger share adds
// records and changes none. The share is chosen by the hash of the output's record key, which names
// the rule, too: the shares of two rules have nothing to do with each other, those of one rule's
// versions lie within each other.
//
// Units: shares in hundredths of a percent. Threads: values and pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "router/percent.h"
#include "router/text_hash.h"

namespace turnout::router {

class ContentHash;

struct Rollout {
  uint32_t share = kAllShares;
  bool is_shadow = false;  // evaluated and counted, nothing sent

  // Whether it leaves the rule as it is without one.
  bool is_full() const { return share == kAllShares && !is_shadow; }
};

// A rule's rollout as it is followed.
struct RolloutPlan {
  uint32_t share = kAllShares;
  bool is_shadow = false;
  uint64_t hash = kTextHashStart;  // of the rule's id and a blank

  // Whether records of that key are in the share.
  bool Takes(std::string_view key) const {
    return FinishTextHash(AddToTextHash(hash, key)) % kAllShares < share;
  }
};

RolloutPlan PlanRollout(const Rollout& rollout, std::string_view team, std::string_view rule);

// Adds all that decides what it does; nothing where it leaves the rule as it is.
void HashRollout(const Rollout& rollout, ContentHash* hash);

}  // namespace turnout::router
