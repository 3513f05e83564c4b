#include "deploy/kube/kube_client.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_format.h"
#include "deploy/kube/kube_path.h"
#include "deploy/kube/kube_status.h"
#include "runtime/bearer_token.h"
#include "runtime/json_text.h"

namespace turnout::kube {
namespace {

constexpr absl::Duration kConnectTimeout = absl::Seconds(5);
// Beyond a watch's own duration: the server says when it ends; without a word it is cut off.
constexpr absl::Duration kWatchGrace = absl::Seconds(30);
constexpr std::string_view kJson = "application/json";
// JSON is YAML.
constexpr std::string_view kApplyPatch = "application/apply-patch+yaml";
constexpr std::string_view kMergePatch = "application/merge-patch+json";

// The path without its query, which may be long.
std::string_view WithoutQuery(std::string_view path) { return path.substr(0, path.find('?')); }

std::string Call(std::string_view method, std::string_view path) {
  return absl::StrFormat("%s %s", method, WithoutQuery(path));
}

std::string SelectionQuery(const KubeSelection& selection) {
  std::string query;
  if (!selection.labels.empty()) query += "&labelSelector=" + UrlEscaped(selection.labels);
  if (!selection.fields.empty()) query += "&fieldSelector=" + UrlEscaped(selection.fields);
  return query;
}

std::string ApplyQuery(const ApplyOptions& options) {
  return absl::StrFormat("?fieldManager=%s&force=%s", UrlEscaped(options.field_manager),
                         options.force ? "true" : "false");
}

std::string DeletionOf(const DeleteOptions& options) {
  std::string preconditions;
  if (!options.uid.empty()) preconditions = "\"uid\":" + runtime::JsonString(options.uid);
  if (!options.resource_version.empty()) {
    preconditions += preconditions.empty() ? "" : ",";
    preconditions += "\"resourceVersion\":" + runtime::JsonString(options.resource_version);
  }
  std::string body = R"({"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":)" +
                     runtime::JsonString(options.propagation);
  if (options.grace_period_seconds.has_value()) {
    body += absl::StrFormat(",\"gracePeriodSeconds\":%d", *options.grace_period_seconds);
  }
  if (!preconditions.empty()) body += ",\"preconditions\":{" + preconditions + "}";
  return body + "}";
}

// Cuts what comes into lines.
class LineCutter {
 public:
  explicit LineCutter(const std::function<absl::Status(std::string_view)>& see) : see_(see) {}

  absl::Status Take(std::string_view piece) {
    while (!piece.empty()) {
      const size_t end = piece.find('\n');
      rest_ += piece.substr(0, end);
      if (rest_.size() > kWatchLineBytesMax) {
        return absl::DataLossError(
            absl::StrFormat("a change of the watch has more than %d bytes", kWatchLineBytesMax));
      }
      if (end == std::string_view::npos) break;
      piece.remove_prefix(end + 1);
      if (!rest_.empty()) {
        const absl::Status seen = see_(rest_);
        if (!seen.ok()) return seen;
      }
      rest_.clear();
    }
    return absl::OkStatus();
  }

 private:
  const std::function<absl::Status(std::string_view)>& see_;
  std::string rest_;
};

}  // namespace

KubeClient::KubeClient(KubeOptions options)
    : options_(std::move(options)),
      http_({.ca_bundle = options_.ca_file,
             .certificate_file = options_.certificate_file,
             .key_file = options_.key_file,
             .connect_timeout = kConnectTimeout,
             .direct = true}) {}

absl::Status KubeClient::Authorize(state::HttpRequest* request) const {
  request->headers.push_back({"Accept", std::string(kJson)});
  request->headers.push_back({"User-Agent", "turnout/" TURNOUT_VERSION});
  if (options_.token_file.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> token = runtime::ReadBearerToken(options_.token_file);
  if (!token.ok()) return token.status();
  request->headers.push_back({"Authorization", "Bearer " + *token});
  return absl::OkStatus();
}

absl::StatusOr<std::string> KubeClient::Ask(std::string_view method, const std::string& path,
                                            std::string_view body, std::string_view content_type) {
  state::HttpRequest request{.method = std::string(method),
                             .url = options_.server + path,
                             .body = body,
                             .answer_bytes_max = kAnswerBytesMax,
                             .timeout = options_.call_timeout,
                             .may_stall = true};
  if (!content_type.empty()) request.headers.push_back({"Content-Type", std::string(content_type)});
  const absl::Status authorized = Authorize(&request);
  if (!authorized.ok()) return authorized;
  absl::StatusOr<state::HttpResponse> answer = http_.Send(request);
  if (!answer.ok()) return answer.status();
  if (answer->status < 200 || answer->status >= 300) {
    return KubeStatus(Call(method, path), answer->status, answer->body,
                      answer->Header("retry-after"));
  }
  return std::move(answer->body);
}

absl::StatusOr<KubeObject> KubeClient::AskObject(std::string_view method, const std::string& path,
                                                 std::string_view body,
                                                 std::string_view content_type) {
  const absl::StatusOr<std::string> text = Ask(method, path, body, content_type);
  if (!text.ok()) return text.status();
  return ReadKubeObject(*text);
}

absl::StatusOr<std::string> KubeClient::GetText(const std::string& path) {
  return Ask("GET", path);
}

absl::StatusOr<KubeObject> KubeClient::Get(const std::string& path) {
  return AskObject("GET", path, "", "");
}

absl::StatusOr<KubeList> KubeClient::List(const std::string& path, const KubeSelection& selection) {
  KubeList all;
  do {
    std::string query = absl::StrFormat("?limit=%d%s", kPageItems, SelectionQuery(selection));
    if (!all.next.empty()) query += "&continue=" + UrlEscaped(all.next);
    const absl::StatusOr<std::string> text = Ask("GET", path + query);
    if (!text.ok()) return text.status();
    absl::StatusOr<KubeList> page = ReadKubeList(*text);
    if (!page.ok()) return page.status();
    if (page->items.empty() && !page->next.empty() && page->next == all.next) {
      return absl::DataLossError(absl::StrFormat("GET %s: a page names itself as its next", path));
    }
    if (all.items.size() + page->items.size() > kListItemsMax) {
      return absl::DataLossError(
          absl::StrFormat("GET %s: the list has more than %d objects", path, kListItemsMax));
    }
    all.items.insert(all.items.end(), std::make_move_iterator(page->items.begin()),
                     std::make_move_iterator(page->items.end()));
    all.resource_version = std::move(page->resource_version);
    all.next = std::move(page->next);
  } while (!all.next.empty());
  return all;
}

absl::StatusOr<KubeObject> KubeClient::Create(const std::string& path, std::string_view object) {
  return AskObject("POST", path, object, kJson);
}

absl::StatusOr<KubeObject> KubeClient::Replace(const std::string& path, std::string_view object) {
  return AskObject("PUT", path, object, kJson);
}

absl::StatusOr<KubeObject> KubeClient::Apply(const std::string& path, std::string_view object,
                                             const ApplyOptions& options) {
  return AskObject("PATCH", path + ApplyQuery(options), object, kApplyPatch);
}

absl::StatusOr<KubeObject> KubeClient::ApplyStatus(const std::string& path, std::string_view object,
                                                   const ApplyOptions& options) {
  return AskObject("PATCH", path + "/status" + ApplyQuery(options), object, kApplyPatch);
}

absl::StatusOr<KubeObject> KubeClient::Merge(const std::string& path, std::string_view patch) {
  return AskObject("PATCH", path, patch, kMergePatch);
}

absl::Status KubeClient::Delete(const std::string& path, const DeleteOptions& options) {
  return Ask("DELETE", path, DeletionOf(options), kJson).status();
}

absl::Status KubeClient::Watch(const std::string& path, const WatchOptions& options,
                               const std::function<absl::Status(const KubeChange& change)>& see) {
  const std::string query =
      absl::StrFormat("?watch=true&allowWatchBookmarks=true&resourceVersion=%s&timeoutSeconds=%d%s",
                      UrlEscaped(options.resource_version), absl::ToInt64Seconds(options.duration),
                      SelectionQuery(options.selection));
  const std::function<absl::Status(std::string_view)> see_line = [&see](std::string_view line) {
    const absl::StatusOr<KubeChange> change = ReadKubeChange(line);
    return change.ok() ? see(*change) : change.status();
  };
  LineCutter lines(see_line);
  state::HttpRequest request{.url = options_.server + path + query,
                             .sink = [&lines](std::string_view piece) { return lines.Take(piece); },
                             .timeout = options.duration + kWatchGrace,
                             .may_stall = true,
                             .stop = options.stop};
  const absl::Status authorized = Authorize(&request);
  if (!authorized.ok()) return authorized;
  const absl::StatusOr<state::HttpResponse> answer = http_.Send(request);
  if (!answer.ok()) return answer.status();
  if (answer->status < 200 || answer->status >= 300) {
    return KubeStatus(Call("watch", path), answer->status, answer->body,
                      answer->Header("retry-after"));
  }
  return absl::OkStatus();
}

}  // namespace turnout::kube
