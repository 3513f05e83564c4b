#include "tests/support/memory_transactions.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace turnout::support {
namespace {

absl::Status Concurrent(const std::string& transactional_id) {
  return absl::UnavailableError(absl::StrFormat(
      "the last transaction of '%s' is still ending (CONCURRENT_TRANSACTIONS)", transactional_id));
}

}  // namespace

absl::StatusOr<ProducerEpoch> MemoryTransactions::Init(const std::string& transactional_id,
                                                       absl::Duration timeout) {
  Settle();
  Transaction& transaction = transactions_[transactional_id];
  if (transaction.producer.id < 0) transaction.producer = {next_producer_id_++, -1};
  if (transaction.state == State::kOngoing) {
    ++transaction.producer.epoch;
    BeginEnd(transaction, /*commit=*/false);
  }
  if (transaction.state != State::kEmpty) return Concurrent(transactional_id);
  ++transaction.producer.epoch;
  transaction.timeout = timeout;
  transaction.last_committed = false;
  return transaction.producer;
}

absl::StatusOr<MemoryTransactions::Transaction*> MemoryTransactions::Find(
    const std::string& transactional_id, ProducerEpoch producer) {
  Settle();
  const auto found = transactions_.find(transactional_id);
  if (found == transactions_.end() || found->second.producer.id != producer.id) {
    return absl::InternalError("no such producer id (INVALID_PRODUCER_ID_MAPPING)");
  }
  if (found->second.producer.epoch != producer.epoch) {
    return absl::FailedPreconditionError(
        absl::StrFormat("epoch %d of '%s' is fenced by %d (PRODUCER_FENCED)", producer.epoch,
                        transactional_id, found->second.producer.epoch));
  }
  return &found->second;
}

absl::Status MemoryTransactions::Touch(const std::string& transactional_id, ProducerEpoch producer,
                                       const std::string& name,
                                       std::function<void(bool commit)> write) {
  absl::StatusOr<Transaction*> found = Find(transactional_id, producer);
  if (!found.ok()) return found.status();
  Transaction& transaction = **found;
  if (transaction.state == State::kCommitting || transaction.state == State::kAborting) {
    return Concurrent(transactional_id);
  }
  if (transaction.state == State::kEmpty) {
    transaction.state = State::kOngoing;
    transaction.began = clock_->Now();
  }
  transaction.touched.try_emplace(name, std::move(write));
  return absl::OkStatus();
}

absl::Status MemoryTransactions::AddPartition(const std::string& transactional_id,
                                              ProducerEpoch producer, const std::string& name,
                                              MemoryPartition* partition) {
  return Touch(transactional_id, producer, absl::StrCat("partition ", name),
               [partition, producer](bool commit) { partition->WriteMarker(producer.id, commit); });
}

absl::Status MemoryTransactions::AddGroup(const std::string& transactional_id,
                                          ProducerEpoch producer, const std::string& name,
                                          MemoryGroup* group) {
  return Touch(transactional_id, producer, absl::StrCat("group ", name),
               [group, producer](bool commit) { group->Resolve(producer.id, commit); });
}

absl::Status MemoryTransactions::End(const std::string& transactional_id, ProducerEpoch producer,
                                     bool commit) {
  absl::StatusOr<Transaction*> found = Find(transactional_id, producer);
  if (!found.ok()) return found.status();
  Transaction& transaction = **found;
  if (transaction.state == State::kOngoing) {
    BeginEnd(transaction, commit);
    return absl::OkStatus();
  }
  if (transaction.last_committed == commit) return absl::OkStatus();
  return absl::InternalError(absl::StrFormat("the transaction of '%s' has ended the other way "
                                             "(INVALID_TXN_STATE)", transactional_id));
}

void MemoryTransactions::BeginEnd(Transaction& transaction, bool commit) {
  transaction.state = commit ? State::kCommitting : State::kAborting;
  transaction.last_committed = commit;
  const int64_t delay_max_us = absl::ToInt64Microseconds(marker_delay_max_);
  for (auto& [name, write] : transaction.touched) {
    const absl::Duration delay = absl::Microseconds(random_->Between(0, delay_max_us));
    transaction.markers.push_back({clock_->Now() + delay, std::move(write)});
  }
  transaction.touched.clear();
}

void MemoryTransactions::Settle() {
  const absl::Time now = clock_->Now();
  for (auto& [id, transaction] : transactions_) {
    if (transaction.state == State::kOngoing && now - transaction.began > transaction.timeout) {
      ++transaction.producer.epoch;  // its owner can't go on
      BeginEnd(transaction, /*commit=*/false);
    }
    if (transaction.state == State::kEmpty || transaction.state == State::kOngoing) continue;
    std::vector<Marker> later;
    for (Marker& marker : transaction.markers) {
      if (marker.due <= now) {
        marker.write(transaction.state == State::kCommitting);
      } else {
        later.push_back(std::move(marker));
      }
    }
    transaction.markers = std::move(later);
    if (transaction.markers.empty()) transaction.state = State::kEmpty;
  }
}

bool MemoryTransactions::idle() const {
  for (const auto& [id, transaction] : transactions_) {
    if (transaction.state != State::kEmpty) return false;
  }
  return true;
}

std::string MemoryTransactions::Describe() const {
  std::string text;
  for (const auto& [id, transaction] : transactions_) {
    if (transaction.state == State::kEmpty) continue;
    absl::StrAppend(&text, text.empty() ? "" : "; ", "the transaction of '", id, "' is ",
                    transaction.state == State::kOngoing ? "open" : "ending");
  }
  return text.empty() ? "no transaction is open" : text;
}

}  // namespace turnout::support
