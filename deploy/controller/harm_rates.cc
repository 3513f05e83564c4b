#include "deploy/controller/harm_rates.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "absl/strings/str_format.h"

namespace turnout::controller {
namespace {

// A share of fewer is a matter of chance.
constexpr int64_t kTotalMin = 100;
// Where that many more had come about, no more would be seen in one of twenty cases.
constexpr int64_t kUnseen = 3;
constexpr int64_t kCountMin = 20;
constexpr double kSharePutUpWith = 0.001;
constexpr double kEjectedPutUpWith = 1;
constexpr char kEjected[] = "ejectedDestinations";

struct Part {
  int64_t count = 0;
  int64_t total = 0;
};

struct Kind {
  std::string_view name;
  std::string_view what, of;  // "N dead letters of M events"
  Part (*part)(const WorkFacts& work);
};

constexpr auto kKinds = std::to_array<Kind>({
    {"deadLetters", "dead letters", "events",
     [](const WorkFacts& work) {
       return Part{work.dead_letters, work.events};
     }},
    {"parkedOutputs", "parked outputs", "events",
     [](const WorkFacts& work) {
       return Part{work.parked, work.events};
     }},
    {"failedTransactions", "failed transactions", "all",
     [](const WorkFacts& work) {
       return Part{work.failed_transactions, work.transactions + work.failed_transactions};
     }},
});

double Share(const Part& part) {
  return part.total > 0 ? static_cast<double>(part.count) / static_cast<double>(part.total) : 0;
}

// Or what may have been, by as few as there were to see; nothing: there were too few.
std::optional<double> HighestShare(const Kind& kind, const std::vector<const PodFacts*>& pods) {
  Part all;
  double highest = 0;
  for (const PodFacts* pod : pods) {
    if (!pod->work) continue;
    const Part part = kind.part(*pod->work);
    all.count += part.count;
    all.total += part.total;
    if (part.total >= kTotalMin) highest = std::max(highest, Share(part));
  }
  if (all.total < kTotalMin) return std::nullopt;
  all.count += kUnseen;
  return std::max(highest, Share(all));
}

int64_t Ejected(const PodFacts& pod) {
  return std::count_if(pod.ejected.begin(), pod.ejected.end(),
                       [](const EjectedFacts& one) { return one.state != "draining"; });
}

std::optional<std::string> TooManyEjected(double others, const PodFacts& canary) {
  const int64_t count = Ejected(canary);
  const double allowed = kWorseTimes * std::max(others, kEjectedPutUpWith);
  if (static_cast<double>(count) <= allowed) return std::nullopt;
  return absl::StrFormat(
      "%d destinations are ejected; with what ran before up to %.0f were, and a canary may "
      "have %.0f",
      count, others, allowed);
}

// Where three times is next to all or more, half of what the others are short of it.
double Allowed(double others) {
  const double least = std::max(others, kSharePutUpWith);
  if (least >= 1) return 1 + kWorseTimes * (least - 1);
  return std::min(kWorseTimes * least, (1 + least) / 2);
}

std::optional<std::string> TooMuch(const Kind& kind, double others, const WorkFacts& work) {
  constexpr double kThousand = 1000;
  const Part part = kind.part(work);
  const double allowed = Allowed(others);
  if (part.count < kCountMin || Share(part) <= allowed) return std::nullopt;
  return absl::StrFormat(
      "%d %s of %d %s in the last minutes are %.1f in 1000; with what ran before up to %.1f "
      "were, and a canary may have %.1f",
      part.count, kind.what, part.total, kind.of, Share(part) * kThousand, others * kThousand,
      allowed * kThousand);
}

}  // namespace

HarmRates HighestRates(const std::vector<const PodFacts*>& pods) {
  HarmRates rates;
  for (const Kind& kind : kKinds) {
    if (const auto share = HighestShare(kind, pods)) rates[std::string(kind.name)] = *share;
  }
  for (const PodFacts* pod : pods) {
    if (!pod->answers) continue;
    double& most = rates[kEjected];
    most = std::max(most, static_cast<double>(Ejected(*pod)));
  }
  return rates;
}

HarmRates HigherRates(HarmRates a, const HarmRates& b) {
  for (const auto& [kind, rate] : b) {
    double& higher = a[kind];
    higher = std::max(higher, rate);
  }
  return a;
}

std::optional<std::string> WorseThan(const HarmRates& others, const PodFacts& canary) {
  for (const Kind& kind : kKinds) {
    const auto rate = others.find(std::string(kind.name));
    if (rate == others.end() || !canary.work) continue;
    if (auto words = TooMuch(kind, rate->second, *canary.work)) return words;
  }
  const auto ejected = others.find(kEjected);
  return ejected == others.end() ? std::nullopt : TooManyEjected(ejected->second, canary);
}

}  // namespace turnout::controller
