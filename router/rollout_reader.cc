#include "router/rollout_reader.h"

#include <optional>
#include <string_view>

#include "router/node_checks.h"

namespace turnout::router {
namespace {

constexpr std::string_view kKeys[] = {"percent", "mode"};
constexpr std::string_view kExample = "rollout: {percent: 10, mode: live}";

}  // namespace

Rollout ReadRollout(const Node& node, std::vector<Problem>* problems) {
  Rollout rollout;
  if (!CheckObject(node, "rollout", kExample, problems)) return rollout;
  CheckKeys(node, kKeys, problems);
  if (const Node* percent = node.Find("percent")) {
    const std::optional<uint32_t> share = ReadPercent(*percent);
    if (!share) {
      problems->push_back({percent->at, "",
                           "`percent` of `rollout` is no number from 0 to 100 with at most two "
                           "decimals",
                           "write the share of keys that is sent, such as `percent: 10`"});
    }
    rollout.share = share.value_or(kAllShares);
  }
  if (const Node* mode = node.Find("mode")) {
    const bool is_text = mode->kind == Node::Kind::kString;
    rollout.is_shadow = is_text && mode->text == "shadow";
    if (!rollout.is_shadow && !(is_text && mode->text == "live")) {
      problems->push_back({mode->at, "", "`mode` of `rollout` is neither `live` nor `shadow`",
                           "write `mode: shadow` to evaluate and count without sending, or leave "
                           "it out"});
    }
  }
  return rollout;
}

}  // namespace turnout::router
