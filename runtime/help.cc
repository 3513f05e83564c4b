#include "runtime/help.h"

#include <string_view>
#include <vector>

#include "absl/strings/str_format.h"

namespace turnout::runtime {
namespace {

// Appends `text` wrapped at kHelpWidth, every line indented. Line breaks of the text are kept as
// paragraphs when doubled; words are never split.
void AppendWrapped(std::string_view text, int indent, std::string* out) {
  const std::string margin(static_cast<size_t>(indent), ' ');
  size_t column = 0;
  size_t at = 0;
  while (at < text.size()) {
    if (text[at] == '\n') {
      if (column > 0) *out += '\n';
      *out += '\n';
      column = 0;
      while (at < text.size() && text[at] == '\n') ++at;
      continue;
    }
    if (text[at] == ' ') {
      ++at;
      continue;
    }
    size_t end = text.find_first_of(" \n", at);
    if (end == std::string_view::npos) end = text.size();
    const std::string_view word = text.substr(at, end - at);
    if (column > 0 && column + 1 + word.size() > kHelpWidth) {
      *out += '\n';
      column = 0;
    }
    if (column == 0) {
      *out += margin;
      column = margin.size();
    } else {
      *out += ' ';
      ++column;
    }
    *out += word;
    column += word.size();
    at = end;
  }
  if (column > 0) *out += '\n';
}

void AppendOption(const CommandOption& option, std::string* out) {
  *out += absl::StrFormat("    %s", option.name);
  if (!option.argument.empty()) *out += absl::StrFormat(" %s", option.argument);
  *out += '\n';
  std::string text(option.text);
  if (!option.default_text.empty()) text += absl::StrFormat(" Default: %s.", option.default_text);
  AppendWrapped(text, 8, out);
  *out += '\n';
}

}  // namespace

std::string GeneralHelp() {
  std::string out = "NAME\n    turnout - routes Kafka events to teams' topics by their rules\n\n";
  out += "SYNOPSIS\n    turnout COMMAND [OPTION...]\n\nCOMMANDS\n";
  for (const Command& command : Commands()) {
    out += absl::StrFormat("    %-12s%s\n", command.name, command.summary);
  }
  out += "\nOPTIONS\n";
  out += "    -h, --help  this page; after a command, the command's own\n";
  out += "    --version   what `turnout version` prints\n";
  out += "\nEXIT STATUS\n";
  out += "    0  done\n";
  out += "    1  it was tried and failed, or an answer differs\n";
  out += "    2  bad input or usage; each problem is named on standard error,\n";
  out += "       those of rule files by `turnout validate` on standard output\n";
  out += "\n`turnout help COMMAND` tells all about one of them.\n";
  return out;
}

std::string CommandHelp(const Command& command) {
  std::string out = absl::StrFormat("NAME\n    turnout %s - %s\n\n", command.name, command.summary);
  out += absl::StrFormat("SYNOPSIS\n    turnout %s%s%s\n\n", command.name,
                         command.synopsis.empty() ? "" : " ", command.synopsis);
  out += "DESCRIPTION\n";
  AppendWrapped(command.description, 4, &out);
  if (!command.operands.empty()) {
    out += "\nARGUMENTS\n";
    for (const CommandOption& operand : command.operands) AppendOption(operand, &out);
    out.pop_back();
  }
  out += "\nOPTIONS\n";
  for (const CommandOption& option : command.options) AppendOption(option, &out);
  out += "    -h, --help\n        Shows this page.\n";
  out += "\nEXIT STATUS\n";
  for (const CommandExit& exit : command.exits) {
    std::string line;
    AppendWrapped(exit.text, 7, &line);
    line.replace(4, 1, absl::StrFormat("%d", exit.status));
    out += line;
  }
  if (!command.examples.empty()) {
    out += "\nEXAMPLES\n";
    for (const CommandExample& example : command.examples) {
      AppendWrapped(example.text, 4, &out);
      out += absl::StrFormat("        %s\n\n", example.line);
    }
    out.pop_back();
  }
  if (!command.see_also.empty()) out += absl::StrFormat("\nSEE ALSO\n    %s\n", command.see_also);
  return out;
}

}  // namespace turnout::runtime
