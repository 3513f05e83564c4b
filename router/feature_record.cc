#include "router/feature_record.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "router/canonical_text.h"
#include "router/number.h"
#include "router/step_call.h"
#include "router/text_hash.h"

namespace turnout::router {
namespace {

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

absl::Status Damaged() {
  return DamagedStep(StepKind::kAggregate, "its bytes are not those of its fields");
}

// The smaller or the larger one, whichever is a number.
double Extreme(Measure measure, double a, double b) {
  return measure == Measure::kMin ? std::fmin(a, b) : std::fmax(a, b);
}

bool TakeNumber(std::string_view* bytes, uint64_t* number) {
  if (bytes->size() < kStoredNumberBytes) return false;
  *number = NumberAt(bytes->data());
  bytes->remove_prefix(kStoredNumberBytes);
  return true;
}

bool TakeDouble(std::string_view* bytes, double* number) {
  uint64_t bits = 0;
  if (!TakeNumber(bytes, &bits)) return false;
  *number = std::bit_cast<double>(bits);
  return true;
}

void AppendDouble(double number, std::string* out) {
  AppendNumber(std::bit_cast<uint64_t>(number), out);
}

void AppendInteger(uint64_t number, std::string* out) {
  char text[24];
  out->append(text, std::to_chars(text, text + sizeof(text), number).ptr);
}

}  // namespace

void AppendNumberText(double number, std::string* out) {
  constexpr double kIntegers = 9007199254740992;  // 2^53
  char text[32];
  if (!std::isfinite(number)) {
    out->append("null");
  } else if (std::abs(number) < kIntegers && number == std::trunc(number)) {
    const auto integer = static_cast<int64_t>(number);
    out->append(text, std::to_chars(text, text + sizeof(text), integer).ptr);
  } else {
    out->append(text, std::to_chars(text, text + sizeof(text), number).ptr);
  }
}

void FeatureRecord::Start(const AggregatePlan& plan) {
  plan_ = &plan;
  // Never smaller, so that sketches keep their memory.
  if (features_.size() < plan.features.size()) features_.resize(plan.features.size());
  for (size_t i = 0; i < plan.features.size(); ++i) {
    const Measure measure = plan.features[i].measure;
    const bool is_extreme = measure == Measure::kMin || measure == Measure::kMax;
    features_[i].count = 0;
    features_[i].number = is_extreme ? kNotANumber : 0;
    if (measure == Measure::kDistinct) features_[i].distinct.Clear();
  }
}

absl::Status FeatureRecord::Merge(std::string_view pane) {
  for (size_t i = 0; i < plan_->features.size(); ++i) {
    const Measure measure = plan_->features[i].measure;
    Feature& feature = features_[i];
    if (measure == Measure::kDistinct) {
      if (!feature.distinct.Merge(&pane)) return Damaged();
      continue;
    }
    uint64_t count = 0;
    double number = 0;
    if (measure != Measure::kCount && !TakeDouble(&pane, &number)) return Damaged();
    const bool has_count = measure == Measure::kCount || measure == Measure::kAvg;
    if (has_count && !TakeNumber(&pane, &count)) return Damaged();
    feature.count += count;
    if (measure == Measure::kMin || measure == Measure::kMax) {
      feature.number = Extreme(measure, feature.number, number);
    } else {
      feature.number += number;
    }
  }
  return pane.empty() ? absl::OkStatus() : Damaged();
}

void FeatureRecord::CountEvent(const Matcher::Scratch& fields) {
  for (size_t i = 0; i < plan_->features.size(); ++i) {
    const AggregatePlan::Feature& of = plan_->features[i];
    Feature& feature = features_[i];
    if (of.measure == Measure::kCount) {
      ++feature.count;
      continue;
    }
    const std::string_view text = fields.Field(of.field);
    if (of.measure == Measure::kDistinct) {
      if (text.data() != nullptr) feature.distinct.Add(TextHash(text));
      continue;
    }
    if (fields.FieldKind(of.field) != ValueKind::kNumber) continue;
    bool exact = false;
    const double number = NearestNumber(text, &exact);
    if (std::isnan(number)) continue;
    ++feature.count;
    if (of.measure == Measure::kMin || of.measure == Measure::kMax) {
      feature.number = Extreme(of.measure, feature.number, number);
    } else {
      feature.number += number;
    }
  }
}

void FeatureRecord::AppendTo(std::string* pane) {
  for (size_t i = 0; i < plan_->features.size(); ++i) {
    const Measure measure = plan_->features[i].measure;
    Feature& feature = features_[i];
    if (measure == Measure::kDistinct) {
      feature.distinct.AppendTo(pane);
      continue;
    }
    if (measure != Measure::kCount) AppendDouble(feature.number, pane);
    if (measure == Measure::kCount || measure == Measure::kAvg) AppendNumber(feature.count, pane);
  }
}

void FeatureRecord::AppendJson(std::string_view key, int64_t window_end_ms, std::string* out) {
  out->append(R"({"key":)");
  AppendJsonString(key, out);
  out->append(R"(,"window_start_ms":)");
  AppendNumberText(static_cast<double>(window_end_ms - plan_->window_ms), out);
  out->append(R"(,"window_end_ms":)");
  AppendNumberText(static_cast<double>(window_end_ms), out);
  for (size_t i = 0; i < plan_->features.size(); ++i) {
    Feature& feature = features_[i];
    out->append(plan_->features[i].json_name);
    switch (plan_->features[i].measure) {
      case Measure::kCount:
        AppendInteger(feature.count, out);
        break;
      case Measure::kDistinct:
        AppendInteger(feature.distinct.Estimate(), out);
        break;
      case Measure::kAvg:
        AppendNumberText(
            feature.count == 0 ? kNotANumber : feature.number / static_cast<double>(feature.count),
            out);
        break;
      default:
        AppendNumberText(feature.number, out);
    }
  }
  out->push_back('}');
}

}  // namespace turnout::router
