// JsonReader: members of a JSON object that somebody sent, each of its type, unknown ones refused.
//
// Errors: status(), InvalidArgument with the first thing that is wrong: which member, and what may
//   stand there; never what the member holds, which may be secret. After it all answers are the
//   values by default.
// Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace turnout::manager {

class JsonReader {
 public:
  // `of` names the object in messages: "the body". An empty text is an empty object.
  JsonReader(std::string_view json, std::string of);
  ~JsonReader();
  JsonReader(JsonReader&&) noexcept;

  // What may be there; null is nothing that may.
  void Only(std::initializer_list<std::string_view> known);
  bool Has(std::string_view name) const;  // and is not null

  std::string Text(std::string_view name);  // which must be there
  std::string Text(std::string_view name, std::string_view by_default);
  bool Flag(std::string_view name, bool by_default);
  int64_t Number(std::string_view name, int64_t by_default, int64_t min, int64_t max);
  std::vector<std::string> Texts(std::string_view name, size_t count_max);
  std::map<std::string, int64_t> Numbers(std::string_view name, size_t count_max);
  // They have a status of their own.
  std::vector<JsonReader> Objects(std::string_view name, size_t count_max);
  // What is not there is an empty object.
  JsonReader Object(std::string_view name);

  // Overwrites the texts of that name, which are secret.
  void Wipe(std::string_view name);

  const absl::Status& status() const { return status_; }

 private:
  struct Value;
  JsonReader(std::unique_ptr<Value> value, std::string of);
  void Fail(std::string_view name, std::string_view wanted);

  std::unique_ptr<Value> value_;
  std::string of_;
  absl::Status status_;
};

}  // namespace turnout::manager
