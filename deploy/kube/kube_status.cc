#include "deploy/kube/kube_status.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "deploy/kube/kube_object.h"

namespace turnout::kube {
namespace {

constexpr char kRetryAfterPayload[] = "turnout.dev/retry-after-seconds";

struct Reason {
  std::string word;     // "AlreadyExists"
  std::string message;  // for people
  int64_t retry_after_seconds = 0;
};

std::string TextOf(const nlohmann::json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Reason ReasonIn(std::string_view body) {
  Reason reason;
  const nlohmann::json json =
      IsShallow(body) ? nlohmann::json::parse(body, nullptr, false) : nlohmann::json();
  if (!json.is_object()) {
    reason.message = body;
    return reason;
  }
  reason.word = TextOf(json, "reason");
  reason.message = TextOf(json, "message");
  const auto details = json.find("details");
  if (details != json.end() && details->is_object()) {
    const auto seconds = details->find("retryAfterSeconds");
    if (seconds != details->end() && seconds->is_number_integer()) {
      reason.retry_after_seconds = seconds->get<int64_t>();
    }
  }
  return reason;
}

// One line, however the server wrote it.
std::string OnOneLine(std::string_view text) {
  std::string line(text.substr(0, kReasonBytesMax));
  std::replace_if(
      line.begin(), line.end(),
      [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); }, ' ');
  if (text.size() > kReasonBytesMax) line += "...";
  return line;
}

absl::StatusCode CodeOf(int code, std::string_view word) {
  switch (code) {
    case 400:
    case 422:
      return absl::StatusCode::kInvalidArgument;
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kNotFound;
    case 409:
      return word == "AlreadyExists" ? absl::StatusCode::kAlreadyExists
                                     : absl::StatusCode::kAborted;
    case 410:
      return absl::StatusCode::kOutOfRange;
    case 413:
      return absl::StatusCode::kResourceExhausted;
    default:
      return code == 429 || code >= 500 ? absl::StatusCode::kUnavailable
                                        : absl::StatusCode::kInternal;
  }
}

std::string CureOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnauthenticated:
      return " (name a file with a token that the server takes)";
    case absl::StatusCode::kPermissionDenied:
      return " (bind a role that allows it)";
    default:
      return "";
  }
}

}  // namespace

absl::Status KubeStatus(std::string_view call, int code, std::string_view body,
                        std::string_view retry_after) {
  const Reason reason = ReasonIn(body);
  const absl::StatusCode kind = CodeOf(code, reason.word);
  std::string text = absl::StrFormat("%s: %d", call, code);
  if (!reason.word.empty()) text += absl::StrFormat(" %s", OnOneLine(reason.word));
  if (!reason.message.empty()) text += absl::StrFormat(": %s", OnOneLine(reason.message));
  absl::Status status(kind, text + CureOf(kind));
  int64_t seconds = 0;
  const absl::string_view header(retry_after.data(), retry_after.size());
  if (!absl::SimpleAtoi(header, &seconds)) seconds = reason.retry_after_seconds;
  if (absl::IsUnavailable(status) && seconds > 0) {
    status.SetPayload(kRetryAfterPayload, absl::Cord(absl::StrFormat("%d", seconds)));
  }
  return status;
}

absl::Duration RetryAfter(const absl::Status& status) {
  const auto payload = status.GetPayload(kRetryAfterPayload);
  int64_t seconds = 0;
  if (!payload.has_value() || !absl::SimpleAtoi(std::string(*payload), &seconds)) {
    return absl::ZeroDuration();
  }
  return std::clamp(absl::Seconds(seconds), absl::ZeroDuration(), kRetryAfterMax);
}

}  // namespace turnout::kube
