#include "router/distinct_sketch.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>

#include "router/step_call.h"

namespace turnout::router {
namespace {

constexpr char kExact = 0;
constexpr char kApproximate = 1;

// Of the share of registers that nothing has raised: x + sum of x^(2^k) 2^(k-1).
double Sigma(double x) {
  double weight = 1;
  double sum = x;
  for (double last = -1; sum != last; weight *= 2) {
    last = sum;
    x *= x;
    sum += x * weight;
  }
  return sum;
}

// Of the share of registers that can rise no more: (1 - x - sum of (1 - x^(2^-k))^2 2^-k) / 3.
double Tau(double x) {
  if (x == 0 || x == 1) return 0;
  double weight = 1;
  double sum = 1 - x;
  for (double last = -1; sum != last;) {
    last = sum;
    x = std::sqrt(x);
    weight /= 2;
    sum -= (1 - x) * (1 - x) * weight;
  }
  return sum / 3;
}

}  // namespace

void DistinctSketch::Clear() {
  hashes_.clear();
  sorted_ = true;
  registers_.clear();
}

void DistinctSketch::Raise(uint64_t hash) {
  const uint64_t rest = hash << kIndexBits;
  const int rank = rest == 0 ? kRankMax : std::countl_zero(rest) + 1;
  uint8_t& place = registers_[hash >> (64 - kIndexBits)];
  place = std::max(place, static_cast<uint8_t>(rank));
}

void DistinctSketch::Approximate() {
  registers_.assign(kRegisters, 0);
  for (const uint64_t hash : hashes_) Raise(hash);
  hashes_.clear();
  sorted_ = true;
}

void DistinctSketch::Sort() {
  if (sorted_) return;
  std::sort(hashes_.begin(), hashes_.end());
  hashes_.erase(std::unique(hashes_.begin(), hashes_.end()), hashes_.end());
  sorted_ = true;
}

void DistinctSketch::Add(uint64_t hash) {
  if (!is_exact()) return Raise(hash);
  Sort();
  const auto place = std::lower_bound(hashes_.begin(), hashes_.end(), hash);
  if (place != hashes_.end() && *place == hash) return;
  hashes_.insert(place, hash);
  if (hashes_.size() > kExactMax) Approximate();
}

bool DistinctSketch::Merge(std::string_view* bytes) {
  if (bytes->empty()) return false;
  const char kind = bytes->front();
  bytes->remove_prefix(1);
  if (kind == kApproximate) {
    if (bytes->size() < kRegisters) return false;
    if (is_exact()) Approximate();
    for (size_t i = 0; i < kRegisters; ++i) {
      const auto rank = static_cast<uint8_t>((*bytes)[i]);
      if (rank > kRankMax) return false;
      registers_[i] = std::max(registers_[i], rank);
    }
    bytes->remove_prefix(kRegisters);
    return true;
  }
  if (kind != kExact || bytes->empty()) return false;
  const auto count = static_cast<uint8_t>(bytes->front());
  bytes->remove_prefix(1);
  if (count > kExactMax || bytes->size() < count * kStoredNumberBytes) return false;
  uint64_t last = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t hash = NumberAt(bytes->data() + i * kStoredNumberBytes);
    if (i > 0 && hash <= last) return false;
    last = hash;
    if (!is_exact()) {
      Raise(hash);
    } else {
      sorted_ = sorted_ && (hashes_.empty() || hash > hashes_.back());
      hashes_.push_back(hash);
    }
  }
  bytes->remove_prefix(count * kStoredNumberBytes);
  return true;
}

uint64_t DistinctSketch::Estimate() {
  if (is_exact()) {
    Sort();
    return hashes_.size();
  }
  std::array<uint32_t, kRankMax + 1> registers_of_rank{};
  for (const uint8_t rank : registers_) ++registers_of_rank[rank];
  constexpr auto kCount = static_cast<double>(kRegisters);
  const auto share = [&](int rank) { return registers_of_rank[rank] / kCount; };
  double sum = kCount * Tau(1 - share(kRankMax));
  for (int rank = kRankMax - 1; rank >= 1; --rank) sum = (sum + registers_of_rank[rank]) / 2;
  sum += kCount * Sigma(share(0));
  return static_cast<uint64_t>(std::llround(kCount * kCount / (2 * std::numbers::ln2 * sum)));
}

void DistinctSketch::AppendTo(std::string* bytes) {
  if (!is_exact()) {
    bytes->push_back(kApproximate);
    bytes->append(reinterpret_cast<const char*>(registers_.data()), registers_.size());
    return;
  }
  Sort();
  bytes->push_back(kExact);
  bytes->push_back(static_cast<char>(hashes_.size()));
  for (const uint64_t hash : hashes_) AppendNumber(hash, bytes);
}

}  // namespace turnout::router
