// SchemaFetch: one schema of a registry that speaks Confluent's API, by its id, with all that it
// refers to, compiled.
//
//   GET <url>/schemas/ids/7                          {"schema", "schemaType", "references"}
//   GET <url>/subjects/<subject>/versions/<version>  the same, of each reference, and theirs
//
// Who asks is said anew with each request, from files that may have been replaced. A registry is
// not trusted: how long its answers are, how many there are and how deep they lead has limits.
//
// Errors: NotFound: there is no such schema, or it refers to one that is none. InvalidArgument: it
//   is none that events can be read by: it can't be compiled, or is beyond a limit. Both are the
//   registry's last word. Unavailable: anything else, and worth another try. Each names the id and
//   the registry, and none holds a secret.
// Threads: any; calls block for as long as the requests take.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/payload_schema.h"
#include "runtime/schema_registry_settings.h"
#include "state/http_client.h"

namespace turnout::runtime {

// References of references of ... a schema.
inline constexpr int kSchemaReferenceDepthMax = 32;
inline constexpr size_t kSchemaNameBytesMax = 1'000;  // of a reference, or a subject

struct FetchedSchema {
  std::shared_ptr<const connectors::PayloadSchema> schema;
  size_t text_bytes = 0;  // its own and its references'
};

class SchemaFetch {
 public:
  explicit SchemaFetch(SchemaRegistrySettings settings);

  // Gives up about a second after `stop` has become true.
  absl::StatusOr<FetchedSchema> Fetch(uint32_t id, const std::atomic<bool>& stop);

 private:
  class Walk;

  absl::StatusOr<std::string> Authorization() const;
  absl::StatusOr<state::HttpResponse> Ask(const std::string& path, absl::Duration within,
                                          const std::atomic<bool>& stop);

  const SchemaRegistrySettings settings_;
  state::HttpClient http_;
};

}  // namespace turnout::runtime
