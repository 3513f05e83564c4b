#include "tests/support/memory_log.h"

#include <utility>

#include "tests/support/murmur2.h"

namespace turnout::support {

MemoryLog::MemoryLog(MemoryLogOptions options, SimulatedClock* clock)
    : options_(options),
      clock_(clock),
      random_(options.seed),
      transactions_(options.marker_delay_max, &random_, clock) {
  clock_->OnAdvance([this] { Settle(); });
}

MemoryLog::~MemoryLog() { clock_->OnAdvance(nullptr); }

MemoryTopic* MemoryLog::CreateTopic(const std::string& name, int32_t partitions,
                                    int64_t batch_bytes_max) {
  std::unique_ptr<MemoryTopic>& topic = topics_[name];
  if (topic != nullptr) return topic.get();
  topic = std::make_unique<MemoryTopic>();
  topic->name = name;
  topic->batch_bytes_max = batch_bytes_max;
  for (int32_t i = 0; i < partitions; ++i) {
    topic->partitions.push_back(std::make_unique<MemoryPartition>());
  }
  return topic.get();
}

MemoryTopic* MemoryLog::FindTopic(std::string_view name) {
  const auto found = topics_.find(std::string(name));
  return found == topics_.end() ? nullptr : found->second.get();
}

int32_t MemoryLog::Append(const std::string& topic, MemoryRecord record) {
  MemoryTopic& to = *topics_.at(topic);
  const int32_t partition = ChoosePartition(to, record, random_);
  to.partitions[partition]->Append(std::move(record));
  return partition;
}

MemoryGroup* MemoryLog::Group(const std::string& id, const std::string& topic) {
  std::unique_ptr<MemoryGroup>& group = groups_[id];
  if (group == nullptr) {
    const int32_t partitions = static_cast<int32_t>(topics_.at(topic)->partitions.size());
    group = std::make_unique<MemoryGroup>(id, partitions, options_.group, clock_);
  }
  return group.get();
}

void MemoryLog::Settle() {
  for (auto& [id, group] : groups_) group->Settle();
  transactions_.Settle();
}

int32_t ChoosePartition(const MemoryTopic& topic, const MemoryRecord& record,
                        SeededRandom& random) {
  const int32_t count = static_cast<int32_t>(topic.partitions.size());
  if (record.partition >= 0) return record.partition;
  if (record.key) return PartitionOfKey(*record.key, count);
  return static_cast<int32_t>(random.Below(count));
}

}  // namespace turnout::support
