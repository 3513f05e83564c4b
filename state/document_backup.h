// Backups of a DocumentStore: verified copies in a CheckpointStore, and stores made from them.
//
// A backup is the files of a snapshot under `backups/NAME/files/SHA-256` and, written last and only
// if there is none, the manifest `backups/NAME/manifest`: it is there in full or not at all, and
// shares nothing with others, so that one is removed by removing what is below its name. Before it
// is published every block of the snapshot is read, it is opened and described, and what was sent
// is read back; before a restored one is put in place all that is done again, and its description
// compared.
//
// Format of the manifest (sealed_text.h): "turnout-documents 1", "holds DESCRIPTION", a line
// "file NAME BYTES SHA-256" a file, and the seal.
// Errors: InvalidArgument for a name that can't be one or is taken, NotFound for a backup that
//   there is none of, DataLoss, naming the file, for one that is not whole; else those of
//   CheckpointStore and DocumentStore.
// Threads: any; one at a time in a directory. They block.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "state/checkpoint_store.h"
#include "state/document_store.h"

namespace turnout::state {

inline constexpr size_t kBackupNameBytesMax = 100;

// In a line, what a store holds; an error if that is not all right. Of equal stores it is equal.
using DescribeDocuments = absl::FunctionRef<absl::StatusOr<std::string>(const DocumentView&)>;

// `scratch` is a directory on the store's file system; what is there is removed. Answers the
// description of what was copied.
absl::StatusOr<std::string> BackUpDocuments(const DocumentStore& store, const std::string& scratch,
                                            CheckpointStore* to, std::string_view name,
                                            DescribeDocuments describe);

// Makes `directory`; FailedPrecondition if it is there. On an error nothing is. Answers the
// description.
absl::StatusOr<std::string> RestoreDocuments(CheckpointStore* from, std::string_view name,
                                             const std::string& directory,
                                             DescribeDocuments describe);

// The names of those that are there in full, the newest last.
absl::StatusOr<std::vector<std::string>> ListDocumentBackups(CheckpointStore* in);

// The names of those that are not: they are being made, or their making was cut short.
absl::StatusOr<std::vector<std::string>> ListUnfinishedDocumentBackups(CheckpointStore* in);

// What is stored of it.
absl::StatusOr<uint64_t> BytesOfDocumentBackup(CheckpointStore* in, std::string_view name);

// OK if there is none. Its manifest goes first, so that what is left is never taken for a backup.
absl::Status RemoveDocumentBackup(CheckpointStore* in, std::string_view name);

}  // namespace turnout::state
