#include "tests/support/random_case.h"

#include "tests/support/json_tree.h"
#include "tests/support/random_event.h"
#include "tests/support/random_pattern.h"
#include "tests/support/vocabulary.h"

namespace turnout::support {
namespace {

constexpr const char* kKafka = "$kafka";

size_t RuleCount(bool many, Choices* choices) {
  if (choices->OneIn(2)) return choices->Between(1, 4);
  if (many && choices->OneIn(64)) return choices->Between(100, 400);
  return choices->OneIn(6) ? choices->Between(10, 40) : choices->Between(3, 12);
}

std::string RandomFieldPath(const Vocabulary& words, Choices* choices) {
  static const std::vector<std::string>* const of_record = new std::vector<std::string>{
      "$kafka.key", "$kafka.topic", "$kafka.partition", "$kafka.headers.a", "$kafka", "$kafka.x"};
  if (choices->OneIn(6)) return choices->Of(*of_record);
  std::string path = choices->Of(words.keys);
  for (size_t more = choices->Below(3); more > 0; --more) path += "." + choices->Of(words.keys);
  return path;
}

std::string PlainContent(const std::string& json) {
  if (json.size() < 2 || json[0] != '"') return json;
  return json.substr(1, json.size() - 2);
}

void FillRecord(const std::vector<Wish>& wishes, const Vocabulary& words, RandomRecord* record,
                Choices* choices) {
  if (choices->OneIn(2)) record->key = PickText(words, choices);
  if (choices->OneIn(3)) record->topic = PickText(words, choices);
  record->partition = static_cast<int32_t>(choices->Below(5));
  for (size_t left = choices->Below(4); left > 0; --left) {
    std::optional<std::string> value;
    if (choices->MostOf(6)) value = PickText(words, choices);
    record->headers.emplace_back(choices->Of(words.keys), std::move(value));
  }
  for (const Wish& wish : wishes) {
    const std::string content = PlainContent(wish.value);
    if (wish.path[1] == "key") record->key = content;
    if (wish.path[1] == "topic") record->topic = content;
    if (wish.path[1] == "headers") record->headers.emplace_back(wish.path[2], content);
  }
}

RandomRecord MakeRecord(const std::vector<RandomPattern>& patterns, const CaseScope& scope,
                        const Vocabulary& words, Choices* choices) {
  std::vector<Wish> payload_wishes;
  std::vector<Wish> record_wishes;
  for (size_t rules = choices->Below(4); rules > 0; --rules) {
    for (const Wish& wish : choices->Of(patterns).wishes) {
      if (choices->OneIn(16)) continue;
      (wish.path[0] == kKafka ? record_wishes : payload_wishes).push_back(wish);
    }
  }
  RandomRecord record;
  record.value = EventMaker(words, choices).Make(payload_wishes);
  if (scope.broken_events && choices->OneIn(10)) {
    record.value = BreakEvent(std::move(record.value), choices);
  }
  if (scope.kafka) FillRecord(record_wishes, words, &record, choices);
  return record;
}

std::string QuotedOrNull(const std::optional<std::string>& text) {
  return text ? QuotedJson(*text) : "null";
}

}  // namespace

router::Event RandomRecord::AsEvent(std::vector<router::Header>* storage) const {
  storage->clear();
  for (const auto& [name, content] : headers) {
    storage->emplace_back(name, content ? std::string_view(*content) : std::string_view());
  }
  router::Event event;
  event.value = value;
  if (key) event.key = *key;
  event.topic = topic;
  event.partition = partition;
  event.headers = *storage;
  return event;
}

RandomCase MakeRandomCase(const CaseScope& scope, Choices* choices) {
  const Vocabulary words = PickVocabulary(choices);
  PatternMaker maker(words, {scope.kafka, scope.extensions}, choices);
  std::vector<RandomPattern> patterns;
  for (size_t left = RuleCount(scope.many_rules, choices); left > 0; --left) {
    // The same rule twice is a case too.
    const bool again = !patterns.empty() && choices->OneIn(20);
    patterns.push_back(again ? RandomPattern(choices->Of(patterns)) : maker.Make());
  }
  RandomCase made;
  if (scope.kafka) {
    for (size_t left = choices->Below(3); left > 0; --left) {
      made.fields.push_back(RandomFieldPath(words, choices));
    }
  }
  for (size_t left = choices->Between(1, scope.records_max); left > 0; --left) {
    made.records.push_back(MakeRecord(patterns, scope, words, choices));
  }
  for (RandomPattern& pattern : patterns) made.patterns.push_back(std::move(pattern.text));
  return made;
}

std::string CaseLine(const std::string& id, const std::vector<std::string>& patterns,
                     const RandomRecord& record,
                     const std::optional<std::vector<uint32_t>>& matches) {
  std::string line = "{\"id\": " + QuotedJson(id) + ", \"rules\": {";
  for (size_t i = 0; i < patterns.size(); ++i) {
    line += (i == 0 ? "\"r" : ", \"r") + std::to_string(i) + "\": " + QuotedJson(patterns[i]);
  }
  line += "}, \"kafka\": {\"key\": " + QuotedOrNull(record.key) +
          ", \"topic\": " + QuotedJson(record.topic) +
          ", \"partition\": " + std::to_string(record.partition) + ", \"headers\": [";
  for (size_t i = 0; i < record.headers.size(); ++i) {
    line += (i == 0 ? "[" : ", [") + QuotedJson(record.headers[i].first) + ", " +
            QuotedOrNull(record.headers[i].second) + "]";
  }
  line += "]}, \"event\": " + QuotedJson(record.value);
  if (!matches) return line + ", \"expected_error\": \"the event cannot be read\"}";
  line += ", \"expected\": [";
  for (size_t i = 0; i < matches->size(); ++i) {
    line += (i == 0 ? "\"r" : ", \"r") + std::to_string((*matches)[i]) + "\"";
  }
  return line + "]}";
}

}  // namespace turnout::support
