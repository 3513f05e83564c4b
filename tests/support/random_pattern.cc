#include "tests/support/random_pattern.h"

#include <algorithm>

#include "tests/support/json_tree.h"
#include "tests/support/random_operators.h"

namespace turnout::support {
namespace {

constexpr const char* kKafka = "$kafka";
constexpr size_t kOrDepthMax = 3;

std::string Joined(const std::vector<std::string>& path, size_t begin, size_t end) {
  std::string text;
  for (size_t i = begin; i < end; ++i) text += (i == begin ? "" : ".") + path[i];
  return text;
}

std::vector<std::string> KafkaPath(const Vocabulary& words, Choices* choices) {
  switch (choices->Below(5)) {
    case 0:
      return {kKafka, "key"};
    case 1:
      return {kKafka, "topic"};
    case 2:
      return {kKafka, "partition"};
    default:
      return {kKafka, "headers", choices->Of(words.keys)};
  }
}

}  // namespace

RandomPattern PatternMaker::Make() {
  wishes_.clear();
  std::vector<Part> parts;
  AddParts(0, true, &parts);
  std::string text = WriteObject(parts, 0);
  if (choices_->OneIn(40)) text += " behind it";
  return {std::move(text), std::move(wishes_)};
}

std::vector<std::string> PatternMaker::MakePath() {
  if (scope_.kafka && choices_->OneIn(10)) return KafkaPath(words_, choices_);
  std::vector<std::string> path;
  for (size_t left = choices_->Between(1, 3); left > 0; --left) {
    path.push_back(choices_->Of(words_.keys));
  }
  return path;
}

PatternMaker::Test PatternMaker::MakeTest() {
  Test test;
  test.path = MakePath();
  const size_t entries = choices_->OneIn(3) ? choices_->Between(2, 5) : 1;
  const size_t wished = choices_->Below(entries);
  for (size_t i = 0; i < entries; ++i) {
    RandomEntry entry = MakeEntry(words_, scope_.extensions, choices_);
    test.list += (i == 0 ? "[" : ",") + entry.json;
    if (i == wished) test.example = std::move(entry.example);
  }
  test.list += ']';
  return test;
}

const PatternMaker::Test& PatternMaker::PickTest() {
  if (pool_.empty() || choices_->OneIn(3)) {
    pool_.push_back(MakeTest());
    return pool_.back();
  }
  return choices_->Of(pool_);
}

void PatternMaker::AddParts(size_t depth, bool wished, std::vector<Part>* parts) {
  for (size_t left = choices_->Between(1, depth == 0 ? 4 : 2); left > 0; --left) {
    if (depth < kOrDepthMax && choices_->OneIn(8)) {
      Part part;
      if (choices_->OneIn(4)) part.path.push_back(choices_->Of(words_.keys));
      const size_t count = choices_->Between(2, 3);
      const size_t fulfilled = choices_->Below(count);
      for (size_t i = 0; i < count; ++i) {
        const size_t wishes_before = wishes_.size();
        std::vector<Part>& inner = part.alternatives.emplace_back();
        AddParts(depth + 1, wished && i == fulfilled, &inner);
        // All that stands inside lies below the alternatives' own path.
        for (Part& piece : inner) PutBelow(part.path, &piece);
        for (size_t k = wishes_before; k < wishes_.size(); ++k) {
          wishes_[k].path.insert(wishes_[k].path.begin(), part.path.begin(), part.path.end());
        }
      }
      parts->push_back(std::move(part));
      continue;
    }
    const Test& test = PickTest();
    parts->push_back({test.path, test.list, {}});
    if (wished && !test.example.empty()) wishes_.push_back({test.path, test.example});
  }
}

void PatternMaker::PutBelow(const std::vector<std::string>& path, Part* part) {
  part->path.insert(part->path.begin(), path.begin(), path.end());
  for (std::vector<Part>& alternative : part->alternatives) {
    for (Part& inner : alternative) PutBelow(path, &inner);
  }
}

// The parts as one object; the first `depth` steps of their paths are written already.
std::string PatternMaker::WriteObject(const std::vector<Part>& parts, size_t depth) {
  std::vector<bool> written(parts.size());
  std::string text = "{";
  for (size_t i = 0; i < parts.size(); ++i) {
    if (written[i]) continue;
    const Part& part = parts[i];
    if (text.size() > 1) text += choices_->OneIn(8) ? ", " : ",";
    const size_t left = part.path.size() - depth;
    if (left == 0) {
      text += "\"$or\":" + WriteAlternatives(part);
      continue;
    }
    // A dotted name for several steps, or one step with all that shares it inside.
    const size_t steps = choices_->OneIn(2) ? left : 1;
    const size_t reached = depth + steps;
    text += SpellText(Joined(part.path, depth, reached), choices_) + ":";
    if (reached == part.path.size() && part.alternatives.empty()) {
      text += part.list;
      continue;
    }
    std::vector<Part> inside = {part};
    for (size_t k = i + 1; k < parts.size() && steps == 1; ++k) {
      const size_t least = depth + (parts[k].alternatives.empty() ? 2 : 1);
      if (written[k] || parts[k].path.size() < least || parts[k].path[depth] != part.path[depth]) {
        continue;
      }
      inside.push_back(parts[k]);
      written[k] = true;
    }
    text += WriteObject(inside, reached);
  }
  return text + "}";
}

std::string PatternMaker::WriteAlternatives(const Part& part) {
  std::string text = "[";
  for (const std::vector<Part>& alternative : part.alternatives) {
    text += (text.size() > 1 ? "," : "") + WriteObject(alternative, part.path.size());
  }
  return text + "]";
}

std::string PatternMaker::MakeOdd() {
  static const std::vector<std::string>* const names =
      new std::vector<std::string>{"prefix",
                                   "suffix",
                                   "equals-ignore-case",
                                   "wildcard",
                                   "anything-but",
                                   "numeric",
                                   "exists",
                                   "cidr",
                                   "exactly",
                                   "prefx",
                                   "",
                                   "="};
  static const std::vector<std::string>* const operands =
      new std::vector<std::string>{"null",
                                   "true",
                                   "1",
                                   "1e309",
                                   "\"\"",
                                   "\"a\"",
                                   "[]",
                                   "[1]",
                                   "[\"a\"]",
                                   "[\"a\",1]",
                                   "{}",
                                   "[\"\"]",
                                   "[[\"a\"]]",
                                   "[null]",
                                   "[true]",
                                   "[1,2]",
                                   "\"**\"",
                                   "\"a**b\"",
                                   "\"\\\\\"",
                                   "\"\\\\a\"",
                                   "\"\\\\*\"",
                                   "\"10.0.0.0/33\"",
                                   "\"10.0.0.0/32\"",
                                   "\"10.0.0.0\"",
                                   "\"10.0.0/8\"",
                                   "\"::/0\"",
                                   "\"::/128\"",
                                   "\"10.0.0.0/-1\"",
                                   "\"10.0.0.0/8/8\"",
                                   "\"10.0.0.0/8/\"",
                                   "\"/8\"",
                                   "[\"<\",1]",
                                   "[\">\",1,\"<\",1]",
                                   "[\">=\",1,\"<=\",1]",
                                   "[\">\",0,\"<\",1]",
                                   "[\"<\",1,\">\",0]",
                                   "[\"=\",1,\"=\",1]",
                                   "[\"<\",\"1\"]",
                                   "[\"==\",1]",
                                   "[\"<\"]",
                                   "[1,\"<\"]",
                                   "[\"=\",9007199254740993]",
                                   "[\"=\",5e9]",
                                   "[\"=\",6e9]",
                                   "{\"prefix\":\"a\"}",
                                   "{\"prefix\":\"\"}",
                                   "{\"prefix\":[]}",
                                   "{\"prefix\":[\"a\",\"b\"]}",
                                   "{\"suffix\":[\"\"]}",
                                   "{\"suffix\":1}",
                                   "{\"equals-ignore-case\":\"a\"}",
                                   "{\"equals-ignore-case\":\"\"}",
                                   "{\"equals-ignore-case\":[\"a\",1]}",
                                   "{\"wildcard\":\"a*\"}",
                                   "{\"wildcard\":[\"**\"]}",
                                   "{\"numeric\":[\"<\",1]}",
                                   "{\"prefix\":\"a\",\"suffix\":\"b\"}",
                                   "{\"anything-but\":\"a\"}",
                                   "{\"exists\":true}"};
  static const std::vector<std::string>* const lists =
      new std::vector<std::string>{"[]",
                                   "{}",
                                   "\"a\"",
                                   "1",
                                   "null",
                                   "[[]]",
                                   "[[1]]",
                                   "[{}]",
                                   "[\"a\",]",
                                   "[01]",
                                   "[\"a\" \"b\"]",
                                   "[tru]",
                                   "[1,{\"prefix\":\"a\"}]",
                                   "[{\"prefix\":\"a\",\"exists\":true}]",
                                   "[-]",
                                   "[1e5]",
                                   "[.5]",
                                   "[\"\\x\"]",
                                   "[\"\\ud800\"]",
                                   "[1e400]",
                                   "{\"b\":[1]}",
                                   "{\"b\":{\"c\":[]}}"};
  std::string list = choices_->Of(*lists);
  if (choices_->MostOf(4)) {
    list = "{" + QuotedJson(choices_->Of(*names)) + ":" + choices_->Of(*operands) + "}";
    if (choices_->OneIn(4)) list = MakeEntry(words_, false, choices_).json + "," + list;
    list = "[" + list + "]";
  }
  const std::string field = SpellText(Joined(MakePath(), 0, 1), choices_);
  switch (choices_->Below(8)) {
    case 0:
      return "{\"$or\":[{" + field + ":" + list + "},{\"c\":[1]}]}";
    case 1:
      return "{\"$or\":[{" + field + ":" + list + "}]}";
    case 2:
      return "{\"x\":[1]," + field + ":" + list + "}";
    case 3:
      return "{" + field + ":{\"y\":" + list + "}}";
    default:
      return "{" + field + ":" + list + "}";
  }
}

}  // namespace turnout::support
