// CheckProtobufBytes: what a message will take in memory once parsed, told from its bytes alone.
//
// Internal to connectors/, a door of libprotobuf. libprotobuf makes a whole message of two bytes
// that claim an empty one, however large its type is, and has no bound for what it makes. This walk
// over the same bytes adds up what it would, without making it. It also tells where bytes are
// malformed, which the parser does not.
//
// Errors: InvalidArgument with the byte, counted from the message's own beginning.
// Format: https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <cstddef>
#include <string_view>

#include "absl/status/status.h"
#include "connectors/protobuf_types.h"

namespace turnout::connectors {

// Bytes in memory that one payload may become.
inline constexpr size_t kProtobufTreeBytesMax = size_t{64} << 20;
// How deep messages and groups nest: libprotobuf's own limit.
inline constexpr int kProtobufDepthMax = 100;

// Adds what `bytes` takes as a message of `type` to `tree_bytes`.
absl::Status CheckProtobufBytes(const ProtobufTypes& types, const ProtobufType& type,
                                std::string_view bytes, size_t* tree_bytes);

// The most that so many bytes of any type can take: where that is little enough, nobody need look.
size_t ProtobufTreeBytesAtMost(const ProtobufTypes& types, size_t bytes);

}  // namespace turnout::connectors
