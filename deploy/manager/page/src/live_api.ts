// Live: what goes on at the routers, and what would become of an event: the calls behind the rates, the
// tester and the builder, and how they are spelled on the way.

import {Problem, Report, call, ofService, reportOf} from "./api";

export interface Rate {
  rule: string;          // "team/name"
  matchedPerS: number;
  sentPerS: number;
  parkedPerS: number;
  deadLetteredPerS: number;
  errorsPerS: number;
  errors: number;        // since the pods started
}
export interface LivePod {
  instance: string;
  version: string;
  isSilent: boolean;
  ageMs: number;
  isReady: boolean;
  lag: number | null;    // records; null: not known
  eventsPerS: number | null;
  troubles: {gravity: string; what: string; cure: string}[];
}
export interface Live {
  pods: LivePod[];
  rules: Map<string, Rate>;
}
export interface SampleEvent {
  partition: number;
  offset: number;
  atMs: number;
  key: string | null;
  value: string | null;  // JSON
  note: string;          // why there is none
  headers: [string, string][];
}
export interface Sample {
  state: "here" | "asked" | "not_allowed" | "no_router";
  events: SampleEvent[];
}
export interface Failed {
  why: string;
  field: string;
  wanted: unknown;
  seen: unknown[];
  values: number;
  together: string[];
}
export interface Judged {
  rule: string;
  isMatch: boolean;
  failed: Failed | null;
  stops: string[];       // what a step says that holds it back
  records: {to: string; key: string | null; value: string | null; isShadow: boolean}[];
  rejected: string[];
}
export interface Explained {
  rules: Judged[];
  leftOut: number;
  notes: string[];
  problems: Problem[];   // of the draft; else there is no answer
}

export async function live(service: string): Promise<Live> {
  const answer = await call("GET", ofService(service, "/rates"));
  const rules = (answer.rules ?? []).map((one: any): [string, Rate] => [one.rule, {
    rule: one.rule, matchedPerS: one.matched_per_s ?? 0, sentPerS: one.sent_per_s ?? 0, parkedPerS: one.parked_per_s ?? 0,
    deadLetteredPerS: one.dead_lettered_per_s ?? 0, errorsPerS: one.errors_per_s ?? 0, errors: one.errors ?? 0}]);
  return {rules: new Map(rules), pods: (answer.pods ?? []).map((one: any): LivePod => ({
    instance: one.instance, version: one.version ?? "", isSilent: one.state === "silent", ageMs: one.age_ms ?? 0,
    isReady: !!one.ready, lag: one.lag ?? null, eventsPerS: one.events_per_s ?? null, troubles: one.troubles ?? []}))};
}

export async function sample(service: string, again: boolean): Promise<Sample> {
  const answer = await call("POST", ofService(service, "/samples"), {again});
  return {state: answer.state, events: (answer.events ?? []).map((one: any): SampleEvent => ({
    partition: one.partition ?? 0, offset: one.offset ?? 0, atMs: Math.max(0, one.timestamp ?? 0), key: one.key ?? null,
    value: one.value ?? null, note: one.note ?? "", headers: (one.headers ?? []).map((header: any) => [header.name, header.value])}))};
}

const outputOf = (one: any, isShadow: boolean) => ({to: one.destination, key: one.key ?? null, value: one.value ?? null, isShadow});
function judgedOf(from: any, outputs: any[]): Judged {
  const failed = from.failed;
  return {
    rule: from.rule, isMatch: !!from.matched,
    failed: failed ? {why: failed.why, field: failed.field ?? "", wanted: failed.wanted, seen: failed.seen ?? [], values: failed.values ?? 0,
                      together: failed.together_with ?? []} : null,
    stops: [...(from.rollout?.held_back ? [`Its rollout of ${from.rollout.percent} % leaves the key of this event out.`] : []), ...(from.steps ?? []).filter((step: any) => step.verdict !== "passes").map((step: any) =>
        `The step \`${step.step}\` says \`${step.verdict}\`${step.reason ? `: ${step.reason}` : ""}.`)],
    records: [...(from.outputs ?? []).map((at: number) => outputOf(outputs[at] ?? {}, false)),
              ...(from.rollout?.shadowed ?? []).map((one: any) => outputOf(one, true))],
    rejected: (from.rejected ?? []).map((one: any) => one.reason)};
}

export interface Draft {
  team: string;
  text: string;
}
// By that draft alone, or, without one, by all that is published.
export async function explain(service: string, event: unknown, draft: Draft | null): Promise<Explained> {
  const answer = await call("POST", ofService(service, "/explain"), {event, ...(draft ? {...draft, alone: true} : {})});
  if (!answer.explanation) {
    const report: Report = reportOf(answer);
    return {rules: [], leftOut: 0, notes: [], problems: report.problems};
  }
  const told = answer.explanation;
  const error = told.payload_error ? [`The payload can't be read: ${told.payload_error}.`] : [];
  return {problems: [], leftOut: told.rules_left_out ?? 0, notes: [...error, ...(told.notes ?? [])],
          rules: (told.rules ?? []).map((one: any) => judgedOf(one, told.outputs ?? []))};
}
