#include "router/regex.h"

#include <re2/re2.h>

#include <utility>

namespace turnout::router {

struct Regex::Impl {
  Impl(std::string_view expression, const re2::RE2::Options& options)
      : re2(re2::StringPiece(expression.data(), expression.size()), options) {}

  re2::RE2 re2;
};

Regex::Regex(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Regex::~Regex() = default;

std::shared_ptr<const Regex> Regex::Compile(std::string_view expression, int64_t bytes_max,
                                            Fault* fault, std::string* error) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_max_mem(bytes_max);
  auto impl = std::make_unique<const Impl>(expression, options);
  switch (impl->re2.error_code()) {
    case re2::RE2::NoError:
      if (impl->re2.ProgramSize() > bytes_max / kBytesPerInstruction) {
        *fault = Fault::kTooLarge;
        return nullptr;
      }
      *fault = Fault::kNone;
      return std::shared_ptr<const Regex>(new Regex(std::move(impl)));
    case re2::RE2::ErrorPatternTooLarge:
      *fault = Fault::kTooLarge;
      return nullptr;
    default:
      *fault = Fault::kSyntax;
      *error = impl->re2.error();
      return nullptr;
  }
}

bool Regex::Matches(std::string_view text) const {
  return impl_->re2.Match(re2::StringPiece(text.data(), text.size()), 0, text.size(),
                          re2::RE2::UNANCHORED, nullptr, 0);
}

}  // namespace turnout::router
