// The rows of the table of fields; what is done with them is in config_table.cc.
#include <filesystem>
#include <system_error>

#include "absl/time/time.h"
#include "runtime/admin_fields.h"
#include "runtime/config_checks.h"
#include "runtime/config_table.h"
#include "runtime/schema_registry_fields.h"

namespace turnout::runtime {
namespace {

constexpr int64_t kSecond = 1'000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kKiB = 1 << 10;
constexpr int64_t kMiB = 1 << 20;
constexpr int64_t kGiB = 1 << 30;

constexpr std::string_view kTopicAllowed =
    "a topic's name: 1 to 249 of a-z, A-Z, 0-9, `.`, `_`, `-`";

// Stands for AWS's own servers.
constexpr std::string_view kAws = "aws";
// Stands for no field at all.
constexpr std::string_view kNone = "none";
constexpr std::string_view kFieldAllowed = "a field's path, or `none`";

int Int(const FieldValue& value) { return static_cast<int>(value.number); }
absl::Duration Ms(const FieldValue& value) { return absl::Milliseconds(value.number); }

std::string DefaultGroup(const Config& config, const ConfigEnvironment&) {
  return "turnout-" + config.topic;
}

std::string DefaultInstance(const Config&, const ConfigEnvironment& environment) {
  return environment.host_name;
}

std::string DefaultParkingTopic(const Config& config, const ConfigEnvironment&) {
  return config.topic + ".parking";
}

std::string DefaultDeadLetterTopic(const Config& config, const ConfigEnvironment&) {
  return config.topic + ".dead-letter";
}

std::string DefaultCheckpointStore(const Config& config, const ConfigEnvironment&) {
  std::error_code none;  // what is no path is said of state_dir itself
  const std::filesystem::path absolute = std::filesystem::absolute(config.state_dir, none);
  return (none ? config.state_dir : absolute.string()) + "/checkpoints";
}

// A group may have a name that no topic may.
std::string DefaultRekeyTopic(const Config& config, const ConfigEnvironment&) {
  constexpr std::string_view kSuffix = ".rekey";
  std::string name = config.group.substr(0, kTopicNameBytesMax - kSuffix.size());
  for (char& c : name) {
    if (!CheckTopic({&c, 1}).empty() && c != '.') c = '_';
  }
  return name.append(kSuffix);
}

std::string Field(const FieldValue& value) { return value.text == kNone ? "" : value.text; }

bool IsNone(std::string_view text) { return text == kNone; }

using Fields = std::vector<ConfigField>;

void AddSourceFields(Fields* fields) {
  fields->push_back(
      {.key = "brokers",
       .required = true,
       .allowed = "host:port, or several with commas between them",
       .check = CheckBrokers,
       .effect = "Where the Kafka cluster is first asked for. Not needed with `--embedded`.",
       .cost = "One is enough to start with; name two or more, so that one may be down.",
       .store = [](const FieldValue& v, Config* c) { c->brokers = v.text; }});
  fields->push_back({.key = "source.topic",
                     .required = true,
                     .allowed = kTopicAllowed,
                     .check = CheckTopic,
                     .effect = "The ingestion topic: every event comes from there.",
                     .cost = "One pipeline reads one topic; run another for another.",
                     .store = [](const FieldValue& v, Config* c) { c->topic = v.text; }});
  fields->push_back(
      {.key = "source.group",
       .default_shown = "turnout-<source.topic>",
       .derive = DefaultGroup,
       .allowed = "1 to 255 bytes of visible text",
       .check = CheckGroup,
       .effect = "The consumer group. Replicas of one pipeline share it and share the partitions.",
       .cost = "A new name starts over at `source.start`. Two pipelines with one name take each "
               "other's events.",
       .store = [](const FieldValue& v, Config* c) { c->group = v.text; }});
  fields->push_back(
      {.key = "source.start",
       .type = FieldType::kChoice,
       .default_text = "earliest",
       .choices = {"earliest", "latest"},
       .effect = "Where to begin in a partition for which the group has committed nothing.",
       .cost = "earliest routes all that the topic still holds; latest skips it.",
       .store = [](const FieldValue& v, Config* c) { c->start_at_earliest = v.number == 0; }});
  fields->push_back(
      {.key = "source.session_timeout",
       .type = FieldType::kDuration,
       .default_text = "10s",
       .min = 6 * kSecond,
       .max = 5 * kMinute,
       .effect = "How long a silent replica keeps its partitions.",
       .cost = "Shorter: others take over sooner, and a pause of the machine costs a rebalance. "
               "Longer: a crashed replica's partitions stand still for so long.",
       .store = [](const FieldValue& v, Config* c) { c->session_timeout_ms = Int(v); }});
}

// What decides what rules remember, and as what events are read.
void AddTimeFields(Fields* fields) {
  fields->push_back(
      {.key = "source.cloud_events",
       .type = FieldType::kBool,
       .default_text = "false",
       .effect = "CloudEvents in binary mode are read as in structured mode: a header `ce_type` is "
                 "the field `type`, the payload lies below `data`.",
       .cost = "Each event's headers are looked through. Switched over, rules see other fields in "
               "such events from then on; what they remember stays.",
       .store = [](const FieldValue& v, Config* c) { c->time.cloud_events = v.number != 0; }});
  fields->push_back(
      {.key = "source.partitioned_by",
       .default_text = kNone,
       .allowed = kFieldAllowed,
       .check = CheckField,
       .effect = "The field whose value decides an event's partition in the source; `*`: it has "
                 "one partition.",
       .cost = "Steps by this key keep their state where the event is; steps by another one send "
               "it through one more topic first. Wrong, equal keys never meet. Changed, partitions "
               "stand still where steps that went the other way before would begin empty, until "
               "it is set back or `state.on_gap` says go on.",
       .store = [](const FieldValue& v, Config* c) {
         c->time.partitioned_by = Field(v);
         c->limits.rules.partitioned_by = Field(v);
       }});
  fields->push_back(
      {.key = "source.time_field",
       .default_text = kNone,
       .allowed = kFieldAllowed,
       .check = CheckField,
       .effect = "The field that says when an event happened: RFC 3339, or seconds or "
                 "milliseconds since 1970. `none`: the record's timestamp.",
       .cost = "A field has to be read in every event.",
       .store = [](const FieldValue& v, Config* c) { c->time.time_field = Field(v); }});
  fields->push_back(
      {.key = "source.lateness",
       .type = FieldType::kDuration,
       .default_text = "10s",
       .min = 0,
       .max = kDay,
       .effect = "How far behind its partition's newest event an event may be and still count.",
       .cost = "Longer: fewer late ones; windows close later, and state stays longer.",
       .store = [](const FieldValue& v, Config* c) { c->time.lateness_ms = v.number; }});
  fields->push_back(
      {.key = "source.ahead_max",
       .type = FieldType::kDuration,
       .default_text = "1h",
       .min = kSecond,
       .max = 30 * kDay,
       .effect = "How far one event may move its partition's time ahead.",
       .cost = "Longer: a stray date expires more than it should. Shorter: after a pause of the "
               "source it takes several events for time to catch up.",
       .store = [](const FieldValue& v, Config* c) { c->time.ahead_ms_max = v.number; }});
}

void AddStateFields(Fields* fields) {
  fields->push_back(
      {.key = "rekey.topic",
       .default_shown = "<source.group>.rekey",
       .derive = DefaultRekeyTopic,
       .allowed = kTopicAllowed,
       .check = CheckTopic,
       .effect =
           "The internal topic through which events reach the partition of a step's key, where "
           "that is not `source.partitioned_by`. Created when the first such rule comes, to keep "
           "records for 7 days.",
       .cost = "For Turnout alone, and for this pipeline alone. What it no longer keeps before it "
               "was read is lost; a replay needs it as far back as the source.",
       .store = [](const FieldValue& v, Config* c) { c->rekey_topic = v.text; }});
  fields->push_back(
      {.key = "rekey.partitions",
       .type = FieldType::kCount,
       .default_text = "source",
       .min = 1,
       .max = 10'000,
       .word = "source",
       .word_number = 0,
       .effect = "Its partitions when it is created; `source`: as many as the source has.",
       .cost =
           "More let more workers share it. Adding some later moves keys away from their state.",
       .store = [](const FieldValue& v, Config* c) { c->rekey_partitions = Int(v); }});
  fields->push_back(
      {.key = "state_dir",
       .type = FieldType::kPath,
       .default_text = "/var/lib/turnout",
       .allowed = "a path",
       .check = CheckPath,
       .effect =
           "Where what rules remember is kept on disk, and the rule sets that were last in force.",
       .cost = "A disk that stays over restarts saves bringing state back from checkpoints. A "
               "relative path starts at the config's directory.",
       .store = [](const FieldValue& v, Config* c) { c->state_dir = v.text; }});
  fields->push_back(
      {.key = "state.memory",
       .type = FieldType::kBytes,
       .default_text = "256MiB",
       .min = 16 * kMiB,
       .max = 1024 * kGiB,
       .effect = "Memory for the state of all partitions: cache, and what is not on disk yet.",
       .cost = "Less: more reads from disk. Each partition takes some 215 KiB beside it.",
       .store = [](const FieldValue& v, Config* c) { c->state.memory_bytes_max = v.number; }});
  fields->push_back(
      {.key = "state.on_gap",
       .type = FieldType::kChoice,
       .default_text = "refuse",
       .choices = {"refuse", "go_on"},
       .effect =
           "What becomes of a partition whose state can't be had in full: it stands still and "
           "says why, or goes on with what there is.",
       .cost = "refuse needs a person. go_on may let duplicates pass, or miss a threshold.",
       .store = [](const FieldValue& v, Config* c) { c->state.go_on_after_gap = v.number != 0; }});
  fields->push_back(
      {.key = "state.restore.time",
       .default_text = kNone,
       .allowed = "a time as RFC 3339 writes it, or `none`",
       .check = CheckRestoreTime,
       .effect =
           "Each partition's state is rebuilt once, from its newest checkpoint of that time or "
           "before it: what came since is replayed, and nothing is sent again.",
       .cost = "A partition waits while it is rebuilt. The source must still have what came since; "
               "else the partition stands still and names the checkpoints that there are.",
       .store = [](const FieldValue& v, Config* c) {
         absl::Time time;
         if (!absl::ParseTime(absl::RFC3339_full, v.text, &time, nullptr)) return;
         c->state.restore = {.time_ms = absl::ToUnixMillis(time)};
       }});
  fields->push_back(
      {.key = "state.restore.rules",
       .type = FieldType::kChoice,
       .default_text = "in_force",
       .choices = {"in_force", "current"},
       .effect =
           "What is replayed by: the rules that were in force at each event, or those of now.",
       .cost =
           "in_force gives the state that there would be without what spoiled it, as long as it "
           "is known which they were. current gives that of rules that were never others.",
       .store = [](const FieldValue& v, Config* c) {
         if (c->state.restore) c->state.restore->with_current_rules = v.number != 0;
       }});
  fields->push_back(
      {.key = "checkpoints.store",
       .default_shown = "<state_dir>/checkpoints",
       .derive = DefaultCheckpointStore,
       .allowed = "an absolute path, or s3://bucket/prefix",
       .check = CheckCheckpointStore,
       .effect = "Where copies of the state are kept, and the rules that made it.",
       .cost = "On this machine's disk they are lost with it; on one that all replicas share, a "
               "partition can move without its state being made anew.",
       .store = [](const FieldValue& v, Config* c) { c->checkpoints.store = v.text; }});
  fields->push_back(
      {.key = "checkpoints.interval",
       .type = FieldType::kDuration,
       .default_text = "1m",
       .min = kSecond,
       .max = kDay,
       .effect = "How often a partition's state is copied, if it changed. Only new files travel.",
       .cost =
           "Shorter: less to replay where the disk is lost, more requests. The source must keep "
           "events for several of these.",
       .store = [](const FieldValue& v, Config* c) { c->checkpoints.interval = Ms(v); }});
  fields->push_back(
      {.key = "checkpoints.keep",
       .type = FieldType::kCount,
       .default_text = "24",
       .min = 3,
       .max = 10'000,
       .effect = "Checkpoints a partition, at most.",
       .cost = "Older ones serve when newer ones are damaged.",
       .store = [](const FieldValue& v, Config* c) { c->checkpoints.keep = Int(v); }});
  fields->push_back(
      {.key = "checkpoints.keep_for",
       .type = FieldType::kDuration,
       .default_text = "7d",
       .min = kMinute,
       .max = 3'650 * kDay,
       .effect = "How long a checkpoint is kept; the newest three stay in any case.",
       .cost = "One is of use for as long as the source reaches back to it.",
       .store = [](const FieldValue& v, Config* c) { c->checkpoints.keep_for = Ms(v); }});
  fields->push_back(
      {.key = "checkpoints.s3.region",
       .default_text = "us-east-1",
       .allowed = "a region's name",
       .check = CheckInstance,
       .effect = "The region of an s3:// store's bucket.",
       .cost = "Another than the bucket's is refused by AWS. Credentials come from the "
               "environment, a web identity (IRSA), pod identity or the machine's role.",
       .store = [](const FieldValue& v, Config* c) { c->checkpoints.s3.region = v.text; }});
  fields->push_back({.key = "checkpoints.s3.endpoint",
                     .default_text = kAws,
                     .allowed = "http:// or https:// and a host, or `aws`",
                     .check = CheckEndpoint,
                     .effect = "Another server that speaks S3.",
                     .cost = "It must know conditional writes (If-None-Match).",
                     .store = [](const FieldValue& v, Config* c) {
                       c->checkpoints.s3.endpoint = v.text == kAws ? "" : v.text;
                     }});
  fields->push_back(
      {.key = "checkpoints.s3.addressing",
       .type = FieldType::kChoice,
       .default_text = "auto",
       .choices = {"auto", "path", "host"},
       .effect = "Whether the bucket stands in the path or in the host's name; `auto`: in the path "
                 "with an endpoint of one's own, and where its name has dots.",
       .cost = "Most servers that are not AWS's want `path`.",
       .store = [](const FieldValue& v, Config* c) {
         if (v.number != 0) c->checkpoints.s3.path_style = v.number == 1;
       }});
  fields->push_back(
      {.key = "checkpoints.s3.ca_bundle",
       .type = FieldType::kPath,
       .default_text = "/etc/ssl/certs/ca-certificates.crt",
       .allowed = "a path",
       .check = CheckPath,
       .effect = "The authorities that its certificate may be of, a PEM file.",
       .cost = "Without the file nothing is trusted.",
       .store = [](const FieldValue& v, Config* c) { c->checkpoints.s3.ca_bundle = v.text; }});
}

void AddSecretsFromFields(Fields* fields) {
  fields->push_back(
      {.key = "secrets_from.url",
       .default_text = kNone,
       .allowed = "https:// (http:// to this machine) and a service at a config manager, or `none`",
       .check = CheckManagerUrl,
       .effect =
           "The config manager's service, https://HOST/v1/services/NAME, that `${secret:NAME}` "
           "and `${config:NAME}` are asked of.",
       .cost = "A start waits for it, a minute at most.",
       .store = [](const FieldValue& v, Config* c) { c->secrets_from.url = Field(v); }});
  fields->push_back(
      {.key = "secrets_from.token_file",
       .type = FieldType::kPath,
       .default_text = kNone,
       .allowed = "a path, or `none`",
       .check = CheckPath,
       .is_no_path = IsNone,
       .effect = "A file with the bearer token of the account that the secrets are bound to. It is "
                 "read at each request.",
       .cost = "Whoever has it has the secrets.",
       .store = [](const FieldValue& v, Config* c) { c->secrets_from.token_file = Field(v); }});
  fields->push_back(
      {.key = "secrets_from.ca_bundle",
       .type = FieldType::kPath,
       .default_text = "/etc/ssl/certs/ca-certificates.crt",
       .allowed = "a path",
       .check = CheckPath,
       .effect = "The authorities that its certificate may be of, a PEM file.",
       .cost = "Without the file nothing is trusted.",
       .store = [](const FieldValue& v, Config* c) { c->secrets_from.ca_bundle = v.text; }});
  fields->push_back(
      {.key = "secrets_from.recheck",
       .type = FieldType::kDuration,
       .default_text = "1m",
       .min = 1'000,
       .max = 60 * kMinute,
       .effect = "How often secrets of Kafka's properties are asked for anew; another one is taken "
                 "without a restart.",
       .cost = "Shorter: a line more of the manager's audit log for each secret and router.",
       .store = [](const FieldValue& v, Config* c) { c->secrets_from.recheck = Ms(v); }});
}

void AddRulesFromFields(Fields* fields) {
  fields->push_back(
      {.key = "rules_from.token_file",
       .type = FieldType::kPath,
       .default_text = kNone,
       .allowed = "a path, or `none`",
       .check = CheckPath,
       .is_no_path = IsNone,
       .effect = "A file with the bearer token that the endpoint of `rules`, and `report_to`, are "
                 "asked with. It is read at each request.",
       .cost = "Over http:// whoever is on the way reads it.",
       .store = [](const FieldValue& v, Config* c) { c->rules_from.token_file = Field(v); }});
  fields->push_back(
      {.key = "rules_from.ca_bundle",
       .type = FieldType::kPath,
       .default_text = "/etc/ssl/certs/ca-certificates.crt",
       .allowed = "a path",
       .check = CheckPath,
       .effect = "The authorities that their certificates may be of, a PEM file.",
       .cost = "Without the file nothing is trusted.",
       .store = [](const FieldValue& v, Config* c) { c->rules_from.ca_bundle = v.text; }});
  fields->push_back(
      {.key = "rules_from.wait",
       .type = FieldType::kDuration,
       .default_text = "30s",
       .min = 0,
       .max = 10 * kMinute,
       .effect = "How long the endpoint may hold a question back until there is another version "
                 "(long poll), in whole seconds; 0s: it is asked every second.",
       .cost = "Longer: fewer questions. Longer than a proxy on the way keeps a silent connection "
               "ends in errors.",
       .store = [](const FieldValue& v, Config* c) { c->rules_from.wait = Ms(v); }});
  fields->push_back(
      {.key = "rules_from.report_to",
       .default_text = kNone,
       .allowed = "http:// or https:// and a place, topic:NAME, or `none`",
       .check = CheckReportTo,
       .effect = "Where it is told what became of each version here, team by team: by a POST, or "
                 "as a record.",
       .cost = "A small request for every change and replica.",
       .store = [](const FieldValue& v, Config* c) { c->rules_from.report_to = Field(v); }});
  fields->push_back(
      {.key = "rules_from.samples",
       .default_text = "off",
       .allowed = "`off`, `unmasked`, or `without FIELD, ...`",
       .check = CheckSamples,
       .effect =
           "Whether the config manager may show a few events of the source when somebody there "
           "asks for them, and which fields of them are written `***`: "
           "`without card.number, customer.email, $kafka.key`.",
       .cost = "What is shown leaves this pod: every editor of the service may see it. Asked for, "
               "the newest records are read once more.",
       .store = [](const FieldValue& v, Config* c) {
         c->rules_from.shows_samples = v.text != kSamplesOff;
         c->rules_from.sample_mask = MaskOf(v.text);
       }});
}

void AddPipelineFields(Fields* fields) {
  fields->push_back(
      {.key = "rules",
       .type = FieldType::kPath,
       .required = true,
       .allowed = "a path, http:// or https:// and a place, or topic:NAME",
       .check = CheckRules,
       .is_no_path = [](std::string_view text) { return IsUrl(text) || IsTopic(text); },
       .effect = "The teams' rule files: a file, a directory of them, a config "
                 "manager's endpoint, or a compacted topic.",
       .cost = "A relative path starts at the config's directory.",
       .store = [](const FieldValue& v, Config* c) { c->rules = v.text; }});
  AddRulesFromFields(fields);
  fields->push_back(
      {.key = "delivery",
       .type = FieldType::kChoice,
       .default_text = "exactly_once",
       .choices = {"exactly_once", "at_least_once"},
       .effect = "Whether outputs and offsets are committed in one Kafka transaction.",
       .cost = "exactly_once costs a commit a batch. at_least_once is quicker, and repeats events "
               "after a crash.",
       .store = [](const FieldValue& v, Config* c) {
         c->delivery = v.number == 0 ? connectors::Delivery::kExactlyOnce
                                     : connectors::Delivery::kAtLeastOnce;
       }});
  fields->push_back(
      {.key = "sink",
       .type = FieldType::kChoice,
       .default_text = "batch",
       .choices = {"batch", "librdkafka"},
       .effect = "Who produces: Turnout's own batch sink, which sends all partitions of a broker "
                 "in one request, or librdkafka.",
       .cost = "batch commits to a hundred destinations in a fraction of the time and CPU. Where "
               "it can't be had (Kafka before 3.0; Kerberos) librdkafka is taken, and the log and "
               "the status say why.",
       .store = [](const FieldValue& v, Config* c) {
         c->sink = v.number == 0 ? connectors::SinkKind::kBatch : connectors::SinkKind::kLibrdkafka;
       }});
  fields->push_back(
      {.key = "instance",
       .default_shown = "the host's name",
       .derive = DefaultInstance,
       .allowed = "1 to 128 of a-z, A-Z, 0-9, `.`, `_`, `-`",
       .check = CheckInstance,
       .effect = "This replica's name; its transactional ids are made of it.",
       .cost = "It must stay over restarts, so that a restarted replica fences its own ghost at "
               "once, and no two running replicas may share it: they would fence each other.",
       .store = [](const FieldValue& v, Config* c) { c->instance = v.text; }});
  fields->push_back(
      {.key = "workers",
       .type = FieldType::kCount,
       .default_text = "1",
       .min = 1,
       .max = 256,
       .effect = "Threads, each with its own consumer, producer and share of the partitions.",
       .cost = "More use more cores, connections and memory; beyond the number of partitions they "
               "idle.",
       .store = [](const FieldValue& v, Config* c) { c->workers = Int(v); }});
}

void AddOutputFields(Fields* fields) {
  fields->push_back(
      {.key = "dead_letter_topic",
       .default_shown = "<source.topic>.dead-letter",
       .derive = DefaultDeadLetterTopic,
       .allowed = kTopicAllowed,
       .check = CheckTopic,
       .effect =
           "Where events go that can't be read, and outputs that their destination can't take.",
       .cost =
           "It must exist and be writable, or the pipeline waits. Not the source: that would be a "
           "loop.",
       .store = [](const FieldValue& v, Config* c) { c->dead_letter_topic = v.text; }});
  fields->push_back(
      {.key = "parking_topic",
       .default_shown = "<source.topic>.parking",
       .derive = DefaultParkingTopic,
       .allowed = kTopicAllowed,
       .check = CheckTopic,
       .effect = "Where outputs wait while their destination is unwell, and where events go whose "
                 "table lacks the key, by a rule's `missing: park`. Created at the start, to keep "
                 "records for 7 days.",
       .cost = "What waits for longer than it keeps records is lost. Where it is missing and may "
               "not be created, such outputs become dead letters; with `tables` the pipeline "
               "waits for it.",
       .store = [](const FieldValue& v, Config* c) { c->parking_topic = v.text; }});
  fields->push_back(
      {.key = "provenance_headers",
       .type = FieldType::kBool,
       .default_text = "true",
       .effect = "Outputs carry headers that name rule, rule set, source partition and offset.",
       .cost = "Some 150 bytes a record. Without them no output can be traced to its event.",
       .store = [](const FieldValue& v, Config* c) { c->provenance_headers = v.number != 0; }});
  fields->push_back(
      {.key = "create_topics.enabled",
       .type = FieldType::kBool,
       .default_text = "false",
       .effect = "Destinations that don't exist are created.",
       .cost = "A misspelt destination becomes a topic, where otherwise it would be an error.",
       .store = [](const FieldValue& v, Config* c) { c->create_topics.enabled = v.number != 0; }});
  fields->push_back(
      {.key = "create_topics.partitions",
       .type = FieldType::kCount,
       .default_text = "1",
       .min = 1,
       .max = 10'000,
       .effect = "Partitions of a topic that is created.",
       .cost = "More let more consumers share it; each costs the brokers. Adding some later moves "
               "keys.",
       .store = [](const FieldValue& v, Config* c) { c->create_topics.partitions = Int(v); }});
  fields->push_back(
      {.key = "create_topics.replication_factor",
       .type = FieldType::kCount,
       .default_text = "broker",
       .min = 1,
       .max = 32'767,
       .word = "broker",
       .word_number = -1,
       .effect = "Copies of a topic that is created; `broker` leaves it to the cluster's default.",
       .cost =
           "Fewer than 3 can lose data with a broker; more than there are brokers is refused by "
           "them.",
       .store = [](const FieldValue& v, Config* c) {
         c->create_topics.replication_factor = Int(v);
       }});
  fields->push_back(
      {.key = "create_topics.retention",
       .type = FieldType::kDuration,
       .default_text = "broker",
       .min = kMinute,
       .max = 3'650 * kDay,
       .word = "broker",
       .word_number = 0,
       .effect = "How long a topic that is created keeps records; `broker` as above.",
       .cost = "Shorter saves the brokers' disks; readers that lag longer lose records.",
       .store = [](const FieldValue& v, Config* c) { c->create_topics.retention = Ms(v); }});
}

void AddLimitFields(Fields* fields) {
  fields->push_back(
      {.key = "limits.batch_events_max",
       .type = FieldType::kCount,
       .default_text = "10000",
       .min = 1,
       .max = 1'000'000,
       .effect = "Events a transaction.",
       .cost = "Fewer: less to redo, more commits. More: a higher rate when behind, in longer "
               "transactions.",
       .store = [](const FieldValue& v, Config* c) { c->limits.batch_events_max = Int(v); }});
  fields->push_back(
      {.key = "limits.batch_bytes_max",
       .type = FieldType::kBytes,
       .default_text = "16MiB",
       .min = kKiB,
       .max = kGiB,
       .effect = "Payload bytes of the events of a transaction; one event may exceed it.",
       .cost = "As above; a worker's memory grows with it.",
       .store = [](const FieldValue& v, Config* c) { c->limits.batch_bytes_max = v.number; }});
  fields->push_back(
      {.key = "limits.unpacked_bytes_max",
       .type = FieldType::kBytes,
       .default_text = "128MiB",
       .min = kMiB,
       .max = 16 * kGiB,
       .effect =
           "What the compressed batches of one answer of a broker may become in memory, beyond "
           "20 times what each takes packed. The records of a batch that passes it become "
           "one dead letter.",
       .cost = "Smaller: less memory against batches made to exhaust it. Larger: batches that are "
               "very repetitive pass. zstd: not more than `kafka.receive.message.max.bytes`. "
               "Without effect, and said so at the start, with a librdkafka that has its codecs "
               "inside, as PyPI's.",
       .store = [](const FieldValue& v, Config* c) { c->limits.unpacked_bytes_max = v.number; }});
  fields->push_back(
      {.key = "limits.transaction_timeout",
       .type = FieldType::kDuration,
       .default_text = "15s",
       .min = 2 * kSecond,
       .max = 15 * kMinute,
       .effect =
           "When the brokers abort a transaction whose worker has fallen silent; after a third "
           "of it a transaction takes no more events. Also how long a record is tried to be "
           "delivered.",
       .cost = "Shorter: readers, and whoever takes over its partitions, wait less behind a dead "
               "worker that does not come back (brokers look every 10 s, so up to that more). "
               "Below the 10 s or so in which brokers replace a dead one of theirs, what was open "
               "then is aborted and redone. "
               "Brokers refuse more than their `transaction.max.timeout.ms` (15m).",
       .store = [](const FieldValue& v, Config* c) { c->limits.transaction_timeout = Ms(v); }});
  fields->push_back(
      {.key = "limits.event_tries_max",
       .type = FieldType::kCount,
       .default_text = "3",
       .min = 0,
       .max = 1'000,
       .effect =
           "How often an event is tried alone that ended the process, or of which the brokers "
           "refused what came of it, before it becomes a dead letter (`poison`); 0: for ever.",
       .cost = "Fewer: what is behind it goes on sooner. More: one that was there by chance when a "
               "process was killed again and again is tried longer. For ever: its partition stands "
               "still.",
       .store = [](const FieldValue& v, Config* c) { c->limits.event_tries_max = Int(v); }});
  fields->push_back(
      {.key = "limits.destination_recheck",
       .type = FieldType::kDuration,
       .default_text = "30s",
       .min = kSecond,
       .max = kHour,
       .effect = "How often a destination that can't be written is looked at again.",
       .cost = "Shorter: its team is back sooner. Longer: fewer questions to the brokers.",
       .store = [](const FieldValue& v, Config* c) { c->limits.destination_recheck = Ms(v); }});
  fields->push_back(
      {.key = "limits.destination_patience",
       .type = FieldType::kDuration,
       .default_text = "3s",
       .min = 100,
       .max = kMinute,
       .effect = "How long one destination may take no records while others do; then the "
                 "transaction is redone and its outputs are parked.",
       .cost = "Shorter: others wait less for it, and a leader that changes may have its "
               "destinations parked for a moment. Longer: the reverse.",
       .store = [](const FieldValue& v, Config* c) { c->limits.destination_patience = Ms(v); }});
  fields->push_back(
      {.key = "limits.rules_recheck",
       .type = FieldType::kDuration,
       .default_text = "250ms",
       .min = 0,
       .max = kHour,
       .effect = "How often rule files are looked at for changes; 0s: only after SIGHUP.",
       .cost = "Shorter: a change takes effect sooner. Longer: fewer calls of stat, one a file.",
       .store = [](const FieldValue& v, Config* c) { c->limits.rules_recheck = Ms(v); }});
  fields->push_back(
      {.key = "limits.shutdown_timeout",
       .type = FieldType::kDuration,
       .default_text = "4s",
       .min = 100,
       .max = 10 * kMinute,
       .effect = "How long the last commit and leaving the group may take after SIGTERM; "
                 "0.7 s later the process ends whatever it is at.",
       .cost = "Shorter: a slow broker's batch is redone by the next owner. Longer than the "
               "orchestrator's patience less a second ends in a kill.",
       .store = [](const FieldValue& v, Config* c) { c->limits.shutdown_timeout = Ms(v); }});
  fields->push_back(
      {.key = "limits.team_bytes_per_second_max",
       .type = FieldType::kBytes,
       .default_text = "none",
       .min = kKiB,
       .max = 1024 * kGiB,
       .word = "none",
       .word_number = 0,
       .effect = "What a team's outputs may take a second, keys and headers with them, in each "
                 "replica. What is over it is parked, and sent when there is room.",
       .cost = "Smaller: a team that floods its destinations waits itself. What waits for longer "
               "than `parking_topic` keeps it is lost. Not with at_least_once.",
       .store = [](const FieldValue& v, Config* c) {
         c->limits.team_bytes_per_second_max = v.number;
       }});
  fields->push_back(
      {.key = "limits.table_bytes_max",
       .type = FieldType::kBytes,
       .default_text = "16GiB",
       .min = 64 * kKiB,
       .max = 1024 * kGiB,
       .effect = "What a table's files may take on disk. One that passes it is refused until the "
                 "next start: its files are removed, and matches that ask it are parked.",
       .cost = "Smaller: a topic that grows is refused sooner. Larger: it may fill the disk that "
               "it shares with the state of all partitions.",
       .store = [](const FieldValue& v, Config* c) { c->limits.table_bytes_max = v.number; }});
}

void AddRuleLimitFields(Fields* fields) {
  const auto add_count = [fields](std::string_view key, std::string_view default_text, int64_t min,
                                  int64_t max, std::string_view effect, std::string_view cost,
                                  void (*store)(const FieldValue&, Config*)) {
    fields->push_back({.key = key,
                       .type = FieldType::kCount,
                       .default_text = default_text,
                       .min = min,
                       .max = max,
                       .effect = effect,
                       .cost = cost,
                       .store = store});
  };
  constexpr std::string_view kCost = "Fewer: refused sooner. More: one team may take more of all.";
  add_count("limits.rules_per_team_max", "10000", 1, 1'000'000, "Rules a team.", kCost,
            [](const FieldValue& v, Config* c) { c->limits.rules.rules_per_team_max = Int(v); });
  add_count(
      "limits.destinations_per_rule_max", "64", 1, 10'000, "Destinations a rule.",
      "Each is a record more for every event that matches.",
      [](const FieldValue& v, Config* c) { c->limits.rules.destinations_per_rule_max = Int(v); });
  add_count("limits.destination_globs_max", "100", 1, 10'000, "Entries of a team's `destinations`.",
            kCost,
            [](const FieldValue& v, Config* c) { c->limits.rules.destination_globs_max = Int(v); });
  fields->push_back(
      {.key = "limits.rule_file_bytes_max",
       .type = FieldType::kBytes,
       .default_text = "64MiB",
       .min = kKiB,
       .max = kGiB,
       .effect = "Size of a rule file.",
       .cost = "Reading takes some ten times its size in memory, for a moment.",
       .store = [](const FieldValue& v, Config* c) { c->limits.rules.file_bytes_max = Int(v); }});
  fields->push_back(
      {.key = "limits.rule_state_bytes_max",
       .type = FieldType::kBytes,
       .default_text = "1GiB",
       .min = kKiB,
       .max = 1024 * kGiB,
       .effect = "What a rule's steps may remember in one partition.",
       .cost =
           "Smaller: events that would need more are dead-lettered sooner. Larger: one rule may "
           "take more of the disk, of checkpoints and of a restore's time.",
       .store = [](const FieldValue& v, Config* c) { c->time.rule_state_bytes_max = v.number; }});
  fields->push_back(
      {.key = "limits.team_state_bytes_max",
       .type = FieldType::kBytes,
       .default_text = "16GiB",
       .min = kKiB,
       .max = 1024 * kGiB,
       .effect = "What the steps of all rules of a team may remember in one partition.",
       .cost =
           "As above, of a team. At its limit, each event that would need more adds up what the "
           "team's steps have: some 20 ns a step.",
       .store = [](const FieldValue& v, Config* c) { c->time.team_state_bytes_max = v.number; }});
  fields->push_back(
      {.key = "limits.team_pattern_cost_max",
       .type = FieldType::kCount,
       .default_text = "1000000",
       .min = 1,
       .max = 1'000'000'000,
       .effect = "What all patterns of a team may cost together: a value counts 1, a range or a "
                 "prefix 2, `anything-but` 5, a wildcard 20, a `regex` 100, each branch of an "
                 "`$or` by itself.",
       .cost = "Lower: refused sooner. Higher: one team may take more of each event's time.",
       .store = [](const FieldValue& v, Config* c) {
         c->limits.rules.team_pattern_cost_max = v.number;
       }});
  add_count("limits.pattern_fields_max", "256", 1, 10'000, "Fields a pattern may name.", kCost,
            [](const FieldValue& v, Config* c) { c->limits.rules.pattern.fields_max = Int(v); });
  add_count("limits.pattern_branches_max", "1024", 1, 100'000,
            "Conjunctions of a pattern after `$or` is multiplied out.",
            "Each costs as much as a rule of its own.",
            [](const FieldValue& v, Config* c) { c->limits.rules.pattern.branches_max = Int(v); });
  add_count("limits.pattern_values_max", "10000", 1, 1'000'000, "Predicates of a pattern.", kCost,
            [](const FieldValue& v, Config* c) { c->limits.rules.pattern.values_max = Int(v); });
  add_count("limits.pattern_wildcards_max", "64", 0, 10'000,
            "`*` in all wildcards of a pattern together.",
            "Wildcards are the dearest predicates to evaluate.",
            [](const FieldValue& v, Config* c) { c->limits.rules.pattern.wildcards_max = Int(v); });
  add_count("limits.pattern_regexes_max", "16", 0, 1'000, "`regex` in a pattern.",
            "Each may take up to 1 MiB of memory, and 100 ns a byte of the texts it looks at.",
            [](const FieldValue& v, Config* c) { c->limits.rules.pattern.regexes_max = Int(v); });
  fields->push_back({.key = "limits.pattern_bytes_max",
                     .type = FieldType::kBytes,
                     .default_text = "256KiB",
                     .min = 64,
                     .max = 64 * kMiB,
                     .effect = "Text of all predicates of a pattern together.",
                     .cost = kCost,
                     .store = [](const FieldValue& v, Config* c) {
                       c->limits.rules.pattern.pattern_bytes_max = Int(v);
                     }});
}

void AddLogFields(Fields* fields) {
  fields->push_back({.key = "log.format",
                     .type = FieldType::kChoice,
                     .default_text = "json",
                     .choices = {"json", "text"},
                     .effect = "How a line of the log is written.",
                     .cost = "json is for machines, text for people; text may change.",
                     .store = [](const FieldValue& v, Config* c) { c->log.json = v.number == 0; }});
  fields->push_back({.key = "log.level",
                     .type = FieldType::kChoice,
                     .default_text = "info",
                     .choices = {"debug", "info", "warning", "error"},
                     .effect = "The least grave lines that are shown.",
                     .cost = "debug includes librdkafka's own; error alone hides what was cured.",
                     .store = [](const FieldValue& v, Config* c) {
                       constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};
                       c->log.level = kNames[v.number];
                     }});
  fields->push_back(
      {.key = "log.lines_per_second_max",
       .type = FieldType::kCount,
       .default_text = "50",
       .min = 1,
       .max = 100'000,
       .effect = "Lines of one kind a second; how many more there were is said afterwards.",
       .cost = "Fewer: a storm is cheap. More: its details are there.",
       .store = [](const FieldValue& v, Config* c) { c->log.lines_per_second_max = Int(v); }});
}

}  // namespace

const std::vector<ConfigField>& ConfigFields() {
  static const Fields* const fields = [] {
    auto* made = new Fields;
    AddSecretsFromFields(made);  // first: what others refer to is asked for by them
    AddSourceFields(made);
    AddTimeFields(made);
    AddSchemaRegistryFields(made);
    AddPipelineFields(made);
    AddAdminFields(made);
    AddStateFields(made);
    AddOutputFields(made);
    AddLimitFields(made);
    AddRuleLimitFields(made);
    AddLogFields(made);
    return made;
  }();
  return *fields;
}

}  // namespace turnout::runtime
