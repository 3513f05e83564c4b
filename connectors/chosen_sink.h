// ChosenSink: BatchSink where properties and brokers allow it, else KafkaSink.
//
// Properties decide when it is made, the first broker that answers when it is opened first. It
// stays with its choice.
//
// Errors: a Sink's.
// Threads: a Sink's; `on_choice` is called in Open, or when properties decide.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "connectors/kafka_client.h"
#include "connectors/sink.h"

namespace turnout::connectors {

// Which it is, and why, in words that follow a colon.
using OnSinkChoice = std::function<void(SinkKind kind, const std::string& why)>;

// InvalidArgument names a property whose value can't be.
absl::StatusOr<std::unique_ptr<Sink>> MakeChosenSink(const KafkaSinkOptions& options,
                                                     SinkKind wanted, OnSinkChoice on_choice);

}  // namespace turnout::connectors
