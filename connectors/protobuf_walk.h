// WriteProtobufJson: a parsed message as one JSON object.
//
// Internal to connectors/, a door of libprotobuf. Names are the .proto file's; fields without
// presence are written with their default, others only when they are set; Google's own types have
// the forms that Protobuf's JSON gives them. An Any of a type of these files is parsed in turn,
// within what is left of the same bounds; one of another type keeps its bytes.
//
// Errors: InvalidArgument, naming the field.
#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "connectors/json_output.h"
#include "connectors/protobuf_types.h"

namespace turnout::connectors {

// `tree_bytes`: what the message takes in memory already (see protobuf_check).
absl::Status WriteProtobufJson(const ProtobufTypes& types, const google::protobuf::Message& message,
                               size_t tree_bytes, JsonOutput* out);

}  // namespace turnout::connectors
