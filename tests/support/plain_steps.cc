#include "tests/support/plain_steps.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <set>

namespace turnout::support {

using router::Measure;
using router::Step;
using router::StepKind;

namespace {

bool IsText(const std::string& json) { return !json.empty() && json[0] == '"'; }
bool IsNumber(const std::string& json) {
  return !json.empty() && (json[0] == '-' || (json[0] >= '0' && json[0] <= '9'));
}

// Of a scalar; nothing for what is absent or none.
std::optional<std::string> TextOf(const PlainFields& fields, const std::string& name) {
  const auto found = fields.find(name);
  if (found == fields.end()) return std::nullopt;
  const std::string& json = found->second;
  if (IsText(json)) return json.substr(1, json.size() - 2);
  if (IsNumber(json) || json == "true" || json == "false") return json;
  return std::nullopt;
}

std::optional<double> NumberOf(const PlainFields& fields, const std::string& name) {
  const auto found = fields.find(name);
  if (found == fields.end() || !IsNumber(found->second)) return std::nullopt;
  const double number = std::strtod(found->second.c_str(), nullptr);
  if (!std::isfinite(number)) return std::nullopt;
  return number;
}

// `2026-11-25T21:00:00Z`, with at most three digits after the point: what the tests write.
std::optional<int64_t> DateMs(const std::string& text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0;
  double second = 0;
  char z = 0;
  const int read = std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%lf%c", &year, &month, &day,
                               &hour, &minute, &second, &z);
  if (read != 7 || z != 'Z') return std::nullopt;
  // Days since the epoch, by counting years and months one by one.
  int64_t days = 0;
  const auto is_leap = [](int y) { return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0); };
  for (int y = 1970; y < year; ++y) days += is_leap(y) ? 366 : 365;
  for (int y = year; y < 1970; ++y) days -= is_leap(y) ? 366 : 365;
  const int lengths[] = {31, is_leap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (int m = 1; m < month; ++m) days += lengths[m - 1];
  days += day - 1;
  return ((days * 24 + hour) * 60 + minute) * 60000 + std::llround(second * 1000);
}

}  // namespace

std::string PlainEvent::Json() const {
  std::string json = "{";
  for (const auto& [name, value] : fields) {
    if (json.size() > 1) json += ", ";
    json += "\"" + name + "\": " + value;
  }
  return json + "}";
}

int64_t PlainSteps::TimeOf(const PlainEvent& event) const {
  constexpr int64_t kLast = 253402300799999;  // the end of the year 9999
  int64_t time = event.record_ms;
  const bool record_has_time = time >= 0 && time <= kLast;
  const auto take = [&](int64_t said) {
    if (!record_has_time || said <= time + settings_.ahead_ms_max) time = said;
  };
  const auto field = event.fields.find(settings_.time_field);
  if (field != event.fields.end() && IsText(field->second)) {
    const auto date = DateMs(field->second.substr(1, field->second.size() - 2));
    if (date) take(*date);
  } else if (const auto number = NumberOf(event.fields, settings_.time_field)) {
    const double ms = std::floor(*number >= 1e11 ? *number : *number * 1000);
    if (ms <= static_cast<double>(kLast)) take(ms < 0 ? -1 : static_cast<int64_t>(ms));
  }
  const bool has_time = time >= 0 && time <= kLast;
  if (!watermark_ms_) return has_time ? time : 0;
  const int64_t now = *watermark_ms_ + settings_.lateness_ms;
  if (!has_time) time = now;
  time = std::min(time, now + settings_.ahead_ms_max);
  return std::min(std::max<int64_t>(time, 0), kLast);
}

// The entry is the last event that passed and was taken down: one that passed from before an entry
// that was still known was not.
bool PlainSteps::DedupPasses(const Step& step, const History& history, const Seen& now,
                             std::optional<Kept>* kept) const {
  std::optional<int64_t> entry;
  const auto judge = [&](const Seen& seen) {
    // What has expired is not known any more.
    if (entry && *entry + step.span_ms <= seen.watermark_ms) entry.reset();
    if (entry && seen.time_ms <= *entry - step.span_ms) return true;
    if (entry && seen.time_ms < *entry + step.span_ms) return false;
    entry = seen.time_ms;
    *kept = {.value_bytes = 8, .expires_ms = seen.time_ms + step.span_ms, .replaces = false};
    return true;
  };
  for (const Seen& seen : history) judge(seen);
  kept->reset();
  return judge(now);
}

bool PlainSteps::ThrottlePasses(const Step& step, const History& history, const Seen& now,
                                std::optional<Kept>* kept) const {
  std::optional<int64_t> start;
  uint32_t passed = 0;
  const auto judge = [&](const Seen& seen) {
    if (start && *start + step.span_ms <= seen.watermark_ms) start.reset();
    if (!start || seen.time_ms >= *start + step.span_ms) {
      start = seen.time_ms;
      passed = 0;
    }
    if (passed == step.limit) return false;
    *kept = {.value_bytes = 16, .expires_ms = *start + step.span_ms, .replaces = passed > 0};
    ++passed;
    return true;
  };
  for (const Seen& seen : history) judge(seen);
  kept->reset();
  return judge(now);
}

bool PlainSteps::ThresholdPasses(const Step& step, const History& history, const Seen& now,
                                 std::optional<Kept>* kept) const {
  int64_t newest = now.time_ms;
  for (const Seen& seen : history) newest = std::max(newest, seen.time_ms);
  const int64_t gone = newest - step.span_ms;
  double before = 0;
  double after = 0;
  size_t items = 0;
  if (step.measure == Measure::kCount) {
    for (const Seen& seen : history) before += seen.time_ms > gone ? 1 : 0;
    after = before + (now.time_ms > gone ? 1 : 0);
  } else if (step.measure == Measure::kDistinct) {
    std::set<std::string> values;
    for (const Seen& seen : history) {
      if (seen.time_ms > gone) values.insert(seen.value);
    }
    before = static_cast<double>(values.size());
    if (now.time_ms > gone) values.insert(now.value);
    after = static_cast<double>(values.size());
  } else {
    // Amounts by time, then by arrival; all that was joined on the way is joined here again.
    using Amount = std::pair<int64_t, double>;
    std::vector<Amount> amounts;
    const auto sum_of = [&] {
      double sum = 0;
      for (const Amount& amount : amounts) sum += amount.second;
      return sum;
    };
    int64_t last = 0;
    const auto count = [&](const Seen& seen) {
      last = std::max(last, seen.time_ms);
      const int64_t out = last - step.span_ms;
      std::erase_if(amounts, [&](const Amount& amount) { return amount.first <= out; });
      before = after = sum_of();
      if (seen.time_ms <= out) return;
      amounts.emplace_back(seen.time_ms, seen.amount);
      std::stable_sort(amounts.begin(), amounts.end(),
                       [](const Amount& a, const Amount& b) { return a.first < b.first; });
      after = sum_of();
      if (amounts.size() <= 128) return;
      std::map<int64_t, Amount> parts;
      for (const Amount& amount : amounts) {
        const auto [part, is_new] = parts.try_emplace(amount.first * 64 / step.span_ms, amount);
        if (!is_new) part->second = {amount.first, part->second.second + amount.second};
      }
      amounts.clear();
      for (const auto& [number, amount] : parts) amounts.push_back(amount);
    };
    for (const Seen& seen : history) count(seen);
    count(now);
    items = amounts.size();
  }
  // Of number and distinct values only so many are kept as can matter.
  if (step.measure != Measure::kSum) items = static_cast<size_t>(std::min(after, step.at_least));
  if (now.time_ms > gone) {
    *kept = {.value_bytes = items * (step.measure == Measure::kCount ? 8 : 16),
             .expires_ms = newest + step.span_ms};
  }
  return after >= step.at_least && (step.emit_every || before < step.at_least);
}

std::string PlainSteps::Record(const Step& step, const Windows& windows, const std::string& key,
                               int64_t end_ms) const {
  const int64_t begin_ms = end_ms - step.span_ms;
  std::string json = "{\"key\":\"" + key + "\",\"window_start_ms\":" + std::to_string(begin_ms) +
                     ",\"window_end_ms\":" + std::to_string(end_ms);
  const auto text_of = [](double number) -> std::string {
    if (!std::isfinite(number)) return "null";
    if (std::abs(number) < 9007199254740992 && number == std::floor(number)) {
      return std::to_string(static_cast<int64_t>(number));
    }
    char text[64];
    return {text, std::to_chars(text, text + sizeof(text), number).ptr};
  };
  for (const router::Feature& feature : step.features) {
    uint64_t events = 0;
    std::set<std::string> texts;
    std::vector<double> numbers;
    std::map<int64_t, double> sums;  // by pane: each is summed in the order of arrival
    for (const Counted& one : windows.counted) {
      if (one.key != key || one.pane_ms < begin_ms || one.pane_ms >= end_ms) continue;
      ++events;
      if (const auto text = TextOf(one.fields, feature.field)) texts.insert(*text);
      if (const auto number = NumberOf(one.fields, feature.field)) {
        numbers.push_back(*number);
        sums[one.pane_ms] += *number;
      }
    }
    double sum = 0;
    for (const auto& [pane, pane_sum] : sums) sum += pane_sum;
    json += ",\"" + feature.name + "\":";
    const bool is_empty = numbers.empty();
    switch (feature.measure) {
      case Measure::kCount:
        json += std::to_string(events);
        break;
      case Measure::kSum:
        json += text_of(sum);
        break;
      case Measure::kMin:
        json += is_empty ? "null" : text_of(*std::min_element(numbers.begin(), numbers.end()));
        break;
      case Measure::kMax:
        json += is_empty ? "null" : text_of(*std::max_element(numbers.begin(), numbers.end()));
        break;
      case Measure::kAvg:
        json += is_empty ? "null" : text_of(sum / static_cast<double>(numbers.size()));
        break;
      case Measure::kDistinct:
        json += std::to_string(texts.size());
    }
  }
  return json + "}";
}

// An entry counts until all have expired that the same 14th of the longest life begins with.
int64_t PlainSteps::BytesOf(const Step& step) const {
  int64_t life_ms = step.span_ms + settings_.lateness_ms;
  if (step.kind == StepKind::kAggregate) life_ms += step.span_ms - step.slide_ms;
  const int64_t part_ms = (life_ms + 13) / 14;
  const int64_t now_part = std::max<int64_t>(*watermark_ms_, 0) / part_ms;
  int64_t bytes = 0;
  const auto found = entries_.find(&step);
  if (found == entries_.end()) return 0;
  for (const Entry& entry : found->second) {
    if (entry.expires_ms / part_ms >= now_part) bytes += entry.bytes;
  }
  return bytes;
}

bool PlainSteps::Keep(const PlainRule& rule, const Step& step, const Kept& kept) {
  if (kept.expires_ms <= *watermark_ms_) return true;
  std::vector<Entry>& entries = entries_[&step];
  const auto replaced = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) {
    return kept.replaces && entry.name == kept.name && entry.expires_ms > *watermark_ms_;
  });
  const Entry now = {kept.name, static_cast<int64_t>(17 + kept.key_bytes + kept.value_bytes),
                     kept.expires_ms};
  const int64_t before = replaced == entries.end() ? 0 : replaced->bytes;
  int64_t bytes = now.bytes - before;
  for (const Step& other : rule.steps) bytes += BytesOf(other);
  if (now.bytes > before && bytes > settings_.rule_state_bytes_max) return false;
  if (replaced != entries.end()) entries.erase(replaced);
  entries.push_back(now);
  return true;
}

// Of what is counted in the pane.
size_t PlainSteps::PaneBytes(const Step& step, const Windows& windows, const std::string& key,
                             int64_t pane_ms) const {
  size_t bytes = 0;
  for (const router::Feature& feature : step.features) {
    if (feature.measure != Measure::kDistinct) {
      bytes += feature.measure == Measure::kAvg ? 16 : 8;
      continue;
    }
    std::set<std::string> texts;
    for (const Counted& one : windows.counted) {
      if (one.key != key || one.pane_ms != pane_ms) continue;
      if (const auto text = TextOf(one.fields, feature.field)) texts.insert(*text);
    }
    bytes += 2 + 8 * texts.size();
  }
  return bytes;
}

void PlainSteps::CloseWindows(const PlainRule& rule, size_t* left,
                              std::vector<std::string>* lines) {
  const Step& step = rule.steps.back();
  if (step.kind != StepKind::kAggregate || step.emit_every || *watermark_ms_ < 0) return;
  Windows& windows = windows_[&step];
  const int64_t due_ms = *watermark_ms_ / step.slide_ms * step.slide_ms;
  if (windows.end_ms >= due_ms && !windows.key) return;
  std::set<std::pair<int64_t, std::string>> due;
  for (const Counted& one : windows.counted) {
    for (int64_t end = one.pane_ms + step.slide_ms; end <= one.pane_ms + step.span_ms;
         end += step.slide_ms) {
      const bool is_closed = end < windows.end_ms ||
                             (end == windows.end_ms && (!windows.key || one.key <= *windows.key));
      if (end <= due_ms && !is_closed) due.emplace(end, one.key);
    }
  }
  for (const auto& [end, key] : due) {
    if (*left == 0) return;
    --*left;
    lines->push_back("close " + rule.id + " " + key + " " + std::to_string(end) + " " +
                     Record(step, windows, key, end));
    windows.end_ms = end;
    windows.key = key;
    // No later window needs its first pane.
    const std::string first_pane = std::to_string(end - step.span_ms) + " " + key;
    std::erase_if(entries_[&step], [&](const Entry& entry) { return entry.name == first_pane; });
  }
  windows.end_ms = due_ms;
  windows.key.reset();
}

void PlainSteps::ApplyRule(const PlainRule& rule, const PlainEvent& event,
                           std::vector<std::string>* lines) {
  for (const Step& step : rule.steps) {
    const std::string step_name(router::StepName(step.kind));
    const std::optional<std::string> key = TextOf(event.fields, step.key_field);
    if (!key || key->size() > 1024) {
      lines->push_back("reject " + rule.id);
      return;
    }
    if (step.kind == StepKind::kAggregate) {
      const int64_t pane = now_ms_ / step.slide_ms * step.slide_ms;
      if (now_ms_ < *watermark_ms_ && pane + step.span_ms <= *watermark_ms_) {
        lines->push_back("late " + rule.id + " aggregate");
        return;
      }
      Windows& windows = windows_[&step];
      windows.counted.push_back({pane, *key, event.fields});
      const Kept kept = {.name = std::to_string(pane) + " " + *key,
                         .key_bytes = 9 + key->size(),
                         .value_bytes = PaneBytes(step, windows, *key, pane),
                         .expires_ms = step.emit_every ? pane + 2 * step.span_ms - step.slide_ms
                                                       : std::numeric_limits<int64_t>::max()};
      if (!Keep(rule, step, kept)) {
        windows.counted.pop_back();
        lines->push_back("full " + rule.id);
        return;
      }
      if (step.emit_every) {
        lines->push_back("out " + rule.id + " " + *key + " " +
                         Record(step, windows, *key, pane + step.slide_ms));
      }
      return;
    }
    Seen now{.time_ms = now_ms_, .watermark_ms = *watermark_ms_};
    History& history = histories_[{&step, *key}];
    bool passes = false;
    std::optional<Kept> kept;
    if (step.kind == StepKind::kDedup) {
      passes = DedupPasses(step, history, now, &kept);
    } else if (step.kind == StepKind::kThrottle) {
      passes = ThrottlePasses(step, history, now, &kept);
    } else if (step.kind == StepKind::kThreshold) {
      if (step.measure == Measure::kSum) {
        const std::optional<double> amount = NumberOf(event.fields, step.measure_field);
        if (!amount) {
          lines->push_back("reject " + rule.id);
          return;
        }
        now.amount = *amount;
      }
      if (step.measure == Measure::kDistinct) {
        const std::optional<std::string> value = TextOf(event.fields, step.measure_field);
        if (!value) {
          lines->push_back("reject " + rule.id);
          return;
        }
        now.value = *value;
      }
      if (now.time_ms < now.watermark_ms) {
        lines->push_back("late " + rule.id + " threshold");
        return;
      }
      passes = ThresholdPasses(step, history, now, &kept);
    }
    if (kept) {
      kept->name = *key;
      kept->key_bytes = key->size();
      if (!Keep(rule, step, *kept)) {
        lines->push_back("full " + rule.id);
        return;
      }
    }
    history.push_back(now);
    if (!passes) {
      lines->push_back("stop " + rule.id + " " + step_name);
      return;
    }
  }
  lines->push_back("out " + rule.id);
}

std::vector<std::string> PlainSteps::Apply(const PlainEvent& event) {
  now_ms_ = TimeOf(event);
  const int64_t watermark = now_ms_ - settings_.lateness_ms;
  watermark_ms_ = watermark_ms_ ? std::max(*watermark_ms_, watermark) : watermark;
  std::vector<std::string> lines;
  size_t left = 256;
  for (const PlainRule& rule : rules_) CloseWindows(rule, &left, &lines);
  for (const PlainRule& rule : rules_) {
    const auto type = event.fields.find("type");
    const bool matches = rule.type.empty() ||
                         (type != event.fields.end() && type->second == "\"" + rule.type + "\"");
    if (matches) ApplyRule(rule, event, &lines);
  }
  return lines;
}

}  // namespace turnout::support
