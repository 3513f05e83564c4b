#include "state/sequence_mark.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "state/files.h"
#include "state/sealed_text.h"

namespace turnout::state {
namespace {

constexpr size_t kSlotBytes = 512;  // a sector
constexpr int kSlots = 2;
constexpr absl::string_view kWord = "acknowledged ";

// False: it is none.
bool ReadSlot(std::string_view slot, uint64_t* sequence) {
  const absl::StatusOr<std::string_view> text = OpenSealed(slot.substr(0, slot.find('\0')));
  if (!text.ok()) return false;
  absl::string_view line(text->data(), text->size());
  return absl::ConsumePrefix(&line, kWord) && absl::ConsumeSuffix(&line, "\n") &&
         absl::SimpleAtoi(line, sequence);
}

}  // namespace

SequenceMark::SequenceMark(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

SequenceMark::~SequenceMark() { ::close(fd_); }

absl::StatusOr<std::unique_ptr<SequenceMark>> SequenceMark::Open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return ErrnoStatus(errno, "opening", path);
  std::unique_ptr<SequenceMark> mark(new SequenceMark(path, fd));
  if (absl::Status read = mark->Read(); !read.ok()) return read;
  if (absl::Status synced = SyncDirectory(std::filesystem::path(path).parent_path());
      !synced.ok()) {
    return synced;
  }
  return mark;
}

absl::Status SequenceMark::Read() {
  const absl::StatusOr<std::string> bytes = ReadFile(path_, kSlots * kSlotBytes);
  if (!bytes.ok()) return bytes.status();
  const absl::MutexLock lock(&mu_);
  bool has_any = false;
  for (int i = 0; i < kSlots && i * kSlotBytes < bytes->size(); ++i) {
    uint64_t sequence = 0;
    if (!ReadSlot(std::string_view(*bytes).substr(i * kSlotBytes, kSlotBytes), &sequence)) continue;
    has_any = true;
    if (sequence < sequence_) continue;
    sequence_ = sequence;
    next_slot_ = (i + 1) % kSlots;
  }
  // The very first one may have been cut short: nothing had been acknowledged yet.
  if (has_any || bytes->size() <= kSlotBytes) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path_, " can't be read; restore a backup"));
}

uint64_t SequenceMark::sequence() const {
  const absl::MutexLock lock(&mu_);
  return sequence_;
}

absl::Status SequenceMark::Advance(uint64_t sequence) {
  const absl::MutexLock lock(&mu_);
  if (sequence <= sequence_) return absl::OkStatus();
  std::string slot = SealText(absl::StrCat(kWord, sequence, "\n"));
  slot.resize(kSlotBytes);
  const auto offset = static_cast<off_t>(next_slot_ * kSlotBytes);
  if (::pwrite(fd_, slot.data(), slot.size(), offset) != static_cast<ssize_t>(slot.size())) {
    return ErrnoStatus(errno, "writing", path_);
  }
  if (::fdatasync(fd_) != 0) return ErrnoStatus(errno, "syncing", path_);
  sequence_ = sequence;
  next_slot_ = (next_slot_ + 1) % kSlots;
  return absl::OkStatus();
}

}  // namespace turnout::state
