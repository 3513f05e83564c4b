#include "tests/support/shape_differential.h"

#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "router/document.h"
#include "router/event_parser.h"
#include "router/event_shaper.h"
#include "router/shape_reader.h"
#include "tests/support/json_tree.h"
#include "tests/support/plain_shaper.h"
#include "tests/support/random_event.h"
#include "tests/support/vocabulary.h"

namespace turnout::support {
namespace {

constexpr const char* kSeparators[] = {"_", ".", "__", "-"};

class ShapeMaker {
 public:
  ShapeMaker(const Vocabulary& words, Choices* choices) : words_(words), choices_(choices) {
    for (size_t left = choices_->Between(1, 5); left > 0; --left) pool_.push_back(NewPath());
  }

  std::string Make() {
    if (choices_->OneIn(2)) AddList("keep");
    if (choices_->OneIn(2)) AddList("drop");
    if (choices_->OneIn(2)) AddRename();
    if (choices_->OneIn(2)) AddSet();
    if (choices_->OneIn(3)) {
      const std::string separator = kSeparators[choices_->Below(std::size(kSeparators))];
      Add("flatten", choices_->OneIn(2) ? "true" : "{\"separator\": \"" + separator + "\"}");
    }
    if (text_.empty()) AddList("drop");
    return "{" + text_ + "}";
  }

  // Values at the paths that the shape names.
  std::vector<Wish> Wishes() {
    std::vector<Wish> wishes;
    for (const std::vector<std::string>& path : pool_) {
      if (choices_->OneIn(4)) continue;
      const std::string scalar = SpellScalar(words_, choices_);
      std::string value = scalar;
      if (choices_->OneIn(4)) {
        value = "{" + SpellText(choices_->Of(words_.keys), choices_) + ": " + scalar + "}";
      }
      if (choices_->OneIn(6)) value = "[" + value + ", {\"x\": " + scalar + "}]";
      wishes.push_back({path, value});
    }
    return wishes;
  }

 private:
  std::vector<std::string> NewPath() {
    std::vector<std::string> path;
    for (size_t left = choices_->Between(1, 3); left > 0; --left) {
      path.push_back(choices_->Of(words_.keys));
    }
    return path;
  }

  // Of the pool, a beginning of one, or one that goes on.
  std::string Path() {
    std::vector<std::string> path = choices_->Of(pool_);
    if (choices_->OneIn(5)) path.push_back(choices_->Of(words_.keys));
    if (path.size() > 1 && choices_->OneIn(4)) path.pop_back();
    return Dotted(path);
  }
  static std::string Dotted(const std::vector<std::string>& path) {
    std::string text;
    for (const std::string& step : path) text += (text.empty() ? "" : ".") + step;
    return text;
  }

  void Add(const std::string& name, const std::string& value) {
    text_ += (text_.empty() ? "\"" : ", \"") + name + "\": " + value;
  }

  void AddList(const std::string& name) {
    std::string list;
    for (size_t left = choices_->Between(1, 3); left > 0; --left) {
      list += (list.empty() ? "" : ", ") + QuotedJson(Path());
    }
    Add(name, "[" + list + "]");
  }

  void AddRename() {
    std::string list;
    for (size_t left = choices_->Between(1, 2); left > 0; --left) {
      const std::string from = Path();
      const size_t dot = from.rfind('.');
      const bool within = choices_->OneIn(2) && dot != std::string::npos;
      const std::string to = within ? from.substr(0, dot + 1) + choices_->Of(words_.keys) : Path();
      list += (list.empty() ? "" : ", ") + QuotedJson(from) + ": " + QuotedJson(to);
    }
    Add("rename", "{" + list + "}");
  }

  void AddSet() {
    std::string list;
    for (size_t left = choices_->Between(1, 3); left > 0; --left) {
      list += (list.empty() ? "" : ", ") + QuotedJson(Path()) + ": " + SetValue();
    }
    Add("set", "{" + list + "}");
  }

  std::string SetValue() {
    switch (choices_->Below(5)) {
      case 0:
        return QuotedJson("v-{" + Path() + "}");
      case 1:
        return "{\"field\": " + QuotedJson(Path()) + "}";
      case 2:
        return "{\"constant\": {\"p\": {\"q.r\": 1.0}, \"s\": [{}], \"t\": {}}}";
      case 3:
        return "[1, {\"a\": null}]";
      default:
        return "\"text\"";
    }
  }

  const Vocabulary& words_;
  Choices* const choices_;
  std::vector<std::vector<std::string>> pool_;
  std::string text_;
};

}  // namespace

std::string ShapeDifferenceOf(Choices* choices, ShapeTally* tally) {
  const Vocabulary words = PickVocabulary(choices);
  ShapeMaker maker(words, choices);
  const std::string shape_text = maker.Make();
  const std::string event_text = EventMaker(words, choices).Make(maker.Wishes());

  std::vector<router::Problem> problems;
  const std::optional<router::Node> node = router::ParseJson(shape_text, &problems);
  std::shared_ptr<const router::ShapePlan> plan;
  if (node.has_value()) plan = router::ReadShape(*node, {}, &problems);
  if (plan == nullptr) {
    ++tally->refused_shapes;
    return problems.empty() ? "refused without a problem: " + shape_text : "";
  }
  std::string error;
  const auto shape = ReadJsonObject(shape_text, &error);
  const auto event = ReadJsonObject(event_text, &error);
  router::EventParser parser;
  router::GatheredEvent gathered;
  gathered.Reset(0);
  if (event == nullptr || !parser.Parse(event_text, router::FieldTrie(), &gathered).ok()) {
    return event == nullptr ? "" : "the event is refused: " + event_text;
  }
  // Two events one after the other, so that what the first leaves behind would show.
  router::EventShaper shaper;
  router::Arena arena;
  shaper.Shape(*plan, event_text, parser.structurals(), &arena);
  const router::EventShaper::Result result =
      shaper.Shape(*plan, event_text, parser.structurals(), &arena);
  const std::optional<JsonTree> expected = PlainShape(*shape, *event);

  std::string shown;
  if (result.value.data() != nullptr) {
    const auto tree = ReadJsonObject(result.value, &error);
    shown = tree == nullptr ? "no JSON: " + std::string(result.value) : ShownTree(*tree);
    ++tally->shaped;
    if (shown == ShownTree(*event)) ++tally->unchanged;
  } else {
    ++tally->rejected;
  }
  const std::string wanted = expected.has_value() ? ShownTree(*expected) : "";
  if (shown == wanted) return "";
  return "{\"shape\": " + shape_text + ", \"event\": " + QuotedJson(event_text) +
         ", \"output\": " + QuotedJson(wanted) + "}\nthe router's: " + shown +
         std::string(result.reason) + "\n";
}

}  // namespace turnout::support
