// txn: the cluster's transactions, those of this pipeline marked; what hangs and holds readers
// back, and its end.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "connectors/transaction_admin.h"

namespace turnout::runtime {

struct TxnOptions {
  std::string verb;  // ls, abort
  std::string config_path;
  std::vector<std::string> overrides;  // of `--set`
  bool json = false;
  bool all = false;                 // ls: those that are over too
  bool hanging = false;             // ls: partitions that wait for a marker which won't come
  std::vector<std::string> topics;  // ls --hanging: of these alone
  // abort: one of them.
  std::string transactional_id;
  std::string topic;
  int32_t partition = -1;
  int64_t start_offset = -1;
  bool yes = false;
};

// Exit status: 0; 1 where there is no such transaction, or brokers don't answer; 2 for what whoever
// asks has to mend: the config, the usage, what is not granted.
int RunTxn(const TxnOptions& options, std::FILE* out, std::FILE* err);

// Of what is open in partitions: what no coordinator has open any more.
std::vector<connectors::OpenInPartition> Hanging(
    absl::Span<const connectors::OpenInPartition> open,
    absl::Span<const connectors::KnownTransaction> known);

// What a pipeline's transactional ids begin with.
struct RouterName {
  std::string group;
  std::string instance;  // one of them
};

// For people: a table of them at `now_ms`, those of `router`'s pipeline marked.
std::string TransactionTable(absl::Span<const connectors::KnownTransaction> known,
                             const RouterName& router, int64_t now_ms);
// For machines: an object a line; `ours` is null where the id doesn't tell.
std::string TransactionLines(absl::Span<const connectors::KnownTransaction> known,
                             const RouterName& router, int64_t now_ms);

}  // namespace turnout::runtime
