#include "connectors/kafka_offsets.h"

#include <librdkafka/rdkafka.h>

#include <cstring>
#include <optional>
#include <string_view>

#include "absl/strings/str_format.h"
#include "connectors/kafka_client.h"
#include "connectors/kafka_errors.h"
#include "connectors/kafka_handle.h"

namespace turnout::connectors {
namespace {

constexpr int kCommitTimeoutMs = 2'000;

// What librdkafka writes: "CGMDv2:", generation as int32, then group and member id ending in NUL, a
// byte that is 1 where there is no instance id, else that id ending in NUL.
std::optional<GroupMetadata> ReadGroupMetadata(std::string_view bytes) {
  constexpr std::string_view kMagic = "CGMDv2:";
  GroupMetadata group;
  if (bytes.substr(0, kMagic.size()) != kMagic) return std::nullopt;
  bytes.remove_prefix(kMagic.size());
  if (bytes.size() < sizeof(group.generation)) return std::nullopt;
  std::memcpy(&group.generation, bytes.data(), sizeof(group.generation));
  bytes.remove_prefix(sizeof(group.generation));
  const auto read_string = [&bytes](std::string* to) {
    const size_t end = bytes.find('\0');
    if (end == std::string_view::npos) return false;
    to->assign(bytes.data(), end);
    bytes.remove_prefix(end + 1);
    return true;
  };
  if (!read_string(&group.group_id) || !read_string(&group.member_id)) return std::nullopt;
  if (bytes.empty()) return std::nullopt;
  const bool no_instance = bytes.front() != 0;
  bytes.remove_prefix(1);
  if (!no_instance && !read_string(&group.group_instance_id)) return std::nullopt;
  if (!bytes.empty()) return std::nullopt;
  return group;
}

std::optional<GroupMetadata> CopyGroupMetadata(rd_kafka_t* client,
                                               rd_kafka_consumer_group_metadata_t* metadata) {
  void* bytes = nullptr;
  size_t size = 0;
  rd_kafka_error_t* error = rd_kafka_consumer_group_metadata_write(metadata, &bytes, &size);
  if (error != nullptr) {
    rd_kafka_error_destroy(error);
    return std::nullopt;
  }
  std::optional<GroupMetadata> read = ReadGroupMetadata({static_cast<const char*>(bytes), size});
  rd_kafka_mem_free(client, bytes);
  return read;
}

}  // namespace

void PartitionListDeleter::operator()(rd_kafka_topic_partition_list_s* list) const {
  rd_kafka_topic_partition_list_destroy(list);
}

void GroupMetadataDeleter::operator()(rd_kafka_consumer_group_metadata_s* metadata) const {
  rd_kafka_consumer_group_metadata_destroy(metadata);
}

PartitionList MakePartitionList(rd_kafka_s* client, const std::string& topic,
                                absl::Span<const SourceOffset> offsets) {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (const SourceOffset& offset : offsets) {
    rd_kafka_topic_partition_t* one =
        rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), offset.partition);
    one->offset = offset.offset;
    if (offset.note.empty()) continue;
    one->metadata = rd_kafka_mem_malloc(client, offset.note.size());
    std::memcpy(one->metadata, offset.note.data(), offset.note.size());
    one->metadata_size = offset.note.size();
  }
  return list;
}

std::vector<SourceOffset> OffsetsOf(const rd_kafka_topic_partition_list_s& committed) {
  std::vector<SourceOffset> offsets;
  for (int i = 0; i < committed.cnt; ++i) {
    const rd_kafka_topic_partition_t& one = committed.elems[i];
    SourceOffset& offset = offsets.emplace_back();
    offset.partition = one.partition;
    offset.offset = one.offset >= 0 ? one.offset : -1;
    if (one.metadata == nullptr) continue;
    // librdkafka 2.0.2 copies only up to a NUL but gives the whole size.
    const char* note = static_cast<const char*>(one.metadata);
    offset.note.assign(note, strnlen(note, one.metadata_size));
  }
  return offsets;
}

absl::Status CommitOffsets(rd_kafka_s* client, const std::string& topic,
                           absl::Span<const SourceOffset> offsets, const std::string& doing) {
  if (offsets.empty()) return absl::OkStatus();
  const PartitionList list = MakePartitionList(client, topic, offsets);
  const KafkaQueue answers(rd_kafka_queue_new(client));
  const rd_kafka_resp_err_t sent =
      rd_kafka_commit_queue(client, list.get(), answers.get(), nullptr, nullptr);
  if (sent != RD_KAFKA_RESP_ERR_NO_ERROR) return StatusOfKafkaCode(sent, doing);
  rd_kafka_event_t* answer = rd_kafka_queue_poll(answers.get(), kCommitTimeoutMs);
  if (answer == nullptr) {
    return absl::UnavailableError(doing + ": the broker has not answered in time");
  }
  rd_kafka_resp_err_t code = rd_kafka_event_error(answer);
  const rd_kafka_topic_partition_list_t* results = rd_kafka_event_topic_partition_list(answer);
  for (int i = 0; results != nullptr && i < results->cnt; ++i) {
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = results->elems[i].err;
  }
  rd_kafka_event_destroy(answer);
  return StatusOfKafkaCode(code, doing);
}

LibraryGroupMetadata MakeGroupMetadata(const GroupMetadata& group) {
  return LibraryGroupMetadata(rd_kafka_consumer_group_metadata_new_with_genid(
      group.group_id.c_str(), group.generation, group.member_id.c_str(),
      group.group_instance_id.empty() ? nullptr : group.group_instance_id.c_str()));
}

GroupMetadata GroupMetadataOf(rd_kafka_s* client) {
  const LibraryGroupMetadata metadata(rd_kafka_consumer_group_metadata(client));
  if (metadata == nullptr) return {};
  return CopyGroupMetadata(client, metadata.get()).value_or(GroupMetadata{});
}

// Without it a member that was thrown out of the group could still commit its offsets, so a library
// that writes another format must not be used at all.
absl::Status CheckGroupMetadataFormat(rd_kafka_s* client) {
  const GroupMetadata known{"group", 7, "member", "instance"};
  const LibraryGroupMetadata metadata = MakeGroupMetadata(known);
  const std::optional<GroupMetadata> read = CopyGroupMetadata(client, metadata.get());
  if (read && read->group_id == known.group_id && read->generation == known.generation &&
      read->member_id == known.member_id && read->group_instance_id == known.group_instance_id) {
    return absl::OkStatus();
  }
  return absl::InternalError(absl::StrFormat(
      "librdkafka %s keeps group metadata in a format that this build does not know",
      KafkaLibraryVersion()));
}

}  // namespace turnout::connectors
