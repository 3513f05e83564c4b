#include "deploy/manager/audit_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "deploy/manager/json_reader.h"
#include "deploy/manager/json_writer.h"
#include "runtime/json_text.h"
#include "runtime/log.h"
#include "state/files.h"

namespace turnout::manager {
namespace {

constexpr char kTimeFormat[] = "%Y-%m-%dT%H:%M:%E3SZ";
constexpr mode_t kOwnerOnly = 0600;

std::string LineOf(const AuditEntry& entry, absl::Time now) {
  JsonObject line;
  line.Text("at", absl::FormatTime(kTimeFormat, now, absl::UTCTimeZone()));
  const auto add = [&line](std::string_view name, const std::string& text) {
    if (!text.empty()) line.Text(name, text);
  };
  add("by", entry.by);
  add("peer", entry.peer);
  add("action", entry.action);
  add("service", entry.service);
  add("item", entry.item);
  if (!entry.items.empty()) {
    const size_t count = std::min(entry.items.size(), kAuditItemsMax);
    const std::vector<std::string> shown(entry.items.begin(),
                                         entry.items.begin() + static_cast<ptrdiff_t>(count));
    line.Json("items",
              JsonArray(shown, [](const std::string& item) { return runtime::JsonString(item); }));
  }
  add("outcome", entry.outcome);
  if (entry.status != 0) line.Number("status", entry.status);
  if (entry.change != 0) line.Number("change", entry.change);
  if (entry.proposal != 0) line.Number("proposal", entry.proposal);
  add("detail", runtime::WithoutSecrets(entry.detail.substr(0, kAuditDetailBytesMax)));
  return line.Done() + "\n";
}

bool Suits(const std::string& line, const AuditQuery& query) {
  JsonReader reader(line, "the line");
  const auto is = [&reader](std::string_view name, const std::string& wanted) {
    return wanted.empty() || reader.Text(name, "") == wanted;
  };
  const auto is_about = [&] {
    if (is("item", query.item)) return true;
    const std::vector<std::string> items = reader.Texts("items", kAuditItemsMax);
    return std::find(items.begin(), items.end(), query.item) != items.end();
  };
  absl::Time at;
  std::string error;
  return reader.status().ok() && is("by", query.by) && is("action", query.action) &&
         is("service", query.service) && is("outcome", query.outcome) && is_about() &&
         absl::ParseTime(absl::RFC3339_full, reader.Text("at", ""), &at, &error) &&
         at >= query.since && at <= query.until;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Open(const std::string& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, kOwnerOnly);
  if (descriptor < 0) return state::ErrnoStatus(errno, "opening", file);
  std::unique_ptr<AuditLog> log(new AuditLog(file, descriptor));
  // What a crash has cut off ends here, so that the next line begins at its own.
  char last = '\n';
  const off_t size = ::lseek(descriptor, 0, SEEK_END);
  if (size > 0 && ::pread(descriptor, &last, 1, size - 1) != 1) {
    return state::ErrnoStatus(errno, "reading", file);
  }
  if (last != '\n' && ::write(descriptor, "\n", 1) != 1) {
    return state::ErrnoStatus(errno, "writing", file);
  }
  const std::string directory = file.substr(0, file.rfind('/') + 1);
  if (const absl::Status synced = state::SyncDirectory(directory.empty() ? "." : directory);
      !synced.ok()) {
    return synced;
  }
  return log;
}

AuditLog::~AuditLog() { ::close(descriptor_); }

absl::Status AuditLog::Append(const AuditEntry& entry, absl::Time now) {
  const std::string line = LineOf(entry, now);
  absl::MutexLock lock(&mu_);
  // One write: with O_APPEND, lines don't mix. What did not fit is the next line's trouble alone.
  const ssize_t wrote = ::write(descriptor_, line.data(), line.size());
  if (wrote != static_cast<ssize_t>(line.size())) {
    const int error = wrote < 0 ? errno : ENOSPC;
    if (wrote > 0) (void)!::write(descriptor_, "\n", 1);
    return state::ErrnoStatus(error, "writing", file_);
  }
  const uint64_t mine = ++written_;
  while (synced_ < mine) {
    if (is_syncing_) {
      const auto is_free = [this, mine]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        return !is_syncing_ || synced_ >= mine;
      };
      mu_.Await(absl::Condition(&is_free));
      continue;
    }
    is_syncing_ = true;
    const uint64_t up_to = written_;
    mu_.Unlock();
    const int failed = ::fdatasync(descriptor_) == 0 ? 0 : errno;
    mu_.Lock();
    is_syncing_ = false;
    if (failed != 0) return state::ErrnoStatus(failed, "syncing", file_);
    synced_ = std::max(synced_, up_to);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> AuditLog::Find(const AuditQuery& query) const {
  const off_t size = ::lseek(descriptor_, 0, SEEK_END);
  if (size < 0) return state::ErrnoStatus(errno, "reading", file_);
  const off_t begin = std::max<off_t>(0, size - static_cast<off_t>(kAuditReadBytesMax));
  std::string bytes(static_cast<size_t>(size - begin), '\0');
  size_t got = 0;
  while (got < bytes.size()) {
    const ssize_t part = ::pread(descriptor_, bytes.data() + got, bytes.size() - got,
                                 begin + static_cast<off_t>(got));
    if (part < 0) return state::ErrnoStatus(errno, "reading", file_);
    if (part == 0) break;
    got += static_cast<size_t>(part);
  }
  bytes.resize(got);
  std::vector<std::string> lines;
  size_t end = bytes.rfind('\n');
  while (end != std::string::npos && lines.size() < std::min(query.lines_max, kAuditLinesMax)) {
    const size_t before = end == 0 ? std::string::npos : bytes.rfind('\n', end - 1);
    if (before == std::string::npos && begin > 0) break;  // its beginning was not read
    const size_t from = before == std::string::npos ? 0 : before + 1;
    std::string line = bytes.substr(from, end - from);
    if (Suits(line, query)) lines.push_back(std::move(line));
    end = before;
  }
  return lines;
}

}  // namespace turnout::manager
