#include "router/step_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "router/duration.h"
#include "router/node_checks.h"
#include "router/number.h"
#include "router/percent.h"
#include "router/suggest.h"

namespace turnout::router {
namespace {

constexpr std::string_view kStepNames[] = {"sample", "dedup", "throttle", "threshold", "aggregate"};
constexpr std::string_view kSampleKeys[] = {"key", "percent"};
constexpr std::string_view kDedupKeys[] = {"key", "for"};
constexpr std::string_view kThrottleKeys[] = {"key", "limit", "per"};
constexpr std::string_view kThresholdKeys[] = {"key",      "count",  "sum", "distinct",
                                               "at_least", "within", "emit"};
constexpr std::string_view kAggregateKeys[] = {"key", "window", "slide", "emit", "fields"};
constexpr std::string_view kFeatureMeasures[] = {"sum", "min", "max", "avg", "distinct"};
// What every record of an aggregate begins with.
constexpr std::string_view kOwnNames[] = {"key", "window_start_ms", "window_end_ms"};
constexpr std::string_view kMeasureNames[] = {"count", "sum", "distinct"};

constexpr std::string_view kSampleExample = "sample: {key: customer.id, percent: 12.5}";
constexpr std::string_view kDedupExample = "dedup: {key: order.id, for: 1h}";
constexpr std::string_view kThrottleExample = "throttle: {key: user.id, limit: 5, per: 10m}";
constexpr std::string_view kThresholdExample = "threshold: {key: card, count: 5, within: 10m}";
constexpr std::string_view kAggregateExample =
    "aggregate: {key: user.id, window: 1h, fields: {payments: count, total: {sum: amount}}}";

class StepReader {
 public:
  StepReader(int steps_max, std::vector<Problem>* problems)
      : steps_max_(steps_max), problems_(problems) {}

  void ReadSteps(const Node& node, std::vector<Step>* steps);

 private:
  void Add(Position at, std::string what, std::string cure) {
    problems_->push_back({at, "", std::move(what), std::move(cure)});
  }
  void ReadStep(const Node& node, bool is_last, std::vector<Step>* steps);
  void ReadSample(const Node& node, Step* step);
  void ReadDedup(const Node& node, Step* step);
  void ReadThrottle(const Node& node, Step* step);
  void ReadThreshold(const Node& node, Step* step);
  void ReadAggregate(const Member& member, bool is_last, Step* step);
  void ReadFeatures(const Node& node, Step* step);
  void ReadFeature(const Node& node, Feature* feature);
  void ReadMeasure(const Node& node, std::string_view name, Step* step);

  // Whether the node is an object with none but these keys, which a message shows an example of.
  bool Begin(const Node& node, std::string_view name, absl::Span<const std::string_view> keys,
             std::string_view example);
  void NeedKey(const Node& node, Step* step);
  // Appends what was missing or wrong, and answers null, or the node of `key`.
  const Node* Need(const Node& node, std::string_view key, std::string_view what);
  std::optional<std::string> ReadPath(const Node& node, std::string_view key);
  int64_t NeedDuration(const Node& node, std::string_view key);
  // From 1 to `max`; 0 after a Problem.
  uint32_t ReadCount(const Node& node, std::string_view key, uint32_t max,
                     std::string_view max_name);
  // Whether `emit` is there and the second of two words.
  bool ReadEmit(const Node& node, std::string_view by_default, std::string_view other);

  const int steps_max_;
  std::vector<Problem>* const problems_;
  std::string_view name_;     // of the step at hand
  std::string_view example_;  // of it
};

bool StepReader::Begin(const Node& node, std::string_view name,
                       absl::Span<const std::string_view> keys, std::string_view example) {
  name_ = name;
  example_ = example;
  if (!CheckObject(node, name, example, problems_)) return false;
  CheckKeys(node, keys, problems_);
  return true;
}

const Node* StepReader::Need(const Node& node, std::string_view key, std::string_view what) {
  const Node* found = node.Find(key);
  if (found == nullptr) {
    Add(node.at, absl::StrFormat("`%s` needs `%s`, %s", name_, key, what),
        absl::StrFormat("write it as `%s`", example_));
  }
  return found;
}

std::optional<std::string> StepReader::ReadPath(const Node& node, std::string_view key) {
  if (node.kind != Node::Kind::kString) {
    Add(node.at, absl::StrFormat("`%s` needs `%s`, the path of a field", name_, key),
        absl::StrFormat("write it as `%s`", example_));
    return std::nullopt;
  }
  if (!CheckPath(node.at, node.text, key, problems_)) return std::nullopt;
  return node.text;
}

void StepReader::NeedKey(const Node& node, Step* step) {
  const Node* key = Need(node, "key", "the path of a field");
  if (key != nullptr) step->key_field = ReadPath(*key, "key").value_or("");
}

int64_t StepReader::NeedDuration(const Node& node, std::string_view key) {
  const Node* found = Need(node, key, "a duration such as 10m");
  if (found == nullptr) return 0;
  const std::optional<int64_t> ms =
      found->kind == Node::Kind::kString ? ParseDuration(found->text) : std::nullopt;
  if (!ms) {
    Add(found->at, absl::StrFormat("`%s` of `%s` is not a duration", key, name_),
        "write a whole number and its unit, one of ms, s, m, h and d, such as `10m`");
  } else if (*ms < kStepSpanMsMin || *ms > kStepSpanMsMax) {
    Add(found->at,
        absl::StrFormat("`%s` of `%s` is not between %s and %s", key, name_,
                        DurationText(kStepSpanMsMin), DurationText(kStepSpanMsMax)),
        "write a duration within them, such as `10m`");
  } else {
    return *ms;
  }
  return 0;
}

uint32_t StepReader::ReadCount(const Node& node, std::string_view key, uint32_t max,
                               std::string_view max_name) {
  bool exact = false;
  const double number =
      node.kind == Node::Kind::kNumber ? NearestNumber(node.text, &exact) : std::nan("");
  if (!(number >= 1) || number != std::floor(number)) {
    Add(node.at, absl::StrFormat("`%s` of `%s` is not a whole number from 1 on", key, name_),
        absl::StrFormat("write it as `%s`", example_));
    return 0;
  }
  if (number > max) {
    Add(node.at,
        absl::StrFormat("`%s` of `%s` is %s, more than %s, %d", key, name_, node.text, max_name,
                        max),
        "write less");
    return 0;
  }
  return static_cast<uint32_t>(number);
}

bool StepReader::ReadEmit(const Node& node, std::string_view by_default, std::string_view other) {
  const Node* emit = node.Find("emit");
  if (emit == nullptr) return false;
  if (emit->kind == Node::Kind::kString && emit->text == other) return true;
  if (emit->kind != Node::Kind::kString || emit->text != by_default) {
    Add(emit->at,
        absl::StrFormat("`emit` of `%s` is neither `%s` nor `%s`", name_, by_default, other),
        absl::StrFormat("write one of them; without `emit` it is `%s`", by_default));
  }
  return false;
}

void StepReader::ReadSample(const Node& node, Step* step) {
  if (!Begin(node, "sample", kSampleKeys, kSampleExample)) return;
  NeedKey(node, step);
  const Node* percent = node.Find("percent");
  const std::optional<uint32_t> share = percent == nullptr ? std::nullopt : ReadPercent(*percent);
  step->share = share.value_or(0);
  if (!share) {
    Add(percent == nullptr ? node.at : percent->at,
        "`sample` needs a `percent`, a number from 0 to 100 with at most two decimals",
        absl::StrFormat("write it as `%s`", example_));
  }
}

void StepReader::ReadDedup(const Node& node, Step* step) {
  if (!Begin(node, "dedup", kDedupKeys, kDedupExample)) return;
  NeedKey(node, step);
  step->span_ms = NeedDuration(node, "for");
}

void StepReader::ReadThrottle(const Node& node, Step* step) {
  if (!Begin(node, "throttle", kThrottleKeys, kThrottleExample)) return;
  NeedKey(node, step);
  const Node* limit = Need(node, "limit", "how many events may pass");
  if (limit != nullptr) {
    step->limit = ReadCount(*limit, "limit", kThrottleLimitMax, "kThrottleLimitMax");
  }
  step->span_ms = NeedDuration(node, "per");
}

// What is measured has been said once; from when on it counts is to be read.
void StepReader::ReadMeasure(const Node& node, std::string_view name, Step* step) {
  const Node& measure = *node.Find(name);
  if (name == "count") {
    step->measure = Measure::kCount;
    step->at_least = ReadCount(measure, name, kThresholdItemsMax, "kThresholdItemsMax");
    const Node* at_least = node.Find("at_least");
    if (at_least != nullptr) {
      Add(at_least->at, "`at_least` is for `sum` and `distinct`; `count` is its own number",
          absl::StrFormat("write it as `%s`", example_));
    }
    return;
  }
  step->measure = name == "sum" ? Measure::kSum : Measure::kDistinct;
  example_ = name == "sum" ? "threshold: {key: card, sum: amount, at_least: 1000, within: 1h}"
                           : "threshold: {key: user, distinct: ip, at_least: 4, within: 1h}";
  step->measure_field = ReadPath(measure, name).value_or("");
  const Node* at_least = Need(node, "at_least", "a number");
  if (at_least == nullptr) return;
  if (step->measure == Measure::kDistinct) {
    step->at_least = ReadCount(*at_least, "at_least", kThresholdItemsMax, "kThresholdItemsMax");
    return;
  }
  bool exact = false;
  step->at_least =
      at_least->kind == Node::Kind::kNumber ? NearestNumber(at_least->text, &exact) : std::nan("");
  if (std::isnan(step->at_least)) {
    Add(at_least->at, "`at_least` of `threshold` is not a number that a double holds",
        absl::StrFormat("write it as `%s`", example_));
  } else if (step->at_least <= 0 && !step->emit_every) {
    Add(at_least->at,
        absl::StrFormat("`at_least` of `threshold` is %s, which a sum of nothing has reached: no "
                        "event makes it",
                        at_least->text),
        "write a number above 0, or `emit: every` beside it");
  }
}

void StepReader::ReadThreshold(const Node& node, Step* step) {
  if (!Begin(node, "threshold", kThresholdKeys, kThresholdExample)) return;
  NeedKey(node, step);
  step->span_ms = NeedDuration(node, "within");
  step->emit_every = ReadEmit(node, "crossing", "every");
  std::vector<std::string_view> given;
  for (const std::string_view name : kMeasureNames) {
    if (node.Find(name) != nullptr) given.push_back(name);
  }
  if (given.size() == 1) return ReadMeasure(node, given[0], step);
  Add(node.at, "`threshold` needs exactly one of `count`, `sum` and `distinct`",
      absl::StrFormat("write it as `%s`", example_));
}

// `node` is what one field of the record is made of: `count`, or `{sum: amount}`.
void StepReader::ReadFeature(const Node& node, Feature* feature) {
  if (node.kind == Node::Kind::kString && node.text == "count") return;
  if (node.kind != Node::Kind::kObject || node.members.size() != 1) {
    Add(node.at,
        absl::StrFormat("the field %s is neither `count` nor made of one other field",
                        Quoted(feature->name)),
        "write `count`, or such as `{sum: amount}`");
    return;
  }
  const Member& member = node.members[0];
  const auto name =
      std::find(std::begin(kFeatureMeasures), std::end(kFeatureMeasures), member.name);
  if (name == std::end(kFeatureMeasures)) {
    Add(member.at, absl::StrFormat("unknown measure %s", Quoted(member.name)),
        NearestNameCure(member.name, kFeatureMeasures));
    return;
  }
  constexpr Measure kMeasures[] = {Measure::kSum, Measure::kMin, Measure::kMax, Measure::kAvg,
                                   Measure::kDistinct};
  feature->measure = kMeasures[name - std::begin(kFeatureMeasures)];
  feature->field = ReadPath(member.value, member.name).value_or("");
}

void StepReader::ReadFeatures(const Node& node, Step* step) {
  if (!CheckObject(node, "fields", "fields: {payments: count, total: {sum: amount}}", problems_)) {
    return;
  }
  CheckKeys(node, {}, problems_);
  if (node.members.size() > kFeaturesMax) {
    Add(node.at,
        absl::StrFormat("`fields` has %d entries, more than kFeaturesMax, %d", node.members.size(),
                        kFeaturesMax),
        "split the rule");
    return;
  }
  for (const Member& member : node.members) {
    const auto own = std::find(std::begin(kOwnNames), std::end(kOwnNames), member.name);
    if (own != std::end(kOwnNames)) {
      Add(member.at, absl::StrFormat("every record has a field `%s` of its own", *own),
          "give this one another name");
    } else if (member.name.empty() || member.name.size() > kFeatureNameBytesMax) {
      Add(member.at,
          absl::StrFormat("a field's name is empty or longer than kFeatureNameBytesMax, %d",
                          kFeatureNameBytesMax),
          "write a short name, such as `total`");
    }
    Feature& feature = step->features.emplace_back();
    feature.name = member.name;
    ReadFeature(member.value, &feature);
  }
}

void StepReader::ReadAggregate(const Member& member, bool is_last, Step* step) {
  const Node& node = member.value;
  if (!is_last) {
    Add(member.at, "`aggregate` is not the last of the rule's steps",
        "put it last: what it sends is a record of its own, not the event");
  }
  if (!Begin(node, "aggregate", kAggregateKeys, kAggregateExample)) return;
  NeedKey(node, step);
  step->span_ms = NeedDuration(node, "window");
  const Node* slide = node.Find("slide");
  step->slide_ms = slide == nullptr ? step->span_ms : NeedDuration(node, "slide");
  if (slide != nullptr && step->span_ms > 0 && step->slide_ms > 0) {
    if (step->span_ms % step->slide_ms != 0) {
      Add(slide->at, "`window` of `aggregate` is no multiple of its `slide`",
          "write such as `window: 1h, slide: 5m`");
    } else if (step->span_ms / step->slide_ms > kWindowSlidesMax) {
      Add(slide->at,
          absl::StrFormat("`window` of `aggregate` has %d slides, more than kWindowSlidesMax, %d",
                          step->span_ms / step->slide_ms, kWindowSlidesMax),
          "write a longer slide, or a shorter window");
    }
  }
  step->emit_every = ReadEmit(node, "close", "every");
  const Node* fields = Need(node, "fields", "what the record says");
  if (fields != nullptr) ReadFeatures(*fields, step);
}

void StepReader::ReadStep(const Node& node, bool is_last, std::vector<Step>* steps) {
  if (node.kind != Node::Kind::kObject || node.members.size() != 1) {
    Add(node.at, "a step must be an object with the step's name as its one key",
        "write it as `- sample: {key: customer.id, percent: 10}`");
    return;
  }
  const Member& member = node.members[0];
  Step step;
  if (member.name == "sample") {
    ReadSample(member.value, &step);
  } else if (member.name == "dedup") {
    step.kind = StepKind::kDedup;
    ReadDedup(member.value, &step);
  } else if (member.name == "throttle") {
    step.kind = StepKind::kThrottle;
    ReadThrottle(member.value, &step);
  } else if (member.name == "threshold") {
    step.kind = StepKind::kThreshold;
    ReadThreshold(member.value, &step);
  } else if (member.name == "aggregate") {
    step.kind = StepKind::kAggregate;
    ReadAggregate(member, is_last, &step);
  } else {
    Add(member.at, absl::StrFormat("unknown step %s", Quoted(member.name)),
        NearestNameCure(member.name, kStepNames));
    return;
  }
  steps->push_back(std::move(step));
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
  for (const Node& item : node.items) ReadStep(item, &item == &node.items.back(), steps);
}

}  // namespace

std::vector<Step> ReadSteps(const Node& node, int steps_max, std::vector<Problem>* problems) {
  std::vector<Step> steps;
  StepReader(steps_max, problems).ReadSteps(node, &steps);
  return steps;
}

}  // namespace turnout::router
