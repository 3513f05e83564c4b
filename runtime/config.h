// Config: everything a person can set about a pipeline, from one YAML file.
//
// Each field has a row in the table of config_table.cc: its key, type, unit, default, bounds and
// what it costs to go either way; parsing, --print-config and the README's table all come from that
// table. Any value may contain `${env:NAME}`, `${file:/path}`, `${secret:NAME}` and
// `${config:NAME}` (managed_values.h); values that came from a file or are secret, and secret
// properties, are never shown again.
//
// Errors: all problems of a file in one go, each with line, column, allowed values and the nearest
// known name. Values that are secret appear in none of them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/kafka_client.h"
#include "connectors/sink.h"
#include "router/document.h"
#include "router/rule_file.h"
#include "router/state_settings.h"
#include "runtime/schema_registry_settings.h"
#include "state/restore_wish.h"
#include "state/s3_options.h"

namespace turnout::runtime {

struct Config {
  struct SecretsFrom {       // secrets_from: whom ${secret:NAME} and ${config:NAME} are asked of
    std::string url;         // http(s)://host:port/v1/services/NAME; empty: nobody
    std::string token_file;  // empty: none
    std::string ca_bundle;
    absl::Duration recheck = absl::Minutes(1);
  } secrets_from;
  std::string brokers;              // brokers: host:port,...
  std::string topic;                // source.topic
  std::string group;                // source.group
  bool start_at_earliest = true;    // source.start: earliest | latest
  int session_timeout_ms = 10'000;  // source.session_timeout
  bool has_schemas = false;         // source.format: json | schema_registry
  SchemaRegistrySettings schemas;   // schema_registry:
  std::string rules;                // rules: a file, a directory, http(s)://..., topic:NAME
  struct RulesFrom {                // rules_from:
    std::string token_file;         // empty: none
    std::string ca_bundle;
    absl::Duration wait = absl::Seconds(30);
    std::string report_to;       // http(s)://..., topic:NAME; empty: nowhere
    bool shows_samples = false;  // rules_from.samples: off | unmasked | without FIELD, ...
    std::vector<std::string> sample_mask;  // fields
  } rules_from;
  connectors::Delivery delivery = connectors::Delivery::kExactlyOnce;  // delivery
  connectors::SinkKind sink = connectors::SinkKind::kBatch;            // sink
  std::string instance;        // instance: stable name of this replica; default: the host's name
  int workers = 1;             // workers
  std::string state_dir;       // state_dir
  router::StateSettings time;  // source.partitioned_by, source.time_field, ...
  std::string rekey_topic;     // rekey.topic; default: <source.group>.rekey
  int rekey_partitions = 0;    // rekey.partitions; 0: as the source
  struct State {               // state:
    bool go_on_after_gap = false;  // state.on_gap: refuse | go_on
    // state.restore.time, state.restore.rules
    std::optional<state::RestoreWish> restore;
    int64_t memory_bytes_max = 256 << 20;  // state.memory
  } state;
  struct Checkpoints {  // checkpoints:
    std::string store;  // a directory, or s3://bucket/prefix
    absl::Duration interval = absl::Minutes(1);
    int keep = 24;
    absl::Duration keep_for = absl::Hours(7 * 24);
    state::S3Options s3;  // checkpoints.s3.*
  } checkpoints;
  std::string listen;            // listen: host:port of the admin API; port 0 takes a free one
  std::string admin_token_file;  // admin.token_file; empty: none
  std::string admin_certificate_file;  // admin.tls.certificate_file; empty: no TLS
  std::string admin_key_file;          // admin.tls.key_file
  std::string dead_letter_topic;       // dead_letter_topic; default: <source.topic>.dead-letter
  std::string parking_topic;           // parking_topic; default: <source.topic>.parking
  bool provenance_headers = true;      // provenance_headers
  struct CreateTopics {                // create_topics:
    bool enabled = false;
    int partitions = 1;
    int replication_factor = -1;                      // -1: the broker's default
    absl::Duration retention = absl::ZeroDuration();  // zero: the broker's default
  } create_topics;
  struct Limits {                            // limits:
    int batch_events_max = 10'000;           // events a transaction
    int64_t batch_bytes_max = 16 << 20;      // payload bytes a transaction
    int64_t unpacked_bytes_max = 128 << 20;  // what an answer's batches become
    absl::Duration transaction_timeout = absl::Seconds(15);
    absl::Duration destination_recheck = absl::Seconds(30);
    absl::Duration destination_patience = absl::Seconds(3);
    int event_tries_max = 3;                                 // zero: no event is given up
    absl::Duration rules_recheck = absl::Milliseconds(250);  // zero: only when asked to
    absl::Duration shutdown_timeout = absl::Seconds(4);
    int64_t team_bytes_per_second_max = 0;        // of outputs, in this process; 0: any
    int64_t table_bytes_max = int64_t{16} << 30;  // on disk, each
    router::RuleLimits rules;
  } limits;
  struct Log {                      // log:
    bool json = true;               // log.format: json | text
    std::string level = "info";     // log.level: debug | info | warning | error
    int lines_per_second_max = 50;  // of one kind of line; the rest is counted
  } log;
  // tables: names that rules enrich events from, and the compacted topics they are kept from;
  // sorted by name. Their names are in limits.rules.enrich as well.
  struct Table {
    std::string name;
    std::string topic;
  };
  std::vector<Table> tables;
  std::vector<connectors::KafkaProperty> kafka;  // kafka: librdkafka's properties
  // Those of them whose value was written with references, as written: what a reference stands for
  // may change.
  struct KafkaReference {
    std::string name;
    std::string written;
    std::string directory;  // that relative paths start at; empty: the current one
  };
  std::vector<KafkaReference> kafka_references;
};

// One value in force. `source` says where it came from: "default", "pipeline.yaml:12", "--set",
// with the variables and files it used.
struct ConfigValue {
  std::string key;    // "limits.batch_events_max"
  std::string value;  // "[secret]" where it may not be shown
  std::string source;
  // As it can be written in a config again: the value, or the `${file:...}` that it came from.
  // Holds nothing secret.
  std::string written;
};

struct LoadedConfig {
  Config config;
  std::vector<ConfigValue> values;   // everything in force, in the table's order
  std::vector<std::string> secrets;  // what on_secret was told
};

// What the command line adds to the file.
struct ConfigOverrides {
  // Brokers are not asked for: the process brings its own.
  bool embedded = false;
  // "key=value" each, of `--set`; they go before the file's. Relative paths in them are the
  // shell's.
  std::vector<std::string> values;
};

// How the reader sees the outside world; tests give their own.
struct ConfigEnvironment {
  std::function<std::optional<std::string>(const std::string& name)> variable;
  std::function<std::optional<std::string>(const std::string& path)> file;
  std::string host_name;
  // What `${secret:NAME}` and `${config:NAME}` stand for at the config manager; may be null.
  std::function<absl::StatusOr<std::string>(const Config::SecretsFrom& from, std::string_view kind,
                                            const std::string& name)>
      managed;
  // Of the config that is read, for `managed`.
  Config::SecretsFrom secrets_from;
  // Told each value that may be secret as soon as it is read, whether or not the config is refused;
  // may be null.
  std::function<void(const std::string& secret)> on_secret;
};
ConfigEnvironment RealEnvironment();

// A config's text; longer ones are cut off after kConfigFileBytesMax + 1 bytes, which ReadConfig
// refuses. InvalidArgument for what can't be read, is a directory or a device.
absl::StatusOr<std::string> ReadConfigFile(const std::string& path);

// Longest config file, and longest file that `${file:...}` takes in.
inline constexpr size_t kConfigFileBytesMax = 1 << 20;

// Relative paths in the text are resolved against the directory of `file_name`. Problems of an
// override have no place but a subject that starts with `--set`.
std::optional<LoadedConfig> ReadConfig(std::string_view file_name, std::string_view text,
                                       const ConfigEnvironment& environment,
                                       std::vector<router::Problem>* problems,
                                       const ConfigOverrides& overrides = {});

// The limits alone. Other fields are asked for by name only: they may be missing, and nothing that
// they refer to is read.
std::optional<Config::Limits> ReadConfigLimits(std::string_view file_name, std::string_view text,
                                               const ConfigEnvironment& environment,
                                               std::vector<router::Problem>* problems);

// How an s3:// store's bucket is reached, alone: `checkpoints.s3`, in the same way.
std::optional<state::S3Options> ReadConfigS3(std::string_view file_name, std::string_view text,
                                             const ConfigEnvironment& environment,
                                             std::vector<router::Problem>* problems);

// What steps go by, alone: `source.partitioned_by`, `time_field`, `lateness`, `ahead_max` and
// `limits.rule_state_bytes_max`, in the same way.
std::optional<router::StateSettings> ReadConfigTime(std::string_view file_name,
                                                    std::string_view text,
                                                    const ConfigEnvironment& environment,
                                                    std::vector<router::Problem>* problems);

// Everything in force, a line `key: value  # source` each; a config that means the same, but for
// secrets that were written in the config itself: those are shown as [secret], which is refused.
std::string PrintedConfig(const LoadedConfig& loaded);

// The table as Markdown, for runtime/README.md; a test compares them.
std::string ConfigTableMarkdown();

}  // namespace turnout::runtime
