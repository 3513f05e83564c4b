// Source offsets with their notes, and the consumer's membership, in librdkafka's form and back.
//
// Internal to connectors/. librdkafka 2.0.2 has no getters for group metadata, so what it
// serializes is read; CheckGroupMetadataFormat makes sure that this library writes what we read.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "connectors/record.h"

extern "C" {
struct rd_kafka_s;
struct rd_kafka_topic_partition_list_s;
struct rd_kafka_consumer_group_metadata_s;
}

namespace turnout::connectors {

struct PartitionListDeleter {
  void operator()(rd_kafka_topic_partition_list_s* list) const;
};
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_s, PartitionListDeleter>;

PartitionList MakePartitionList(rd_kafka_s* client, const std::string& topic,
                                absl::Span<const SourceOffset> offsets);
// Notes included; the offset is -1 where nothing is committed.
std::vector<SourceOffset> OffsetsOf(const rd_kafka_topic_partition_list_s& committed);

// Commits as the group's member that `client` is, and waits for the broker's answer: two seconds at
// most, then Unavailable.
absl::Status CommitOffsets(rd_kafka_s* client, const std::string& topic,
                           absl::Span<const SourceOffset> offsets, const std::string& doing);

struct GroupMetadataDeleter {
  void operator()(rd_kafka_consumer_group_metadata_s* metadata) const;
};
using LibraryGroupMetadata =
    std::unique_ptr<rd_kafka_consumer_group_metadata_s, GroupMetadataDeleter>;

LibraryGroupMetadata MakeGroupMetadata(const GroupMetadata& group);
// Of a consumer; without a member id while it belongs to no group.
GroupMetadata GroupMetadataOf(rd_kafka_s* client);
// Internal when the library writes another format than the one we read.
absl::Status CheckGroupMetadataFormat(rd_kafka_s* client);

}  // namespace turnout::connectors
