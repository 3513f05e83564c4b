#include "runtime/completion.h"

#include <vector>

#include "absl/strings/str_format.h"
#include "runtime/commands.h"

namespace turnout::runtime {
namespace {

std::string Joined(const std::vector<std::string_view>& words) {
  std::string out;
  for (std::string_view word : words) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

std::string CommandNames() {
  std::vector<std::string_view> names;
  for (const Command& command : Commands()) names.push_back(command.name);
  return Joined(names);
}

// What may follow in single quotes in all three shells' scripts: texts of the table have no use for
// quotes, brackets or colons there, so they are left out.
std::string Plain(std::string_view text) {
  std::string out;
  for (char c : text.substr(0, text.find(". "))) {
    if (std::string_view("'[]:\\`\"").find(c) == std::string_view::npos) out += c;
  }
  if (!out.empty() && out.back() == '.') out.pop_back();
  return out;
}

// The choices of an operand; the commands themselves for `help`.
std::string OperandWords(const Command& command, const CommandOption& operand) {
  return command.name == "help" ? CommandNames() : Joined(operand.choices);
}

// --- bash: one function that looks at the command and at the word before the one being typed

std::string BashReply(const CommandOption& option, const std::string& words) {
  switch (option.kind) {
    case ArgumentKind::kFile:
      return "compgen -f -- \"$word\"";
    case ArgumentKind::kDirectory:
      return "compgen -d -- \"$word\"";
    case ArgumentKind::kNone:
    case ArgumentKind::kText:
    case ArgumentKind::kChoice:
      return absl::StrFormat("compgen -W '%s' -- \"$word\"", words);
  }
  return "true";
}

std::string BashCommand(const Command& command) {
  std::string out = absl::StrFormat("    %s)\n      case $before in\n", command.name);
  std::vector<std::string_view> names;
  for (const CommandOption& option : command.options) {
    names.push_back(option.name);
    if (option.kind == ArgumentKind::kNone) continue;
    out += absl::StrFormat("        %s) mapfile -t COMPREPLY < <(%s); return ;;\n", option.name,
                           BashReply(option, Joined(option.choices)));
  }
  names.push_back("--help");
  out += "      esac\n      if [[ $word == -* ]]; then\n";
  out += absl::StrFormat("        mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$word\")\n",
                         Joined(names));
  if (command.operands.size() > 1) {
    // The first one follows the command at once.
    const CommandOption& operand = command.operands.front();
    out += absl::StrFormat("      elif [[ $before == %s ]]; then\n", command.name);
    out += absl::StrFormat("        mapfile -t COMPREPLY < <(%s)\n",
                           BashReply(operand, OperandWords(command, operand)));
  }
  if (!command.operands.empty()) {
    const CommandOption& operand = command.operands.back();
    out += absl::StrFormat("      else\n        mapfile -t COMPREPLY < <(%s)\n",
                           BashReply(operand, OperandWords(command, operand)));
  }
  return out + "      fi ;;\n";
}

std::string BashScript() {
  std::string out =
      "# bash completion for turnout; made by `turnout completion bash`.\n"
      "_turnout() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  COMPREPLY=()\n"
      "  if ((COMP_CWORD == 1)); then\n";
  out += absl::StrFormat(
      "    mapfile -t COMPREPLY < <(compgen -W '%s --help --version' -- \"$word\")\n"
      "    return\n  fi\n  case ${COMP_WORDS[1]} in\n",
      CommandNames());
  for (const Command& command : Commands()) out += BashCommand(command);
  return out + "  esac\n}\ncomplete -o filenames -F _turnout turnout\n";
}

// --- zsh: _arguments for each command

std::string ZshAction(const CommandOption& option, const std::string& words) {
  switch (option.kind) {
    case ArgumentKind::kFile:
      return ":file:_files";
    case ArgumentKind::kDirectory:
      return ":directory:_files -/";
    case ArgumentKind::kNone:
      return "";
    case ArgumentKind::kText:
    case ArgumentKind::kChoice:
      return words.empty() ? ":value: " : absl::StrFormat(":value:(%s)", words);
  }
  return "";
}

std::string ZshScript() {
  std::string out =
      "#compdef turnout\n"
      "# zsh completion for turnout; made by `turnout completion zsh`.\n"
      "_turnout() {\n"
      "  local -a commands\n"
      "  commands=(\n";
  for (const Command& command : Commands()) {
    out += absl::StrFormat("    '%s:%s'\n", command.name, Plain(command.summary));
  }
  out +=
      "  )\n"
      "  if ((CURRENT == 2)); then\n"
      "    _describe command commands\n"
      "    return\n"
      "  fi\n"
      "  local name=${words[2]}\n"
      "  shift words\n"
      "  ((CURRENT--))\n"
      "  case $name in\n";
  for (const Command& command : Commands()) {
    out += absl::StrFormat("    %s)\n      _arguments", command.name);
    for (const CommandOption& option : command.options) {
      out += absl::StrFormat(" \\\n        '*%s[%s]%s'", option.name, Plain(option.text),
                             ZshAction(option, Joined(option.choices)));
    }
    out += " \\\n        '--help[Shows the help page]'";
    for (const CommandOption& operand : command.operands) {
      // A single one may be given more than once; of several, each has its place.
      const bool is_single = command.operands.size() == 1;
      const std::string place =
          is_single ? "*" : absl::StrFormat("%d", &operand - command.operands.data() + 1);
      out += absl::StrFormat(" \\\n        '%s%s'", place,
                             ZshAction(operand, OperandWords(command, operand)));
    }
    out += " ;;\n";
  }
  return out +
         "  esac\n}\n"
         "if [[ $funcstack[1] == _turnout ]]; then _turnout \"$@\"; else compdef _turnout turnout; "
         "fi\n";
}

// --- fish: one line an option

std::string FishLine(const Command& command, const CommandOption& option) {
  std::string out = absl::StrFormat("complete -c turnout -n '__fish_seen_subcommand_from %s' -l %s",
                                    command.name, option.name.substr(2));
  if (option.kind != ArgumentKind::kNone) out += " -r";
  if (option.kind == ArgumentKind::kFile) out += " -F";
  if (option.kind == ArgumentKind::kDirectory) out += " -a '(__fish_complete_directories)'";
  if (!option.choices.empty()) out += absl::StrFormat(" -a '%s'", Joined(option.choices));
  return out + absl::StrFormat(" -d '%s'\n", Plain(option.text));
}

std::string FishScript() {
  std::string out =
      "# fish completion for turnout; made by `turnout completion fish`.\n"
      "complete -c turnout -f\n";
  for (const Command& command : Commands()) {
    out += absl::StrFormat("complete -c turnout -n __fish_use_subcommand -a %s -d '%s'\n",
                           command.name, Plain(command.summary));
  }
  for (const Command& command : Commands()) {
    for (const CommandOption& option : command.options) out += FishLine(command, option);
    for (const CommandOption& operand : command.operands) {
      const std::string seen =
          absl::StrFormat("complete -c turnout -n '__fish_seen_subcommand_from %s'", command.name);
      const std::string words = OperandWords(command, operand);
      if (operand.kind == ArgumentKind::kFile) out += seen + " -F\n";
      if (operand.kind == ArgumentKind::kDirectory) {
        out += seen + " -a '(__fish_complete_directories)'\n";
      }
      if (!words.empty()) out += absl::StrFormat("%s -a '%s'\n", seen, words);
    }
  }
  return out + "complete -c turnout -s h -l help -d 'Shows the help page'\n";
}

}  // namespace

std::optional<std::string> CompletionScript(std::string_view shell) {
  if (shell == "bash") return BashScript();
  if (shell == "zsh") return ZshScript();
  if (shell == "fish") return FishScript();
  return std::nullopt;
}

}  // namespace turnout::runtime
