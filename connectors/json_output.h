// JsonOutput: one payload's JSON, written piece by piece behind what is in a string already.
//
// Internal to connectors/. What is written is counted against kDecodedBytesMax; the caller asks
// within_limit() after each value, so that a payload which claims more than it holds ends there.
// Unless it is told to Keep, what was written is taken back at the end.
//
// Errors: String alone can fail: what is not UTF-8 is not JSON either.
// Lifetime: the string outlives the output.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "connectors/payload_schema.h"

namespace turnout::connectors {

bool IsUtf8(std::string_view text);

// Appends `text` between quotes, escaped as JSON wants it. False: it is not UTF-8; part may be
// there.
[[nodiscard]] bool AppendJsonText(std::string_view text, std::string* out);

class JsonOutput {
 public:
  explicit JsonOutput(std::string* out) : out_(out), begin_(out->size()) {}
  ~JsonOutput() {
    if (!kept_) out_->resize(begin_);
  }
  JsonOutput(const JsonOutput&) = delete;
  JsonOutput& operator=(const JsonOutput&) = delete;

  void Keep() { kept_ = true; }

  bool within_limit() const { return out_->size() - begin_ <= kDecodedBytesMax; }
  // Whether what was written is an object.
  bool is_object() const { return out_->size() > begin_ && (*out_)[begin_] == '{'; }

  // As it stands.
  void Raw(std::string_view text) { out_->append(text); }
  void Raw(char c) { out_->push_back(c); }

  [[nodiscard]] bool String(std::string_view text) { return AppendJsonText(text, out_); }
  void Bool(bool value) { Raw(value ? "true" : "false"); }
  void Signed(int64_t value);
  void Unsigned(uint64_t value);
  // The shortest digits that read back as the same value; "NaN", "Infinity" and "-Infinity" as
  // texts, since JSON has no numbers for them.
  void Float(float value);
  void Double(double value);
  // Standard base64 with padding, between quotes.
  void Base64(std::string_view bytes);

 private:
  template <typename Real>
  void RealNumber(Real value);

  std::string* const out_;
  const size_t begin_;
  bool kept_ = false;
};

}  // namespace turnout::connectors
