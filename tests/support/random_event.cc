#include "tests/support/random_event.h"

#include <algorithm>

namespace turnout::support {
namespace {

// Below this nothing is nested further, unless a wish wants it.
constexpr size_t kLevelsMax = 5;
// From this length on only what is wished for is written.
constexpr size_t kEventBytesMax = 6000;
constexpr size_t kLongArrayMax = 40;

void InsertAt(std::string* text, std::string_view piece, Choices* choices) {
  text->insert(choices->Below(text->size() + 1), piece);
}

std::string Nested(size_t levels, bool objects) {
  std::string text;
  for (size_t i = 0; i < levels; ++i) text += objects ? "{\"a\":" : "[";
  text += "1";
  for (size_t i = 0; i < levels; ++i) text += objects ? "}" : "]";
  return text;
}

}  // namespace

std::string EventMaker::Make(const std::vector<Wish>& wishes) {
  out_.clear();
  Wishes all;
  for (const Wish& wish : wishes) all.push_back(&wish);
  Space();
  WriteObject(std::move(all), 0, 0);
  return std::move(out_);
}

void EventMaker::Space() {
  if (choices_->MostOf(24)) return;
  constexpr const char* kSpaces[] = {" ", "\n", "\t", "\r\n  "};
  out_ += kSpaces[choices_->Below(4)];
}

// An object that holds the wishes; their first `depth` steps lead to it.
void EventMaker::WriteObject(Wishes wishes, size_t depth, size_t level) {
  size_t others = level > kLevelsMax || out_.size() > kEventBytesMax ? 0 : choices_->Below(4);
  out_ += '{';
  bool first = true;
  while (others > 0 || !wishes.empty()) {
    if (!first) out_ += ',';
    first = false;
    Space();
    if (wishes.empty() || (others > 0 && choices_->OneIn(2))) {
      --others;
      WriteMember({}, depth, level);
      continue;
    }
    // Some wish, mostly with all that share its next step.
    std::swap(wishes.back(), wishes[choices_->Below(wishes.size())]);
    Wishes group = {wishes.back()};
    wishes.pop_back();
    if (choices_->MostOf(6)) {
      const auto rest = std::partition(wishes.begin(), wishes.end(), [&](const Wish* wish) {
        return wish->path[depth] != group[0]->path[depth];
      });
      group.insert(group.end(), rest, wishes.end());
      wishes.erase(rest, wishes.end());
    }
    WriteMember(group, depth, level);
  }
  Space();
  out_ += '}';
}

void EventMaker::WriteMember(const Wishes& wishes, size_t depth, size_t level) {
  std::string key = wishes.empty() ? choices_->Of(words_.keys) : wishes[0]->path[depth];
  size_t reached = depth + 1;
  if (wishes.empty() && choices_->OneIn(12)) key += "." + choices_->Of(words_.keys);
  if (wishes.size() == 1 && choices_->OneIn(6)) {
    for (; reached < wishes[0]->path.size(); ++reached) key += "." + wishes[0]->path[reached];
  }
  out_ += SpellText(key, choices_);
  Space();
  out_ += ':';
  Space();
  if (wishes.empty()) {
    WriteAny(level + 1);
  } else {
    WriteWished(wishes, reached, level + 1);
  }
}

// The value at the end of the wishes' first `depth` steps.
void EventMaker::WriteWished(const Wishes& wishes, size_t depth, size_t level) {
  Wishes deeper;
  for (const Wish* wish : wishes) {
    if (wish->path.size() > depth) deeper.push_back(wish);
  }
  if (choices_->OneIn(4) || (!deeper.empty() && deeper.size() < wishes.size())) {
    WriteArray(wishes, depth, level);
  } else if (deeper.empty()) {
    out_ += choices_->Of(wishes)->value;
  } else {
    WriteObject(deeper, depth, level);
  }
}

// An array among whose elements the wishes come true: in one element together, or in several.
void EventMaker::WriteArray(const Wishes& wishes, size_t depth, size_t level) {
  const size_t elements =
      choices_->OneIn(60) ? choices_->Between(10, kLongArrayMax) : choices_->Between(1, 4);
  const size_t together = choices_->OneIn(3) ? elements : choices_->Below(elements);
  out_ += '[';
  for (size_t i = 0; i < elements; ++i) {
    if (i > 0) out_ += ',';
    Space();
    Wishes here;
    for (const Wish* wish : wishes) {
      if (together == i || (together == elements && choices_->OneIn(2))) here.push_back(wish);
    }
    const bool ends_here = std::any_of(
        here.begin(), here.end(), [&](const Wish* wish) { return wish->path.size() == depth; });
    if (here.empty()) {
      WriteAny(level + 1);
    } else if (ends_here && here.size() > 1) {
      // A scalar and an object can't be one element.
      for (size_t k = 0; k < here.size(); ++k) {
        if (k > 0) out_ += ',';
        WriteWished({here[k]}, depth, level + 1);
      }
    } else {
      WriteWished(here, depth, level + 1);
    }
  }
  out_ += ']';
}

void EventMaker::WriteAny(size_t level) {
  const bool flat = level > kLevelsMax || out_.size() > kEventBytesMax;
  switch (flat ? 0 : choices_->Below(8)) {
    case 6:
      WriteObject({}, 0, level);
      break;
    case 7: {
      const size_t elements =
          choices_->OneIn(40) ? choices_->Between(10, kLongArrayMax) : choices_->Below(4);
      out_ += '[';
      for (size_t i = 0; i < elements; ++i) {
        if (i > 0) out_ += ',';
        Space();
        WriteAny(level + 1);
      }
      out_ += ']';
      break;
    }
    default:
      out_ += SpellScalar(words_, choices_);
  }
}

std::string BreakEvent(std::string event, Choices* choices) {
  constexpr std::string_view kPieces[] = {",",
                                          "]",
                                          "}",
                                          "{",
                                          "[",
                                          "\"",
                                          ":",
                                          "0",
                                          "-",
                                          ".",
                                          "e",
                                          "\\",
                                          "\\u12",
                                          "\x01",
                                          "\xff",
                                          "\xC3",
                                          "\xED\xA0\x80",
                                          "tru",
                                          "nul",
                                          "1 2",
                                          "01",
                                          "1.",
                                          "+1",
                                          "\xEF\xBB\xBF",
                                          "/**/",
                                          "\v",
                                          "NaN",
                                          "\x7f",
                                          "\\ud83d",
                                          "\\x",
                                          "\xC0\x80",
                                          "\xF5\x80\x80\x80"};
  switch (choices->Below(8)) {
    case 0:
      return event.substr(0, choices->Below(event.size() + 1));
    case 1:
      if (!event.empty()) event.erase(choices->Below(event.size()), 1);
      return event;
    case 2:
      return event + std::string(kPieces[choices->Below(std::size(kPieces))]);
    case 3:
      return "{\"a\":" + Nested(choices->Between(996, 1002), choices->OneIn(2)) + "}";
    case 4: {
      // A duplicate of its tail, or what is left of it.
      const size_t at = choices->Below(event.size() + 1);
      return event + event.substr(at);
    }
    default:
      InsertAt(&event, kPieces[choices->Below(std::size(kPieces))], choices);
      if (choices->OneIn(4)) InsertAt(&event, std::string_view("\0", 1), choices);
      return event;
  }
}

}  // namespace turnout::support
