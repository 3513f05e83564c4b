// Commands: what `turnout` can be asked on the command line, as data.
//
// One table names every command with its options, exit statuses and examples. Help pages,
// completion scripts and the nearest name of a misspelt one come from it, and main.cc takes no
// option that is not in it.
#pragma once

#include <string_view>
#include <vector>

namespace turnout::runtime {

enum class ArgumentKind { kNone, kText, kFile, kDirectory, kChoice };

struct CommandOption {
  std::string_view name;      // "--config"; an operand's display name: "RULES"
  std::string_view argument;  // "FILE"; empty for a flag
  ArgumentKind kind = ArgumentKind::kNone;
  std::vector<std::string_view> choices;  // kChoice
  std::string_view default_text;          // as shown; empty: none
  std::string_view text;                  // sentences
};

// A line of the EXIT STATUS section.
struct CommandExit {
  int status = 0;
  std::string_view text;
};

struct CommandExample {
  std::string_view line;
  std::string_view text;
};

struct Command {
  std::string_view name;
  std::string_view summary;      // a line of the list of commands
  std::string_view synopsis;     // what follows `turnout NAME`
  std::string_view description;  // paragraphs, separated by empty lines
  std::vector<CommandOption> options;
  std::vector<CommandOption> operands;
  std::vector<CommandExit> exits;
  std::vector<CommandExample> examples;
  std::string_view see_also;
};

// All commands in the order of the general help.
const std::vector<Command>& Commands();

// Null when there is none of that name.
const Command* FindCommand(std::string_view name);

}  // namespace turnout::runtime
