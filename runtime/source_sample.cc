#include "runtime/source_sample.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "absl/time/clock.h"
#include "runtime/command_client.h"
#include "runtime/event_mask.h"
#include "runtime/event_sample.h"
#include "runtime/load_config.h"
#include "runtime/schema_registry.h"

namespace turnout::runtime {
absl::StatusOr<SourceSample> ReadSourceSample(const std::string& pipeline,
                                              const std::string& access, size_t events,
                                              absl::Duration within) {
  const absl::StatusOr<Config> source = ConfigOf(pipeline);
  if (!source.ok()) return source.status();
  if (!source->rules_from.shows_samples) return SourceSample();
  const absl::StatusOr<Config> reached = ConfigOf(access);
  if (!reached.ok()) return reached.status();
  absl::StatusOr<CommandClient> client = MakeCommandClient(*reached, "sample", stderr);
  if (!client.ok()) return client.status();
  client->options.events = {};  // its answers tell
  auto read = ReadSample(client->options, source->topic, events, within);
  if (!read.ok()) return read.status();
  const auto schemas = MakeSchemaRegistry(source->has_schemas, source->schemas);
  const absl::Time end = absl::Now() + within;
  for (ExplainedEvent& event : *read) {
    event.Decode(schemas.get(), std::max(end - absl::Now(), absl::ZeroDuration()));
  }
  return SourceSample{.is_allowed = true,
                      .events = read->size(),
                      .json = SampleJson(*read, EventMask(source->rules_from.sample_mask))};
}

}  // namespace turnout::runtime
