// SentItem: the items that a request's path and body name.
//
// Secrets are sealed here, under the item's id, as soon as they are read; what was read is
// overwritten, and the request once it is answered (runtime/http_front.h). The same secret again
// keeps the sealed text that is there, so that sending it twice changes nothing.
//
// Errors: InvalidArgument, FailedPrecondition where there are no keys to seal with.
// Threads: any.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "deploy/manager/api.h"
#include "deploy/manager/json_reader.h"

namespace turnout::manager {

// The item of the call's path.
absl::StatusOr<ItemId> PathItem(const Call& call);
// An item of the call's service, written "kind/name" or "service/kind/name".
absl::StatusOr<ItemId> NamedItem(const Call& call, const std::string& text);

// `text`, `type` and `bound_to` of an object.
absl::StatusOr<ItemContent> SentContent(const Parts& parts, const Call& call, const ItemId& id,
                                        JsonReader* object);

// The version in an If-Match, or none; that of what is there with If-Match: *, 0 with
// If-None-Match: *. Aborted where there is nothing with If-Match: *.
absl::StatusOr<std::optional<int64_t>> ExpectedVersion(const Parts& parts, const Call& call,
                                                       const ItemId& id);
// What that means to the caller: 412 for Aborted.
HttpAnswer NotAsExpected(const absl::Status& status);

}  // namespace turnout::manager
