#include "runtime/job_lines.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "router/suggest.h"
#include "runtime/json_text.h"

namespace turnout::runtime {

std::string ToJson(const JobLine& line) {
  std::string json = absl::StrFormat("{\"state\":%s,\"done\":%d,\"total\":%d",
                                     JsonString(line.state), line.done, line.total);
  for (const auto& [name, count] : line.counts) {
    absl::StrAppendFormat(&json, ",%s:%d", JsonString(name), count);
  }
  if (!line.range.empty()) absl::StrAppend(&json, ",\"range\":", JsonString(line.range));
  return json + "}";
}

absl::StatusOr<bool> ReadProgressOption(std::string_view text) {
  if (text.empty() || text == "json") return !text.empty();
  return absl::InvalidArgumentError(
      absl::StrCat("--progress: there is no form ", router::Quoted(text), ": give json"));
}

void JobLines::Say(const JobLine& line, absl::Time now) {
  said_ = now;
  std::fprintf(out_, "%s\n", ToJson(line).c_str());
  std::fflush(out_);
}

}  // namespace turnout::runtime
