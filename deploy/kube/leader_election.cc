#include "deploy/kube/leader_election.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_format.h"
#include "deploy/kube/kube_path.h"

namespace turnout::kube {
namespace {

using nlohmann::json;

const KubeResource& Leases() {
  static const auto* const leases = new KubeResource{"coordination.k8s.io/v1", "Lease", "leases"};
  return *leases;
}

std::string MicroTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

std::string TextOf(const json& spec, const char* name) {
  const auto found = spec.find(name);
  return found != spec.end() && found->is_string() ? found->get<std::string>() : std::string();
}

LeaseRecord RecordOf(const std::string& text) {
  const json lease = json::parse(text, nullptr, false);
  const auto spec = lease.find("spec");
  LeaseRecord record;
  if (spec == lease.end() || !spec->is_object()) return record;
  record.holder = TextOf(*spec, "holderIdentity");
  record.acquire_time = TextOf(*spec, "acquireTime");
  record.renew_time = TextOf(*spec, "renewTime");
  const auto transitions = spec->find("leaseTransitions");
  if (transitions != spec->end() && transitions->is_number_integer()) {
    record.transitions = transitions->get<int64_t>();
  }
  return record;
}

}  // namespace

LeaderElection::LeaderElection(KubeClient* client, LeaderOptions options, LeaderClocks clocks)
    : client_(client),
      options_(std::move(options)),
      clocks_(std::move(clocks)),
      collection_(KubePath(Leases(), options_.namespace_name)),
      path_(KubePath(Leases(), options_.namespace_name, options_.lease)),
      holds_until_ms_(clocks_.steady_ms()) {}

void LeaderElection::Observe(const LeaseRecord& record) {
  const absl::MutexLock lock(&mutex_);
  if (has_observed_ && observed_ == record) return;
  has_observed_ = true;
  observed_ = record;
  observed_at_ms_ = clocks_.steady_ms();
}

std::string LeaderElection::holder() const {
  const absl::MutexLock lock(&mutex_);
  return observed_.holder;
}

absl::Status LeaderElection::Tick() {
  const int64_t begin_ms = clocks_.steady_ms();
  const std::string now = MicroTime(clocks_.now());
  LeaseRecord wanted = {options_.identity, now, now, 0};
  const absl::StatusOr<KubeObject> lease = client_->Get(path_);
  if (absl::IsNotFound(lease.status())) return Write(wanted, "", begin_ms);
  if (!lease.ok()) return lease.status();
  const LeaseRecord seen = RecordOf(lease->json);
  Observe(seen);
  const bool is_own = seen.holder == options_.identity;
  const int64_t free_at_ms =
      observed_at_ms_ + absl::ToInt64Milliseconds(options_.times.lease_duration);
  if (!is_own && !seen.holder.empty() && clocks_.steady_ms() < free_at_ms) {
    holds_until_ms_ = begin_ms;  // somebody else has it, whatever this process believed
    return absl::OkStatus();
  }
  wanted.transitions = seen.transitions + (is_own ? 0 : 1);
  if (is_own) wanted.acquire_time = seen.acquire_time;
  return Write(wanted, lease->resource_version, begin_ms);
}

absl::Status LeaderElection::Write(const LeaseRecord& record, const std::string& resource_version,
                                   int64_t begin_ms) {
  json lease = {{"apiVersion", Leases().api_version},
                {"kind", Leases().kind},
                {"metadata", {{"name", options_.lease}, {"namespace", options_.namespace_name}}},
                {"spec",
                 {{"holderIdentity", record.holder},
                  // A lease that is nobody's has to say a length, too.
                  {"leaseDurationSeconds",
                   record.holder.empty() ? 1 : absl::ToInt64Seconds(options_.times.lease_duration)},
                  {"acquireTime", record.acquire_time},
                  {"renewTime", record.renew_time},
                  {"leaseTransitions", record.transitions}}}};
  const bool is_new = resource_version.empty();
  if (!is_new) lease["metadata"]["resourceVersion"] = resource_version;
  const std::string text = lease.dump(-1, ' ', false, json::error_handler_t::replace);
  const absl::StatusOr<KubeObject> written =
      is_new ? client_->Create(collection_, text) : client_->Replace(path_, text);
  if (!written.ok()) return written.status();
  Observe(RecordOf(written->json));
  // From before the first byte was sent: nobody can have seen this renewal earlier.
  if (record.holder == options_.identity) {
    holds_until_ms_ = begin_ms + absl::ToInt64Milliseconds(options_.times.renew_deadline);
  }
  return absl::OkStatus();
}

absl::Status LeaderElection::Release() {
  const int64_t begin_ms = clocks_.steady_ms();
  holds_until_ms_ = begin_ms;
  const absl::StatusOr<KubeObject> lease = client_->Get(path_);
  if (!lease.ok()) return lease.status();
  const LeaseRecord seen = RecordOf(lease->json);
  if (seen.holder != options_.identity) return absl::OkStatus();
  const std::string now = MicroTime(clocks_.now());
  return Write({"", now, now, seen.transitions}, lease->resource_version, begin_ms);
}

}  // namespace turnout::kube
