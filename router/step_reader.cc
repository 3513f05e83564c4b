#include "router/step_reader.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "router/node_checks.h"
#include "router/sample.h"
#include "router/suggest.h"

namespace turnout::router {
namespace {

constexpr std::string_view kSampleKeys[] = {"key", "percent"};
constexpr std::string_view kStepNames[] = {"sample", "dedup", "throttle", "threshold", "aggregate"};

class StepReader {
 public:
  StepReader(int steps_max, std::vector<Problem>* problems)
      : steps_max_(steps_max), problems_(problems) {}

  void ReadSteps(const Node& node, std::vector<Step>* steps);

 private:
  void Add(Position at, std::string what, std::string cure) {
    problems_->push_back({at, "", std::move(what), std::move(cure)});
  }
  void ReadStep(const Node& node, std::vector<Step>* steps);
  void ReadSample(const Node& node, std::vector<Step>* steps);

  const int steps_max_;
  std::vector<Problem>* const problems_;
};

// False: not a number from 0 to 100 of at most two decimals.
bool ReadPercent(const Node& node, uint32_t* share) {
  const std::string_view text = node.text;
  const size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  const std::string_view decimals = text.substr(std::min(point + 1, text.size()));
  const auto are_digits = [](std::string_view digits) {
    return std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (node.kind != Node::Kind::kNumber || whole.empty() || whole.size() > 3 ||
      decimals.size() > 2 || !are_digits(whole) || !are_digits(decimals)) {
    return false;
  }
  uint32_t value = 0;
  for (const char c : whole) value = value * 10 + static_cast<uint32_t>(c - '0');
  for (size_t i = 0; i < 2; ++i) {
    value = value * 10 + (i < decimals.size() ? static_cast<uint32_t>(decimals[i] - '0') : 0);
  }
  *share = value;
  return value <= kSampleShares;
}

void StepReader::ReadSample(const Node& node, std::vector<Step>* steps) {
  if (!CheckObject(node, "sample", "sample: {key: customer.id, percent: 10}", problems_)) return;
  CheckKeys(node, kSampleKeys, problems_);
  Step step;
  const Node* key = node.Find("key");
  if (key == nullptr || key->kind != Node::Kind::kString) {
    Add(key == nullptr ? node.at : key->at, "`sample` needs a `key`, the path of a field",
        "write it as `sample: {key: customer.id, percent: 10}`");
  } else if (CheckPath(key->at, key->text, "key", problems_)) {
    step.key_field = key->text;
  }
  const Node* percent = node.Find("percent");
  if (percent == nullptr || !ReadPercent(*percent, &step.share)) {
    Add(percent == nullptr ? node.at : percent->at,
        "`sample` needs a `percent`, a number from 0 to 100 with at most two decimals",
        "write it as `sample: {key: customer.id, percent: 12.5}`");
  }
  steps->push_back(std::move(step));
}

void StepReader::ReadStep(const Node& node, std::vector<Step>* steps) {
  if (node.kind != Node::Kind::kObject || node.members.size() != 1) {
    Add(node.at, "a step must be an object with the step's name as its one key",
        "write it as `- sample: {key: customer.id, percent: 10}`");
    return;
  }
  const Member& member = node.members[0];
  if (member.name == "sample") return ReadSample(member.value, steps);
  const bool is_known =
      std::find(std::begin(kStepNames), std::end(kStepNames), member.name) != std::end(kStepNames);
  if (is_known) {
    Add(member.at, absl::StrFormat("the step `%s` is not in this version of Turnout", member.name),
        "remove the rule, or run a version that has it; `sample` is the only step here");
  } else {
    Add(member.at, absl::StrFormat("unknown step %s", Quoted(member.name)),
        NearestNameCure(member.name, kStepNames));
  }
}

void StepReader::ReadSteps(const Node& node, std::vector<Step>* steps) {
  if (node.kind != Node::Kind::kArray || node.items.empty()) {
    Add(node.at, "`steps` must be a list of at least one step",
        "write it as `steps: [{ sample: { key: customer.id, percent: 10 } }]`");
    return;
  }
  if (node.items.size() > static_cast<size_t>(steps_max_)) {
    Add(node.at,
        absl::StrFormat("there are %d steps, more than steps_max, %d", node.items.size(),
                        steps_max_),
        "split the rule");
    return;
  }
  for (const Node& item : node.items) ReadStep(item, steps);
}

}  // namespace

std::vector<Step> ReadSteps(const Node& node, int steps_max, std::vector<Problem>* problems) {
  std::vector<Step> steps;
  StepReader(steps_max, problems).ReadSteps(node, &steps);
  return steps;
}

}  // namespace turnout::router
