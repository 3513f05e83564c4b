#include "runtime/team_budgets.h"

#include <algorithm>

namespace turnout::runtime {

TeamBudgets::Bucket& TeamBudgets::Filled(std::string_view team) {
  const absl::Time now = clock_->Now();
  const auto [found, is_new] =
      buckets_.try_emplace(absl::string_view(team.data(), team.size()), Bucket{});
  Bucket& bucket = found->second;
  if (is_new) bucket = {bytes_per_second_, now};
  const double passed_s = absl::ToDoubleSeconds(std::max(now - bucket.filled, absl::Duration()));
  bucket.bytes = std::min(bytes_per_second_, bucket.bytes + passed_s * bytes_per_second_);
  bucket.filled = now;
  return bucket;
}

bool TeamBudgets::HasAny(std::string_view team) {
  return bytes_per_second_ <= 0 || Filled(team).bytes > 0;
}

bool TeamBudgets::HasHalf(std::string_view team) {
  return bytes_per_second_ <= 0 || Filled(team).bytes >= bytes_per_second_ / 2;
}

void TeamBudgets::Take(std::string_view team, int64_t bytes) {
  if (bytes_per_second_ > 0) Filled(team).bytes -= static_cast<double>(bytes);
}

}  // namespace turnout::runtime
