// Regex: a regular expression in RE2's syntax, searched for anywhere in a text.
//
// RE2 decides in time linear in the text, whatever the expression; backreferences and look-around
// are what it does not have. `^` and `$` are the text's ends, `.` is any character but a newline,
// `(?i)`, `(?s)` and `(?m)` change that. The automaton is built state by state as texts ask for it.
//
// Cost: about a nanosecond a byte once the states that a text needs are there. Finding a state
//   allocates, until `bytes_max` is reached; then RE2 drops all of them and starts over, and an
//   expression that asks for new states without end takes up to 100 ns a byte and allocates.
//   Expressions as people write them take 1 to 30 KB and come to rest.
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

  // RE2 wants room for twenty states, each of up to 4 bytes an instruction and 2 KB, in the third
  // of the memory that it keeps for them.
  static constexpr int64_t kBytesPerInstruction = 512;

  // Null, with what is wrong in `fault` and, for kSyntax, in `error`. `bytes_max` bounds the memory
  // of the expression's program and its states together. kTooLarge: the program alone has more than
  // an instruction for every kBytesPerInstruction of it, so that too few states would fit beside
  // it.
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
