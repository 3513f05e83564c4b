// ConfigReader: one reading of a config: the tree that was written is flattened to dotted keys, the
// overrides are laid over it, then each row of the table takes its value or its default.
//
// `source: {topic: orders}` and `source.topic: orders` are the same. All problems are kept; a value
// that may be secret is quoted in none of them.
//
// Threads: one at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "router/document.h"
#include "runtime/config.h"
#include "runtime/config_table.h"
#include "runtime/config_values.h"

namespace turnout::runtime {

class ConfigReader {
 public:
  // What is said at most about one file.
  static constexpr size_t kProblemsMax = 100;

  // Everything is borrowed, for as long as the reader lives.
  ConfigReader(std::string_view file_name, const ConfigEnvironment& environment,
               ConfigOverrides overrides, std::vector<router::Problem>* problems);

  std::optional<LoadedConfig> Read(std::string_view text);
  std::optional<Config::Limits> ReadLimits(std::string_view text);
  std::optional<router::StateSettings> ReadTime(std::string_view text);
  std::optional<state::S3Options> ReadS3(std::string_view text);

 private:
  // A value as it was written, and where.
  struct Given {
    router::Node::Kind kind = router::Node::Kind::kString;
    std::string text;
    router::Position name_at;
    router::Position value_at;
    bool in_override = false;
  };
  // A value with its references replaced.
  struct Resolved {
    std::string text;
    std::string source;
    std::string written;  // of secrets only: fit to be printed
    bool shown = true;    // may stand in a problem
    bool secret = false;
    bool typed = false;  // the notation itself says what it is
    router::Node::Kind kind = router::Node::Kind::kString;
  };

  bool TakeText(std::string_view text);
  bool IsSound();
  void TakeObject(const router::Node& object, const std::string& prefix);
  void TakeMember(const router::Member& member, const std::string& key);
  void TakeOverride(std::string_view override_text);
  void Take(const std::string& key, Given given);

  std::optional<Resolved> Resolve(const std::string& key, const Given& given, bool secret);
  void ReadField(const ConfigField& field);
  void ReadDefault(const ConfigField& field);
  bool HasRightKind(const ConfigField& field, const Given& given, const Resolved& resolved);
  std::string NameTable(const std::string& key, const Given& given);
  void ReadTables();
  void ReadTable(const std::string& key, const Given& given);
  void ReadKafka();
  void ReadKafkaProperty(const std::string& key, const Given& given);
  void CheckTogether();
  void CheckSchemaRegistry();
  void KeepSecret(const std::string& secret);
  void Remember(const std::string& key, const std::string& value, bool is_text,
                const Resolved& resolved);
  void HideDerivedSecrets();

  void Complain(const std::string& key, const Given& given, std::string what, std::string cure);
  void ComplainTwice(const std::string& key, router::Position at, router::Position first);
  void ComplainUnknown(const std::string& key, router::Position at, bool in_override);
  void Add(router::Problem problem);
  bool IsFull() const { return problems_->size() >= kProblemsMax; }

  const std::string_view file_name_;
  const std::string directory_;  // of the file; empty: the current one
  ConfigEnvironment environment_;
  const ConfigOverrides overrides_;
  std::vector<router::Problem>* const problems_;
  const size_t problems_before_;

  absl::node_hash_map<std::string, Given> given_;
  std::vector<std::string> kafka_keys_;  // in the order written
  std::vector<std::string> table_keys_;
  LoadedConfig loaded_;
};

}  // namespace turnout::runtime
