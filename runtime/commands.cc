#include "runtime/commands.h"

namespace turnout::runtime {
namespace {

constexpr std::string_view kUsageExit =
    "Unknown option or argument; standard error names the nearest known one.";

Command VersionCommand() {
  return {
      .name = "version",
      .summary = "what this binary is made of",
      .synopsis = "[--json]",
      .description =
          "Prints the version of Turnout, of the Kafka library in it, of the compiler that built "
          "it "
          "and of the rule language it reads, a line each.",
      .options = {{.name = "--json", .text = "Prints one JSON object instead."}},
      .exits = {{0, "Printed."}, {2, kUsageExit}},
      .examples = {{"turnout version --json | jq -r .librdkafka", "The Kafka library's version:"}},
  };
}

Command CompletionCommand() {
  return {
      .name = "completion",
      .summary = "print a completion script for a shell",
      .synopsis = "bash|zsh|fish",
      .description =
          "Prints a script with which the shell completes commands, options and file names of "
          "turnout. Nothing is installed; where the script goes is up to you.",
      .operands = {{.name = "SHELL",
                    .kind = ArgumentKind::kChoice,
                    .choices = {"bash", "zsh", "fish"},
                    .text = "The shell to print the script for: bash, zsh or fish."}},
      .exits = {{0, "Printed."}, {2, "No such shell, or an unknown option."}},
      .examples = {{"source <(turnout completion bash)", "In this bash, now:"},
                   {"turnout completion bash > /etc/bash_completion.d/turnout",
                    "In every bash from now on:"},
                   {"turnout completion zsh > \"${fpath[1]}/_turnout\"", "In zsh:"},
                   {"turnout completion fish > ~/.config/fish/completions/turnout.fish",
                    "In fish:"}},
  };
}

Command HelpCommand() {
  return {
      .name = "help",
      .summary = "all about one command",
      .synopsis = "[COMMAND]",
      .description =
          "Prints the page of a command, the same as `turnout COMMAND --help`; without a "
          "command, the list of them.",
      .operands = {{.name = "COMMAND",
                    .kind = ArgumentKind::kText,
                    .text = "Whose page to print."}},
      .exits = {{0, "Printed."}, {2, "No such command; standard error names the nearest one."}},
  };
}

}  // namespace

const std::vector<Command>& Commands() {
  static const std::vector<Command>* const commands = new std::vector<Command>{
      VersionCommand(),
      CompletionCommand(),
      HelpCommand(),
  };
  return *commands;
}

const Command* FindCommand(std::string_view name) {
  for (const Command& command : Commands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

}  // namespace turnout::runtime
