// Onboarding: the calls behind the form by which a team gets its part of a service's events.

import {Problem, call, reportOf} from "./api";

export interface Wish {
  team: string;
  owner: string;
  rate: number;        // events a second
  to: string[];        // topics
  match: unknown;      // a pattern
  why: string;
}
export interface Step {
  kind: string;
  name: string;
  state: "there" | "make" | "other" | "blocked";
  note: string;
  partitions: number;      // of a topic
  bytesPerSecond: number;  // of a quota
}
export interface Trial {
  state: string;
  note: string;        // why there are no events; empty: nothing is said
  events: number;
  matched: number;
  examples: string[];  // events that match, masked
}
export interface Commit {
  repository: string;
  branch: string;
  commit: string;   // empty: there is none yet
  files: string[];
}
export interface Plan {
  outcome: string;
  steps: Step[];
  problems: Problem[];
  links: {title: string; url: string}[];
  commands: {title: string; command: string}[];
  trial: Trial | null;
  git: Commit | null;  // null: objects are applied, or there are none
}
export interface Undone {
  outcome: string;  // planned, committed, undone
  steps: Step[];
  git: Commit | null;
}
export interface Bounds {
  rateMax: number;
  perPartitionRate: number;
  teams: string[];
}

const bodyOf = (service: string, wish: Wish, isDryRun: boolean) => ({
  service, team: wish.team, owner: wish.owner, rate: wish.rate, to: wish.to, match: wish.match, dry_run: isDryRun,
  ...(wish.why ? {why: wish.why} : {})});

export const stepsOf = (answer: any): Step[] => (answer?.steps ?? []).map((one: any): Step => ({
  kind: one.kind, name: one.name, state: one.state, note: one.note ?? "", partitions: one.partitions ?? 0,
  bytesPerSecond: one.bytes_per_second ?? 0}));

function planOf(answer: any): Plan {
  const samples = answer.samples;
  return {outcome: answer.outcome, steps: stepsOf(answer), problems: reportOf(answer).problems, links: answer.links ?? [],
    commands: answer.commands ?? [], git: answer.git ?? null,
    trial: samples ? {state: samples.state, note: samples.note ?? "", events: samples.events, matched: samples.matched,
      examples: (samples.examples ?? []).map((one: any) => one.value ?? "")} : null};
}

export async function bounds(service: string): Promise<Bounds> {
  const answer = await call("GET", `/onboard/${encodeURIComponent(service)}`);
  return {rateMax: answer.rate_max, perPartitionRate: answer.per_partition_rate, teams: answer.teams ?? []};
}
export async function plan(service: string, wish: Wish): Promise<Plan> {
  return planOf(await call("POST", "/onboard", bodyOf(service, wish, true)));
}
export async function make(service: string, wish: Wish): Promise<Plan> {
  return planOf(await call("POST", "/onboard", bodyOf(service, wish, false)));
}

// What was made for the team: what would go of it, or that it goes. `records`: topics that still have some go too.
export async function takeBack(service: string, team: string, records: boolean, isDryRun: boolean): Promise<Undone> {
  const asks = [records ? "records=delete" : "", isDryRun ? "dry_run" : ""].filter(Boolean).join("&");
  const answer = await call("DELETE", `/onboard/${encodeURIComponent(service)}/${encodeURIComponent(team)}${asks ? "?" + asks : ""}`);
  return {outcome: answer.outcome, steps: stepsOf(answer), git: answer.git ?? null};
}
