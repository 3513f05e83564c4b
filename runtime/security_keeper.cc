#include "runtime/security_keeper.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/config_values.h"
#include "runtime/log.h"
#include "runtime/managed_values.h"
#include "state/files.h"
#include "state/sha256.h"

namespace turnout::runtime {
namespace {

using connectors::CertificateLife;

constexpr absl::Duration kSaidAheadMax = absl::Hours(7 * 24);
constexpr double kSaidAheadPart = 0.2;  // of a certificate's life

bool IsPassword(const std::string& name) {
  return name == "sasl.username" || name == "sasl.password";
}

// A file's content as far as it can be had; librdkafka says what is wrong with it.
std::string ContentMark(const std::string& path) {
  const absl::StatusOr<std::string> content = state::ReadFile(path, SecurityKeeper::kFileBytesMax);
  return content.ok() ? state::Sha256(*content) : "not to be read";
}

absl::Status CantBeTaken(const std::string& name, const TextProblem& problem) {
  return absl::InvalidArgumentError(absl::StrCat("kafka.", name, " ", problem.what, " (",
                                                 problem.cure,
                                                 "); what it was before is used meanwhile"));
}

}  // namespace

SecurityKeeper::SecurityKeeper(Properties now, Read read, Report report, absl::Duration every)
    : read_(std::move(read)),
      report_(std::move(report)),
      every_(every),
      marks_(MarksOf(now)),
      properties_(std::move(now)),
      thread_([this] { Run(); }) {}

SecurityKeeper::~SecurityKeeper() {
  {
    const absl::MutexLock lock(&mu_);
    stop_ = true;
  }
  thread_.join();
}

SecurityKeeper::Properties SecurityKeeper::Current() {
  const absl::MutexLock lock(&mu_);
  return properties_;
}

int SecurityKeeper::AddListener(Listener listener) {
  const absl::MutexLock lock(&listeners_mu_);
  listeners_[++last_listener_] = std::move(listener);
  return last_listener_;
}

void SecurityKeeper::RemoveListener(int listener) {
  const absl::MutexLock lock(&listeners_mu_);
  listeners_.erase(listener);
}

SecurityKeeper::Marks SecurityKeeper::MarksOf(const Properties& properties) {
  Marks marks;
  for (const auto& [name, value] : properties) {
    if (IsPassword(name)) absl::StrAppend(&marks.passwords, name, "=", value, "\n");
    if (!absl::StartsWith(name, "ssl.")) continue;
    absl::StrAppend(&marks.certificates, name, "=", value, "\n");
    if (absl::EndsWith(name, ".location")) {
      absl::StrAppend(&marks.certificates, ContentMark(value), "\n");
    }
  }
  return marks;
}

void SecurityKeeper::Run() {
  for (;;) {
    report_(Look());
    const absl::MutexLock lock(&mu_);
    if (mu_.AwaitWithTimeout(absl::Condition(&stop_), every_)) return;
  }
}

SecurityReport SecurityKeeper::Look() {
  SecurityReport report;
  absl::StatusOr<Properties> found = read_();
  Properties now = found.ok() ? *found : Current();
  report.status = found.status();
  if (found.ok()) {
    Marks marks = MarksOf(now);
    report.certificates_changed = marks.certificates != marks_.certificates;
    report.passwords_changed = marks.passwords != marks_.passwords;
    if (report.certificates_changed) report.status = connectors::CheckCertificates(now);
    if (!report.status.ok()) {
      report.certificates_changed = report.passwords_changed = false;
      now = Current();
    } else {
      marks_ = std::move(marks);
    }
  }
  auto lives = connectors::CertificateLives(now);
  if (lives.ok()) report.certificates = *std::move(lives);
  if (report.status.ok()) report.status = lives.status();
  if (!report.certificates_changed && !report.passwords_changed) return report;
  {
    const absl::MutexLock lock(&mu_);
    properties_ = now;
  }
  if (report.certificates_changed) ++certificate_edition_;
  if (!report.passwords_changed) return report;
  ++password_edition_;
  const absl::MutexLock lock(&listeners_mu_);
  for (const auto& [number, listener] : listeners_) listener(now);
  return report;
}

SecurityKeeper::Read ReadingOf(const Config& config) {
  return [config,
          environment = EnvironmentOf(config)]() -> absl::StatusOr<SecurityKeeper::Properties> {
    SecurityKeeper::Properties properties = config.kafka;
    for (const Config::KafkaReference& reference : config.kafka_references) {
      std::vector<TextProblem> problems;
      const ExpandedText expanded =
          ExpandText(reference.written, environment, reference.directory, &problems);
      if (!problems.empty()) return CantBeTaken(reference.name, problems.front());
      for (auto& [name, value] : properties) {
        if (name != reference.name || value == expanded.text) continue;
        if (expanded.text.empty()) {
          return CantBeTaken(
              name, {.what = "comes from a file that is empty now", .cure = "write it anew"});
        }
        HideInLog(expanded.text);
        value = expanded.text;
      }
    }
    return properties;
  };
}

std::string CertificateTrouble(const CertificateLife& life, absl::Time now) {
  const absl::Duration ahead = std::min((life.ends - life.begins) * kSaidAheadPart, kSaidAheadMax);
  if (now < life.ends - ahead) return {};
  const std::string when = absl::FormatTime(absl::RFC3339_sec, life.ends, absl::UTCTimeZone());
  return absl::StrCat("the certificate ", life.subject, " of kafka.", life.property,
                      now < life.ends ? " ends at " : " has ended at ", when,
                      now < life.ends ? ": no new connection is made by it then"
                                      : ": no new connection is made by it",
                      " (put a fresh one in its place, which is taken up without a restart)");
}

}  // namespace turnout::runtime
