// RandomPattern: patterns of the rule language out of a vocabulary, with values that would satisfy
// them.
//
// A case's tests (a field and its list) are drawn from a pool that its rules share, so that an
// index has something to share; $or nests; fields are written nested or dotted. Every operator is
// one line of the table in random_pattern.cc.
//
// Threads: pure functions of the choices.
#pragma once

#include <string>
#include <vector>

#include "tests/support/choices.h"
#include "tests/support/vocabulary.h"

namespace turnout::support {

// A value that an event might hold so that some rule matches.
struct Wish {
  std::vector<std::string> path;
  std::string value;  // JSON
};

struct RandomPattern {
  std::string text;          // JSON
  std::vector<Wish> wishes;  // all together satisfy the pattern, mostly
};

struct PatternScope {
  bool kafka = true;       // fields of the record too
  bool extensions = true;  // operators that event-ruler doesn't know
};

class PatternMaker {
 public:
  PatternMaker(const Vocabulary& words, const PatternScope& scope, Choices* choices)
      : words_(words), scope_(scope), choices_(choices) {}

  RandomPattern Make();

  // A pattern that is likely to be refused: an operator over something odd, an odd field.
  std::string MakeOdd();

 private:
  struct Test {
    std::vector<std::string> path;
    std::string list;     // JSON
    std::string example;  // a JSON value that satisfies some entry; empty when absence does
  };

  // A test, or alternatives of which one must hold, below `path`.
  struct Part {
    std::vector<std::string> path;
    std::string list;
    std::vector<std::vector<Part>> alternatives;
  };

  std::vector<std::string> MakePath();
  Test MakeTest();
  const Test& PickTest();
  void AddParts(size_t depth, bool wished, std::vector<Part>* parts);
  static void PutBelow(const std::vector<std::string>& path, Part* part);
  std::string WriteObject(const std::vector<Part>& parts, size_t depth);
  std::string WriteAlternatives(const Part& part);

  const Vocabulary& words_;
  const PatternScope scope_;
  Choices* const choices_;
  std::vector<Test> pool_;
  std::vector<Wish> wishes_;
};

}  // namespace turnout::support
