#include "router/predicate_key.h"

#include <cmath>
#include <cstdint>
#include <limits>

namespace turnout::router {
namespace {

template <typename Number>
void AppendNumber(Number number, std::string* out) {
  out->append(reinterpret_cast<const char*>(&number), sizeof(number));
}

void AppendText(const std::string& text, std::string* out) {
  AppendNumber(text.size(), out);
  out->append(text);
}

}  // namespace

void AppendPredicateKey(const Predicate& predicate, std::string* out) {
  out->push_back(static_cast<char>(predicate.op));
  AppendText(predicate.text, out);
  AppendNumber(predicate.range.low, out);
  AppendNumber(predicate.range.high, out);
  out->push_back(static_cast<char>(predicate.range.low_open));
  out->push_back(static_cast<char>(predicate.range.high_open));
  out->push_back(static_cast<char>(predicate.has_detail()));
  if (!predicate.has_detail()) return;
  const PredicateDetail& detail = predicate.detail();
  AppendNumber(detail.cidr.mask_bits, out);
  AppendNumber(detail.cidr.base.size, out);
  for (const uint8_t byte : detail.cidr.base.bytes) out->push_back(static_cast<char>(byte));
  for (const Timestamp& bound : {detail.times.first, detail.times.last}) {
    AppendNumber(bound.seconds, out);
    AppendNumber(bound.nanoseconds, out);
  }
  AppendNumber(detail.all_of.size(), out);
  for (const Predicate& part : detail.all_of) AppendPredicateKey(part, out);
  AppendNumber(detail.none_of.size(), out);
  for (const Predicate& excluded : detail.none_of) AppendPredicateKey(excluded, out);
}

NumberRange ClosedRange(const Predicate::Range& range) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return {range.low_open ? std::nextafter(range.low, kInfinity) : range.low,
          range.high_open ? std::nextafter(range.high, -kInfinity) : range.high, 0};
}

std::string_view FoldAscii(std::string_view text, std::string* folded) {
  folded->assign(text);
  for (char& c : *folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return *folded;
}

}  // namespace turnout::router
