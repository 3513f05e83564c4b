// Where in a rule file a cursor stands: the keys that it is below, told from indentation and brackets,
// so that it is known in a file that is half typed too.

import type {Text} from "@codemirror/state";
import type {Word} from "./language";

export interface Step {
  key: string;           // empty: an entry of a list without a key of its own
  isInList: boolean;     // directly within [ or behind a dash
}

const KEY_LINE = /^(\s*)((?:- +)*)(?:"([^"]+)"|'([^']+)'|([\w$.*-]+))\s*:(?=\s|$|[[{])/;
const LINES_LOOKED_AT_MAX = 20_000;

function flowSteps(text: string): {steps: Step[]; lastKey: string} {
  const steps: Step[] = [];
  let lastKey = "";
  const token = /"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)'|#.*$|([{[])|([}\]])|(:)(?=\s|$|[[{"'])|(,)|([^\s{}[\],:"'#]+)/g;
  let word = "";
  const opened: string[] = [];
  for (const found of text.matchAll(token)) {
    const quoted = found[1] ?? found[2];
    if (quoted !== undefined) word = quoted;
    else if (found[7]) word = found[7];
    else if (found[5]) lastKey = word;
    else if (found[3]) {
      steps.push({key: lastKey, isInList: opened[opened.length - 1] === "["});
      opened.push(found[3]);
      lastKey = "";
    } else if (found[4]) {
      steps.pop();
      opened.pop();
      lastKey = "";
    } else if (found[6]) lastKey = "";
  }
  return {steps, lastKey};
}

// The keys from the outside in; the last one is what the cursor is directly below.
export function placeAt(doc: Text, pos: number): Step[] {
  const line = doc.lineAt(pos);
  const before = line.text.slice(0, pos - line.from);
  const dashes = /^(\s*)((?:- +)*)/.exec(before)!;
  let column = dashes[1].length + dashes[2].length;
  const block: Step[] = [];
  let isInList = dashes[2] !== "";
  // In a list a key may stand at the dash's own column.
  let limit = isInList ? dashes[1].length + 1 : column;
  const inFlow = flowSteps(before.slice(column));
  const first = Math.max(1, line.number - LINES_LOOKED_AT_MAX);
  for (let n = line.number - 1; n >= first && limit > 0; n--) {
    const text = doc.line(n).text;
    if (!text.trim() || text.trimStart().startsWith("#")) continue;
    const found = KEY_LINE.exec(text);
    const indent = found ? found[1].length + found[2].length : text.search(/\S/);
    if (!found) continue;
    if (indent < limit) {
      block.unshift({key: found[3] ?? found[4] ?? found[5], isInList});
      isInList = found[2] !== "";
      limit = isInList ? found[1].length + 1 : indent;
    } else if (found[2] && found[1].length < limit) {
      // `- name: x` above, beside the cursor's own key: the same entry of a list.
      isInList = true;
      limit = found[1].length + 1;
    }
  }
  const steps = [...block];
  inFlow.steps.forEach((step, i) => steps.push(i ? step : {...step, isInList: isInList && !step.key}));
  if (inFlow.lastKey) steps.push({key: inFlow.lastKey, isInList: false});
  return steps;
}

const STEP_NAMES = ["sample", "dedup", "throttle", "threshold", "aggregate"];

// Which of the language's words may stand there; null: a value of the team's own.
export function wordsAt(steps: Step[]): Word["where"] | null {
  const keys = steps.map((step) => step.key).filter(Boolean);
  if (!keys.length) return "file";
  if (keys[0] !== "rules") return null;
  const inRule = keys.slice(1);
  if (!inRule.length) return "rule";
  const last = inRule[inRule.length - 1];
  if (inRule[0] === "match") {
    const at = steps[steps.length - 1];
    const isEntry = at.key === "" || at.isInList;
    return isEntry && inRule.length > 1 && last !== "$or" ? "test" : "match";
  }
  if (inRule[0] === "steps" || STEP_NAMES.includes(inRule[0])) return "step";
  if (inRule[0] === "rollout") return "rollout";
  if (inRule[0] === "shape") return inRule.length === 1 ? "shape" : null;
  if (inRule[0] === "enrich") return "enrich";
  return null;
}
