// Pattern: a rule's `match`, made of fields that somebody picked from an event.

export type Choice = "is" | "prefix" | "exists" | "range";
export interface Field {
  path: string;          // with dots, as patterns have it
  depth: number;
  name: string;
  value: unknown;        // undefined: an object, or a list of them
  isPickable: boolean;
}
export interface Pick {
  path: string;
  value: unknown;
  choice: Choice;
  text: string;          // of `prefix`
  from: string;          // of `range`
  to: string;
}

export const MASKED = "***";
const FIELDS_MAX = 400;

// What there is in an event, from the outside in; elements of an array are one field.
export function fieldsOf(event: unknown): Field[] {
  const fields: Field[] = [];
  const known = new Set<string>();
  const walk = (value: unknown, path: string, depth: number) => {
    if (Array.isArray(value)) {
      for (const one of value) walk(one, path, depth);
      return;
    }
    if (value === null || typeof value !== "object") return;
    for (const [name, within] of Object.entries(value)) {
      const at = path ? `${path}.${name}` : name;
      if (fields.length >= FIELDS_MAX) return;
      const plain = Array.isArray(within) ? within.find((one) => one === null || typeof one !== "object") : within;
      const isLeaf = plain === null || (plain !== undefined && typeof plain !== "object");
      if (!known.has(at)) {
        known.add(at);
        // A name with a dot would be read as a field within another.
        fields.push({path: at, depth, name, value: isLeaf ? plain : undefined, isPickable: isLeaf && !name.includes(".")});
      }
      walk(within, at, depth + 1);
    }
  };
  walk(event, "", 0);
  return fields;
}

export const choicesFor = (value: unknown): Choice[] =>
    typeof value === "number" ? ["is", "range", "exists"] : typeof value === "string" ? ["is", "prefix", "exists"] : ["is", "exists"];

export function pickOf(field: Field): Pick {
  const number = typeof field.value === "number" ? String(field.value) : "";
  return {path: field.path, value: field.value, choice: field.value === MASKED ? "exists" : "is",
          text: typeof field.value === "string" ? field.value : "", from: number, to: ""};
}

const keyText = (key: string) => /^[A-Za-z_][\w.-]*$/.test(key) && !/^(true|false|null)$/i.test(key) ? key : JSON.stringify(key);
const isNumber = (text: string) => text.trim() !== "" && Number.isFinite(Number(text));

function testOf(pick: Pick): string {
  switch (pick.choice) {
    case "exists": return "{ exists: true }";
    case "prefix": return `{ prefix: ${JSON.stringify(pick.text)} }`;
    case "range": {
      const bounds = [isNumber(pick.from) ? `">=", ${Number(pick.from)}` : "", isNumber(pick.to) ? `"<=", ${Number(pick.to)}` : ""].filter(Boolean);
      return bounds.length ? `{ numeric: [${bounds.join(", ")}] }` : "{ exists: true }";
    }
    default: return JSON.stringify(pick.value);
  }
}

export const matchText = (picks: Pick[], indent: string) =>
    picks.map((pick) => `${indent}${keyText(pick.path)}: [${testOf(pick)}]\n`).join("");

export function ruleText(team: string, name: string, picks: Pick[], dash = "  "): string {
  const within = dash + "  ";
  return `${dash}- name: ${name}\n${within}match:\n${matchText(picks, within + "  ")}${within}to: ${team}.${name}\n`;
}
export const draftOf = (team: string, picks: Pick[]) =>
    `team: ${keyText(team)}\ndestinations: [${JSON.stringify(team + ".*")}]\nrules:\n${ruleText(team, "picked", picks)}`;

// The file with a rule more at its end, and the line that it begins in; null: it is in another form
// than a list of rules in lines.
export function withRule(text: string, team: string, picks: Pick[], names: string[]): {text: string; line: number} | null {
  if (text.trimStart().startsWith("{")) return null;
  const found = [...text.matchAll(/^rules\s*:[ \t]*(\[\s*\])?[ \t]*(?:#.*)?$/gm)].pop();
  if (!found || /^[^\s#-]/m.test(text.slice(found.index! + found[0].length).replace(/^\n/, ""))) return null;
  const dash = /^([ \t]*)- /m.exec(text.slice(found.index! + found[0].length))?.[1] ?? "  ";
  let name = "picked";
  for (let n = 2; names.includes(name); n++) name = `picked-${n}`;
  const begun = (found[1] ? text.slice(0, found.index) + "rules:" + text.slice(found.index! + found[0].length) : text).replace(/\s*$/, "\n");
  return {text: begun + ruleText(team, name, picks, dash), line: begun.split("\n").length};
}
