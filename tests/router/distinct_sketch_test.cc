#include "router/distinct_sketch.h"

#include <cmath>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "router/text_hash.h"

namespace turnout::router {
namespace {

constexpr double kStandardError = 1.04 / 45.254833995939045;  // sqrt(2048)

std::string BytesOf(DistinctSketch& sketch) {
  std::string bytes;
  sketch.AppendTo(&bytes);
  return bytes;
}

void Fill(int from, int to, std::string_view prefix, DistinctSketch* sketch) {
  for (int i = from; i < to; ++i) {
    sketch->Add(TextHash(absl::StrCat(absl::string_view(prefix.data(), prefix.size()), i)));
  }
}

TEST(DistinctSketch, IsExactUpTo64) {
  DistinctSketch sketch;
  EXPECT_EQ(sketch.Estimate(), 0U);
  for (int i = 0; i < 64; ++i) {
    Fill(0, i + 1, "user-", &sketch);
    EXPECT_EQ(sketch.Estimate(), static_cast<uint64_t>(i + 1));
  }
  EXPECT_EQ(BytesOf(sketch).size(), 2U + 64 * 8);
  Fill(64, 65, "user-", &sketch);
  EXPECT_EQ(BytesOf(sketch).size(), 1U + 2048);
  EXPECT_NEAR(static_cast<double>(sketch.Estimate()), 65, 5);
}

// Many sets of each size: the root of the mean square of their errors is the standard error, which
// the seeds are enough to tell from one a tenth larger; and no set is far out.
TEST(DistinctSketch, ErrsByTheStandardErrorOfTheSketch) {
  constexpr int kSets = 300;
  for (const int size : {100, 1'000, 5'000, 10'000, 50'000}) {
    double squares = 0;
    double sum = 0;
    for (int set = 0; set < kSets; ++set) {
      DistinctSketch sketch;
      Fill(0, size, absl::StrCat(set, "/"), &sketch);
      const double error = (static_cast<double>(sketch.Estimate()) - size) / size;
      squares += error * error;
      sum += error;
      EXPECT_LT(std::abs(error), 5 * kStandardError) << size << " " << set;
    }
    EXPECT_LT(std::sqrt(squares / kSets), kStandardError * 1.1) << size;
    EXPECT_LT(std::abs(sum / kSets), kStandardError / 5) << size;
  }
}

TEST(DistinctSketch, MergingIsTheSameAsAddingAll) {
  for (const auto& [first, second] : {std::pair(3, 5), {3, 500}, {500, 3}, {500, 900}, {0, 0}}) {
    DistinctSketch a;
    DistinctSketch b;
    DistinctSketch all;
    Fill(0, first, "", &a);
    Fill(first / 2, first / 2 + second, "", &b);
    Fill(0, first, "", &all);
    Fill(first / 2, first / 2 + second, "", &all);
    const std::string bytes_a = BytesOf(a);
    const std::string bytes_b = BytesOf(b);
    DistinctSketch merged;
    std::string_view left = bytes_a;
    ASSERT_TRUE(merged.Merge(&left));
    EXPECT_TRUE(left.empty());
    left = bytes_b;
    ASSERT_TRUE(merged.Merge(&left));
    EXPECT_EQ(BytesOf(merged), BytesOf(all)) << first << " " << second;
  }
}

TEST(DistinctSketch, AUnionOfExactSetsStaysExact) {
  DistinctSketch merged;
  for (int pane = 0; pane < 100; ++pane) {
    DistinctSketch sketch;
    Fill(pane * 40, pane * 40 + 64, "", &sketch);  // 24 of them are the next one's too
    const std::string bytes = BytesOf(sketch);
    std::string_view left = bytes;
    ASSERT_TRUE(merged.Merge(&left));
  }
  EXPECT_EQ(merged.Estimate(), 99U * 40 + 64);
}

TEST(DistinctSketch, DamagedBytesAreRefused) {
  DistinctSketch exact;
  Fill(0, 3, "", &exact);
  DistinctSketch large;
  Fill(0, 300, "", &large);
  for (DistinctSketch* sketch : {&exact, &large}) {
    const std::string bytes = BytesOf(*sketch);
    for (size_t size = 0; size < bytes.size(); ++size) {
      DistinctSketch out;
      std::string_view cut = std::string_view(bytes).substr(0, size);
      EXPECT_FALSE(out.Merge(&cut)) << size;
    }
  }
  const auto refuses = [](std::string bytes) {
    DistinctSketch out;
    std::string_view view = bytes;
    return !out.Merge(&view);
  };
  EXPECT_TRUE(refuses("\x02"));
  EXPECT_TRUE(refuses(std::string(1, 0) + std::string(1, 65) + std::string(65 * 8, 'x')));
  EXPECT_TRUE(refuses(std::string(1, 0) + std::string(1, 2) + std::string(16, 'x')));
  EXPECT_TRUE(refuses(std::string(1, 1) + std::string(2048, 55)));
  EXPECT_FALSE(refuses(std::string(1, 1) + std::string(2048, 54)));
}

}  // namespace
}  // namespace turnout::router
