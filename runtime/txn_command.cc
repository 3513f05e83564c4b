#include "runtime/txn_command.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "connectors/kafka_topic_admin.h"
#include "runtime/command_client.h"
#include "runtime/counted.h"
#include "runtime/exit_status.h"
#include "runtime/json_text.h"
#include "runtime/load_config.h"
#include "runtime/log.h"

namespace turnout::runtime {
namespace {

using connectors::KnownTransaction;
using connectors::OpenInPartition;
using connectors::TopicPartition;
using connectors::TransactionAdmin;

constexpr absl::Duration kPatience = absl::Seconds(15);
// What a coordinator is about to end is over by then.
constexpr absl::Duration kSecondLook = absl::Seconds(2);
constexpr size_t kPartitionsShown = 3;

// What else there is has begun, or is being ended.
bool IsOver(const KnownTransaction& one) {
  return one.state == "Empty" || one.state == "CompleteCommit" || one.state == "CompleteAbort" ||
         one.state == "Dead";
}

// Whose a transactional id is, as far as it tells.
enum class Owner { kOther, kPerhapsUs, kUs };

// A worker's number in an id of a router, with an `r` before it where the worker re-keys.
bool IsWorker(absl::string_view text) {
  absl::ConsumePrefix(&text, "r");
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

// Without the ".2" and so on of those that a sink derives from the one that it is given.
absl::string_view WithoutTurn(absl::string_view id) {
  const size_t dot = id.rfind('.');
  int turn = 0;
  const bool is_turn = dot != id.npos && absl::SimpleAtoi(id.substr(dot + 1), &turn) && turn > 1;
  return is_turn ? id.substr(0, dot) : id;
}

// "GROUP-INSTANCE-WORKER" of a router, "GROUP-redrive" and "GROUP-replay:JOB" of jobs. A group's
// name may go on with `-`, and so may an instance's: of `a-b-c-0` nothing says which it is.
Owner OwnerOf(absl::string_view id, const RouterName& router) {
  if (!absl::ConsumePrefix(&id, absl::StrCat(router.group, "-"))) return Owner::kOther;
  if (absl::StartsWith(id, "replay:")) return Owner::kUs;
  id = WithoutTurn(id);
  if (id == "redrive") return Owner::kUs;
  const size_t dash = id.rfind('-');
  if (dash == id.npos || dash == 0 || !IsWorker(id.substr(dash + 1))) return Owner::kOther;
  const absl::string_view instance = id.substr(0, dash);
  if (instance == router.instance) return Owner::kUs;
  if (absl::StrContains(instance, ':')) return Owner::kOther;  // a replay's of another group
  return absl::StrContains(instance, '-') ? Owner::kPerhapsUs : Owner::kUs;
}

char MarkOf(Owner owner) {
  if (owner == Owner::kOther) return ' ';
  return owner == Owner::kUs ? '*' : '?';
}

const char* JsonOf(Owner owner) {
  if (owner == Owner::kOther) return "false";
  return owner == Owner::kUs ? "true" : "null";
}

std::string NameOf(const TopicPartition& one) {
  return absl::StrCat(one.topic, "/", one.partition);
}

// At most a few, and how many more there are.
std::string SomeOf(const std::vector<TopicPartition>& partitions) {
  std::vector<std::string> names;
  for (const TopicPartition& one : partitions) {
    if (names.size() == kPartitionsShown) break;
    names.push_back(NameOf(one));
  }
  std::string text = absl::StrJoin(names, " ");
  if (partitions.size() > names.size()) {
    absl::StrAppend(&text, " and ", partitions.size() - names.size(), " more");
  }
  return text;
}

bool IsSame(const OpenInPartition& a, const OpenInPartition& b) {
  return a.of == b.of && a.start_offset == b.start_offset && a.producer == b.producer;
}

std::string HangingLines(absl::Span<const OpenInPartition> hanging, bool json) {
  std::string text;
  for (const OpenInPartition& one : hanging) {
    if (json) {
      absl::StrAppendFormat(&text,
                            "{\"topic\":%s,\"partition\":%d,\"start_offset\":%d,\"producer\":%d,"
                            "\"epoch\":%d}\n",
                            JsonString(one.of.topic), one.of.partition, one.start_offset,
                            one.producer, one.epoch);
    } else {
      absl::StrAppendFormat(
          &text,
          "%s holds its readers at offset %d, where producer %d (epoch %d) has begun a transaction "
          "that no coordinator has open\n  turnout txn abort --topic %s --partition %d "
          "--start-offset %d ...\n",
          NameOf(one.of), one.start_offset, one.producer, one.epoch, one.of.topic, one.of.partition,
          one.start_offset);
    }
  }
  return text;
}

class TxnCommand {
 public:
  TxnCommand(const TxnOptions& options, const Config& config,
             const connectors::KafkaClientOptions& client, std::FILE* out)
      : options_(options), config_(config), client_(client), out_(out) {}

  absl::Status Run() {
    auto admin = TransactionAdmin::Make(client_);
    if (!admin.ok()) return admin.status();
    admin_ = *std::move(admin);
    if (options_.verb == "ls") return options_.hanging ? ListHanging() : List();
    return options_.transactional_id.empty() ? AbortInPartition() : AbortById();
  }

 private:
  absl::Status List();
  absl::Status ListHanging();
  absl::Status AbortById();
  absl::Status AbortInPartition();
  absl::StatusOr<std::vector<std::string>> Topics();
  absl::StatusOr<std::vector<OpenInPartition>> FindHanging(absl::Span<const std::string> topics);
  absl::Status Consent(const std::string& what) const;
  void Print(const std::string& text) { std::fputs(text.c_str(), out_); }

  const TxnOptions& options_;
  const Config& config_;
  const connectors::KafkaClientOptions& client_;
  std::FILE* const out_;
  std::unique_ptr<TransactionAdmin> admin_;
};

absl::Status TxnCommand::List() {
  auto known = admin_->List(kPatience);
  if (!known.ok()) return known.status();
  if (!options_.all) std::erase_if(*known, IsOver);
  const int64_t now_ms = absl::ToUnixMillis(absl::Now());
  const RouterName router = {.group = config_.group, .instance = config_.instance};
  Print(options_.json ? TransactionLines(*known, router, now_ms)
                      : TransactionTable(*known, router, now_ms));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> TxnCommand::Topics() {
  if (!options_.topics.empty()) return options_.topics;
  auto admin = connectors::MakeKafkaTopicAdmin(client_);
  if (!admin.ok()) return admin.status();
  return (*admin)->List(kPatience);
}

// What is found twice, some time apart: between the two a coordinator ends what it is ending.
absl::StatusOr<std::vector<OpenInPartition>> TxnCommand::FindHanging(
    absl::Span<const std::string> topics) {
  std::vector<OpenInPartition> before;
  for (int look = 0; look < 2; ++look) {
    if (look > 0) absl::SleepFor(kSecondLook);
    // Partitions first: what begins meanwhile is known to its coordinator by then.
    const auto open = admin_->FindOpen(topics, kPatience);
    if (!open.ok()) return open.status();
    const auto known = admin_->List(kPatience);
    if (!known.ok()) return known.status();
    std::vector<OpenInPartition> hanging = Hanging(*open, *known);
    if (look > 0) {
      std::erase_if(hanging, [&](const OpenInPartition& one) {
        return std::none_of(before.begin(), before.end(),
                            [&](const OpenInPartition& other) { return IsSame(one, other); });
      });
    }
    before = std::move(hanging);
    if (before.empty()) break;
  }
  return before;
}

absl::Status TxnCommand::ListHanging() {
  const auto topics = Topics();
  if (!topics.ok()) return topics.status();
  const auto hanging = FindHanging(*topics);
  if (!hanging.ok()) return hanging.status();
  Print(HangingLines(*hanging, options_.json));
  if (hanging->empty() && !options_.json) {
    Print(absl::StrFormat("nothing hangs in %s\n", Counted(std::ssize(*topics), "topic")));
  }
  return absl::OkStatus();
}

absl::Status TxnCommand::Consent(const std::string& what) const {
  if (options_.yes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("would abort ", what, "; add --yes to do so"));
}

absl::Status TxnCommand::AbortById() {
  const std::string& id = options_.transactional_id;
  const auto known = admin_->List(kPatience);
  if (!known.ok()) return known.status();
  const auto found = std::find_if(known->begin(), known->end(),
                                  [&](const KnownTransaction& one) { return one.id == id; });
  if (found == known->end()) {
    return absl::NotFoundError(
        absl::StrCat("no coordinator knows `", id,
                     "`, or this principal may not Describe it: `turnout txn ls "
                     "--all` says which there are"));
  }
  const std::string what =
      absl::StrFormat("the transaction of %s (%s, %s) and fence its producer", id, found->state,
                      Counted(std::ssize(found->partitions), "partition"));
  if (absl::Status consent = Consent(what); !consent.ok()) return consent;
  if (absl::Status fenced = admin_->Fence(id, kPatience); !fenced.ok()) return fenced;
  Print(absl::StrFormat(
      "%s is taken over: what it had open is aborted, and who had it can't go on with it\n", id));
  return absl::OkStatus();
}

absl::Status TxnCommand::AbortInPartition() {
  const TopicPartition wanted = {options_.topic, options_.partition};
  const auto open = admin_->FindOpen({options_.topic}, kPatience);
  if (!open.ok()) return open.status();
  const auto found = std::find_if(open->begin(), open->end(), [&](const OpenInPartition& one) {
    return one.of == wanted && one.start_offset == options_.start_offset;
  });
  if (found == open->end()) {
    return absl::NotFoundError(absl::StrFormat(
        "no transaction in %s begins at %d and is open: `turnout txn ls --hanging --topic %s`",
        NameOf(wanted), options_.start_offset, options_.topic));
  }
  const auto known = admin_->List(kPatience);
  if (!known.ok()) return known.status();
  if (Hanging({&*found, 1}, *known).empty()) {
    const auto owner = std::find_if(known->begin(), known->end(), [&](const KnownTransaction& one) {
      return one.producer == found->producer && !IsOver(one);
    });
    return absl::InvalidArgumentError(
        absl::StrFormat("it does not hang: its coordinator has it open as %s (abort that one by "
                        "--transactional-id, or wait for its timeout of %d s)",
                        owner->id, owner->timeout_ms / 1000));
  }
  const std::string what = absl::StrFormat("what producer %d has open in %s since offset %d",
                                           found->producer, NameOf(wanted), found->start_offset);
  if (absl::Status consent = Consent(what); !consent.ok()) return consent;
  if (absl::Status ended = admin_->AbortInPartition(*found, kPatience); !ended.ok()) return ended;
  Print(absl::StrFormat("%s goes on: what was open since offset %d is aborted\n", NameOf(wanted),
                        found->start_offset));
  return absl::OkStatus();
}

std::string AgeOf(const KnownTransaction& one, int64_t now_ms) {
  if (IsOver(one) || one.start_ms < 0) return "-";
  const absl::Duration age = absl::Milliseconds(std::max<int64_t>(now_ms - one.start_ms, 0));
  return absl::FormatDuration(absl::Trunc(age, absl::Seconds(1)));
}

}  // namespace

std::vector<OpenInPartition> Hanging(absl::Span<const OpenInPartition> open,
                                     absl::Span<const KnownTransaction> known) {
  std::vector<OpenInPartition> hanging;
  for (const OpenInPartition& one : open) {
    const bool will_end = std::any_of(known.begin(), known.end(), [&](const KnownTransaction& by) {
      if (by.producer != one.producer || IsOver(by)) return false;
      return std::find(by.partitions.begin(), by.partitions.end(), one.of) != by.partitions.end();
    });
    if (!will_end) hanging.push_back(one);
  }
  return hanging;
}

std::string TransactionTable(absl::Span<const KnownTransaction> known, const RouterName& router,
                             int64_t now_ms) {
  size_t width = 2;
  for (const KnownTransaction& one : known) width = std::max(width, one.id.size());
  const int id_width = static_cast<int>(width);
  std::string text = absl::StrFormat("  %-*s  %-13s  %8s  %8s  %s\n", id_width, "id", "state",
                                     "open for", "timeout", "partitions");
  for (const KnownTransaction& one : known) {
    absl::StrAppendFormat(&text, "%c %-*s  %-13s  %8s  %7ds  %s\n", MarkOf(OwnerOf(one.id, router)),
                          id_width, one.id, one.state, AgeOf(one, now_ms), one.timeout_ms / 1000,
                          SomeOf(one.partitions));
  }
  absl::StrAppendFormat(&text,
                        "%s; * of this pipeline, ? of it or of one whose group's name begins with "
                        "its own\n",
                        Counted(std::ssize(known), "transaction"));
  return text;
}

std::string TransactionLines(absl::Span<const KnownTransaction> known, const RouterName& router,
                             int64_t now_ms) {
  std::string text;
  for (const KnownTransaction& one : known) {
    std::vector<std::string> partitions;
    for (const TopicPartition& of : one.partitions) partitions.push_back(JsonString(NameOf(of)));
    const bool is_open = !IsOver(one) && one.start_ms >= 0;
    const int64_t age_ms = is_open ? std::max<int64_t>(now_ms - one.start_ms, 0) : 0;
    absl::StrAppendFormat(
        &text,
        "{\"id\":%s,\"ours\":%s,\"state\":%s,\"open_ms\":%d,\"timeout_ms\":%d,\"producer\":%d,"
        "\"epoch\":%d,\"partitions\":[%s]}\n",
        JsonString(one.id), JsonOf(OwnerOf(one.id, router)), JsonString(one.state), age_ms,
        one.timeout_ms, one.producer, one.epoch, absl::StrJoin(partitions, ","));
  }
  return text;
}

int RunTxn(const TxnOptions& options, std::FILE* out, std::FILE* err) {
  const std::optional<LoadedConfig> loaded =
      LoadConfig(options.config_path, {.values = options.overrides});
  if (!loaded) return kExitRefused;
  const auto client = MakeCommandClient(loaded->config, "txn", err);
  const absl::Status done = client.ok()
                                ? TxnCommand(options, loaded->config, client->options, out).Run()
                                : client.status();
  if (done.ok()) return kExitOk;
  const absl::string_view why = done.message();
  std::fprintf(err, "turnout txn: %s\n", WithoutSecrets({why.data(), why.size()}).c_str());
  return absl::IsInvalidArgument(done) || absl::IsUnimplemented(done) ? kExitRefused : kExitFailed;
}

}  // namespace turnout::runtime
