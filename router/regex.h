// Regex: a regular expression in RE2's syntax, searched for anywhere in a text.
//
// RE2 decides in time linear in the text, whatever the expression; backreferences and look-around
// are what it does not have. `^` and `$` are the text's ends, `.` is any character but a newline,
// `(?i)`, `(?s)` and `(?m)` change that. The automaton is built state by state as texts ask for it.
//
// Cost: a table look-up a byte once the states are there. Finding them allocates, until they are
//   found or the memory bound is reached; from there on RE2 drops all states and starts over, and
//   where that happens too often it simulates the expression instead, slower and allocating.
// Threads: immutable and shared; RE2 guards its states itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace turnout::router {

class Regex {
 public:
  enum class Fault { kNone, kSyntax, kTooLarge };

  // Null, with what is wrong in `fault` and, for kSyntax, in `error`. `bytes_max` bounds the memory
  // that the expression takes, its program and the states together.
  static std::shared_ptr<const Regex> Compile(std::string_view expression, int64_t bytes_max,
                                              Fault* fault, std::string* error);
  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  bool Matches(std::string_view text) const;

 private:
  struct Impl;

  explicit Regex(std::unique_ptr<const Impl> impl);

  const std::unique_ptr<const Impl> impl_;
};

}  // namespace turnout::router
