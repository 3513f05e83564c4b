// What the editor knows of the rule language: completion where one types, help on hover.

import {Completion, CompletionContext, CompletionResult, snippet} from "@codemirror/autocomplete";
import {EditorView, hoverTooltip} from "@codemirror/view";
import {placeAt, wordsAt} from "./place_in_rules";
import {WORDS, Word, wordsNamed} from "./language";

function helpElement(word: Word): HTMLElement {
  const box = document.createElement("div");
  box.append(word.help);
  if (word.example) {
    const example = document.createElement("code");
    example.textContent = word.example;
    box.append(example);
  }
  return box;
}

function completionOf(word: Word): Completion {
  const text = word.inserts ?? `${word.word}: \${}`;
  const whole = text.startsWith(word.word) ? text : `${word.word}: ${text}`;
  return {label: word.word, type: "keyword", info: () => helpElement(word), apply: snippet(whole)};
}

export function completeRules(context: CompletionContext): CompletionResult | null {
  const typed = context.matchBefore(/[\w$-]*/);
  if (!typed || (typed.from === typed.to && !context.explicit)) return null;
  const where = wordsAt(placeAt(context.state.doc, typed.from));
  if (!where) return null;
  const words = WORDS.filter((word) => word.where === where ||
      (where === "step" && word.word === "key"));
  if (!words.length) return null;
  return {from: typed.from, options: words.map(completionOf), validFor: /^[\w$-]*$/};
}

const wordAt = (view: EditorView, pos: number) => {
  const line = view.state.doc.lineAt(pos);
  let from = pos - line.from;
  let to = from;
  while (from > 0 && /[\w$-]/.test(line.text[from - 1])) from--;
  while (to < line.text.length && /[\w$-]/.test(line.text[to])) to++;
  return {from: line.from + from, to: line.from + to, text: line.text.slice(from, to),
          isKey: /^["']?\s*:/.test(line.text.slice(to))};
};

// Help on the word at `pos`, or null where it is none of the language's.
export function helpAt(view: EditorView, pos: number) {
  const word = wordAt(view, pos);
  const known = wordsNamed(word.text);
  if (!known.length || !word.isKey) return null;
  const where = wordsAt(placeAt(view.state.doc, word.from));
  const help = known.find((one) => one.where === where) ?? (where === "match" ? null : known[0]);
  return help && where ? {...word, help} : null;
}

export const ruleHover = hoverTooltip((view, pos) => {
  const found = helpAt(view, pos);
  if (!found) return null;
  return {
    pos: found.from, end: found.to, above: true,
    create: () => {
      const dom = helpElement(found.help);
      dom.className = "cm-help";
      return {dom};
    },
  };
}, {hoverTime: 250});
