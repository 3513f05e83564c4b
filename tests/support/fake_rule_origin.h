// FakeRuleOrigin: an endpoint that has what a test says.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "runtime/rule_origin.h"

namespace turnout::support {

class FakeRuleOrigin : public runtime::RuleOrigin {
 public:
  void Put(const std::string& version, std::map<std::string, std::string> texts) {
    runtime::RuleFiles files;
    for (auto& [name, text] : texts) files.files[name].text = text;
    news_ = std::move(files);
    status_.version = version;
    status_.has_answered = true;
    status_.problem.clear();
  }
  void Fail(const std::string& problem) { status_.problem = problem; }

  std::optional<runtime::RuleFiles> Take(absl::Time) override {
    return std::exchange(news_, std::nullopt);
  }
  runtime::RuleOriginStatus status() const override { return status_; }

 private:
  std::optional<runtime::RuleFiles> news_;
  runtime::RuleOriginStatus status_ = {.kind = "http", .name = "https://config/rules"};
};

// A team's file with one rule.
inline std::string OneRuleText(const std::string& team, const std::string& topic) {
  return absl::StrFormat(
      "team: %s\ndestinations: [\"*\"]\nrules:\n  - {name: r, match: {type: [x]}, to: %s}\n", team,
      topic);
}

}  // namespace turnout::support
