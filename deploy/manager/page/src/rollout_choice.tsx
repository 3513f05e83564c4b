// How much of a rule is sent: the steps in which it is rolled out.

import * as api from "./api";
import {rulesIn} from "./rule_scan";

const STEPS: {name: string; title: string; rollout: api.Rollout}[] = [
  {name: "full", title: "in full", rollout: {}},
  {name: "shadow", title: "in shadow: counted, nothing sent", rollout: {mode: "shadow"}},
  ...[1, 5, 10, 25, 50].map((percent) => ({name: `${percent}`, title: `to ${percent} % of keys`, rollout: {percent}})),
];

export const IN_FULL = STEPS[0].name;

export const rolloutOf = (name: string): api.Rollout => STEPS.find((step) => step.name === name)!.rollout;

export function RolloutChoice({label, value, onChange}: {
  label: string; value: string; onChange: (name: string) => void;
}) {
  return (
    <label class="field"><span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {value === "" && <option value="">leave it as it is</option>}
        {STEPS.map((step) => <option key={step.name} value={step.name}>{step.title}</option>)}</select></label>
  );
}

const inWords = (rollout: string) => rollout.includes("shadow") ? "in shadow"
  : rollout.replace(/percent:\s*([\d.]+)/, "sent to $1 % of keys").replace(/,?\s*mode:\s*live/, "");

// The rules of a file that are not sent in full, and how to take each a step further.
export function RolledOutRules({text, onChoose}: {text: string; onChoose: (rule: string, rollout: api.Rollout) => void}) {
  const held = rulesIn(text).filter((rule) => rule.rollout);
  if (!held.length) return null;
  return (
    <section class="stack" aria-label="Rules that are not sent in full">
      {held.map((rule) => <RolloutChoice key={`${rule.name} ${rule.rollout}`} label={`${rule.name} is ${inWords(rule.rollout)}; send it`} value=""
        onChange={(name) => name && onChoose(rule.name, rolloutOf(name))} />)}
    </section>
  );
}
