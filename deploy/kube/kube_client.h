// KubeClient: asks a Kubernetes API server; paths in, objects out, as JSON text.
//
// Each call is one HTTPS exchange, and nothing is tried again: whoever calls knows what is worth
// it (kube_status.h). The token's file is read at each call, since the kubelet renews it. Answers
// are bounded in bytes, depth and pages, whatever the server says.
//
// Errors: those of kube_status.h, with the call and the server's own reason; DataLoss for an answer
//   that can't be read, or is longer than is taken; InvalidArgument for a token's file that can't
//   be read, or a certificate that is not trusted.
// Threads: any; calls block.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "deploy/kube/kube_object.h"
#include "deploy/kube/kube_options.h"
#include "state/http_client.h"

namespace turnout::kube {

inline constexpr int kPageItems = 500;
inline constexpr size_t kListItemsMax = 100'000;  // of all pages; beyond it the list fails
inline constexpr size_t kAnswerBytesMax = size_t{64} << 20;  // of an object, or of a page
inline constexpr size_t kWatchLineBytesMax = size_t{8} << 20;

struct KubeSelection {
  std::string labels;  // "app=x,team"; empty: all
  std::string fields;
};

struct ApplyOptions {
  std::string field_manager;
  bool force = true;  // takes fields over that others have applied; else that is Aborted
};

struct DeleteOptions {
  std::string uid;                         // only the object of that uid; another one is Aborted
  std::string resource_version;            // only as it was then
  std::string propagation = "Background";  // or Foreground, Orphan
  std::optional<int64_t> grace_period_seconds = std::nullopt;  // of pods; else their own
};

struct WatchOptions {
  KubeSelection selection;
  std::string resource_version;  // what comes after it; of a list, a change or a bookmark
  absl::Duration duration = absl::Minutes(5);  // the server ends it then, in good order
  const std::atomic<bool>* stop = nullptr;     // once true, it ends within about a second
};

class KubeClient {
 public:
  // `options` are complete (CompleteKubeOptions).
  explicit KubeClient(KubeOptions options);

  absl::StatusOr<KubeObject> Get(const std::string& path);

  // All pages of a collection. If the token of a page has run out: OutOfRange, begin anew.
  absl::StatusOr<KubeList> List(const std::string& path, const KubeSelection& selection = {});

  // `object` is JSON. Answers are the objects as they are now.
  absl::StatusOr<KubeObject> Create(const std::string& path, std::string_view object);
  // Of an object with its resourceVersion: Aborted if it has changed since.
  absl::StatusOr<KubeObject> Replace(const std::string& path, std::string_view object);
  // Server-side apply: the object has all fields that this manager wants, and is made if needed.
  absl::StatusOr<KubeObject> Apply(const std::string& path, std::string_view object,
                                   const ApplyOptions& options);
  // The same, of the status subresource; the object has to be there.
  absl::StatusOr<KubeObject> ApplyStatus(const std::string& path, std::string_view object,
                                         const ApplyOptions& options);
  // A JSON merge patch.
  absl::StatusOr<KubeObject> Merge(const std::string& path, std::string_view patch);

  absl::Status Delete(const std::string& path, const DeleteOptions& options = {});

  // Gives `see` each change as it comes. OK once the server has ended it in good order; OutOfRange
  // if resource_version is too old; what `see` returns, if that is no OK.
  absl::Status Watch(const std::string& path, const WatchOptions& options,
                     const std::function<absl::Status(const KubeChange& change)>& see);

  // The answer's text, whatever it is: /version, discovery.
  absl::StatusOr<std::string> GetText(const std::string& path);

 private:
  absl::Status Authorize(state::HttpRequest* request) const;
  // The text of an answer of 200 to 299.
  absl::StatusOr<std::string> Ask(std::string_view method, const std::string& path,
                                  std::string_view body = "", std::string_view content_type = "");
  absl::StatusOr<KubeObject> AskObject(std::string_view method, const std::string& path,
                                       std::string_view body, std::string_view content_type);

  const KubeOptions options_;
  state::HttpClient http_;
};

}  // namespace turnout::kube
