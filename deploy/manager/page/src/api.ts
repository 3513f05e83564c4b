// Api: every call that the page makes of the manager, and what it answers. Nothing else in the page
// knows of paths, headers or how things are spelled on the way.

import {loseSession, whoCalls} from "./session";

export type Kind = "rules" | "tests" | "pipeline" | "config" | "secret" | "settings";

export interface Content {
  text: string;
  type?: string;
  bound_to?: string[];
}
export interface ItemRef {
  service: string;
  kind: Kind;
  name: string;
}
export interface Item extends ItemRef {
  content: Content;
  version: number;
  atMs: number;
  by: string;
}
export interface Edit extends ItemRef {
  content: Content | null;
  expected: number | null;
}
export interface Problem {
  item: ItemRef;
  line: number;
  column: number;
  rule: string;
  text: string;
}
export interface RuleChange {
  rule: string;
  effect: "added" | "removed" | "widened" | "narrowed" | "changed";
  parts: string[];
}
export interface TestResult {
  name: string;
  line: number;
  failures: string[];
}
export interface Report {
  ok: boolean;
  problems: Problem[];
  rules: RuleChange[];
  tests: TestResult[];
  needsApproval: boolean;
  conflicts: Conflict[];  // what isn't of the version that the edits expect
}
export interface ChangeLine {
  number: number;
  atMs: number;
  by: string;
  why: string;
  approvedBy: string[];
  reverts: number | null;
  items: ItemRef[];
}
export interface Change extends ChangeLine {
  edits: {item: ItemRef; content: Content | null; before: number}[];
}
export interface Conflict {
  item: Item;
  expected: number;
}
// What became of a change that was asked for.
export interface Outcome {
  change: number;       // 0: nothing was to be changed
  proposal: string;     // it waits there for somebody to approve it; empty: it doesn't
  report: Report;
}
export interface Query {
  text: string;
  regex: boolean;
  whole: boolean;
  ignoreCase: boolean;
  where: string[];
  kinds: string[];
  team: string;
}
export interface Hit {
  item: ItemRef;
  where: string;
  line: number;
  excerpt: string;
  begin: number;
  end: number;
  rule: string;
}
export interface Found {
  hits: Hit[];
  items: number;
  isCutOff: boolean;
}
export interface ReplacePreview {
  edits: {item: ItemRef; version: number; diff: string; isDeleted: boolean}[];
  report: Report;
}
export interface Pod {
  instance: string;
  version: string;     // that it reported of
  asksWith: string;    // that it has
  state: "ack" | "nack" | "unknown";
  isNewest: boolean;
  reasons: string[];   // of a refusal
  seenMs: number;
}
export interface AuditLine {
  atMs: number;
  by: string;
  action: string;
  item: string;
  outcome: string;
  detail: string;
  change: number;
}
export interface Proposal {
  id: string;
  atMs: number;
  by: string;
  why: string;
  state: "open" | "approved" | "rejected";
  decidedBy: string;
  doneAs: number;      // the change that it became
  edits: Edit[];
}
export interface Provider {
  issuer: string;
  title: string;
  at: string;          // where the manager says that it is: people come back there
}
export interface SignedIn {
  name: string;
  word: string;        // that changes have to say
  endsMs: number;
}
export interface Me {
  name: string;
  grants: {service: string; team: string; role: string}[];
}

export class ApiError extends Error {
  constructor(readonly status: number, message: string, readonly body: any) {
    super(message);
  }
  get conflicts(): Conflict[] {
    return conflictsOf(this.body);
  }
  get report(): Report | null {
    return this.body?.report ? reportOf(this.body) : null;
  }
}

export async function call(method: string, path: string, body?: unknown,
                    headers: Record<string, string> = {}): Promise<any> {
  let response: Response;
  try {
    response = await fetch("/v1" + path, {
      method, cache: "no-store", credentials: "same-origin",
      headers: {...whoCalls(),
                ...(body === undefined ? {} : {"Content-Type": "application/json"}), ...headers},
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ApiError(0, "The manager does not answer. Nothing was changed here; is it up, and is the network?", null);
  }
  const text = await response.text();
  let answer: any = null;
  try {
    answer = text ? JSON.parse(text) : null;
  } catch {
    answer = {error: text};
  }
  if (!response.ok) {
    if (response.status === 401) loseSession();
    throw new ApiError(response.status, saidBy(response.status, answer), answer);
  }
  return answer;
}

function saidBy(status: number, answer: any): string {
  const said = answer?.error;
  if (typeof said === "string" && said) return said;
  return `The manager answered ${status} and gave no reason.`;
}

const part = encodeURIComponent;
export const ofService = (service: string, rest: string) => `/services/${part(service)}${rest}`;

// --- how things are spelled on the way --------------------------------------------------------

function refOf(id: any): ItemRef {
  if (typeof id === "string") {
    const [service, kind, ...name] = id.split("/");
    return {service, kind: kind as Kind, name: name.join("/")};
  }
  return {service: id.service, kind: id.kind, name: id.name};
}
const idOf = (item: ItemRef) => `${item.service}/${item.kind}/${item.name}`;
const contentOf = (from: any): Content | null => from ? {
  text: from.text ?? "", type: from.type || undefined, bound_to: from.bound_to} : null;
const timeOf = (at: any): number => Date.parse(at ?? "") || 0;
const itemOf = (from: any): Item => ({
  ...refOf(from.id), content: contentOf(from)!, version: from.version ?? 0, atMs: 0, by: ""});
// Of an item that is gone there is nothing on their side.
const conflictsOf = (from: any): Conflict[] => (from?.conflicts ?? []).map((one: any): Conflict => ({
  expected: one.expected ?? 0, item: itemOf(one.theirs ?? {id: one.id})}));
// `answer` is the whole answer that a report came in.
export function reportOf(answer: any): Report {
  const from = answer?.report;
  const problems = (from?.problems ?? []).map((one: any): Problem => ({
    item: refOf(one.id), line: one.line ?? 0, column: one.column ?? 0, rule: one.rule ?? "", text: one.text}));
  const tests = (from?.tests ?? []).map((one: any): TestResult => ({
    name: one.name, line: one.line ?? 0, failures: one.failures ?? []}));
  const rules = (from?.rules ?? []).map((one: any): RuleChange => ({
    rule: one.rule, effect: one.effect, parts: one.parts ?? []}));
  return {problems, rules, tests, ok: !!from?.ok, needsApproval: !!answer?.needs_approval, conflicts: conflictsOf(answer)};
}
const lineOf = (from: any): ChangeLine => ({
  number: from.number, atMs: timeOf(from.at), by: from.by, why: from.why ?? "",
  approvedBy: from.approved_by ?? [], reverts: from.reverts ?? null,
  items: (from.items ?? from.edits?.map((edit: any) => edit.id) ?? []).map(refOf)});
const changeOf = (from: any): Change => ({
  ...lineOf(from), edits: (from.edits ?? []).map((edit: any) => ({
    item: refOf(edit.id), content: contentOf(edit.content), before: edit.before ?? 0}))});
const editTo = (edit: Edit) => ({
  id: idOf(edit), ...(edit.content ?? {delete: true}), ...(edit.expected === null ? {} : {version: edit.expected})});
const queryTo = (query: Query) => ({
  text: query.text, regex: query.regex, whole: query.whole, ignore_case: query.ignoreCase,
  in: query.where, kinds: query.kinds, team: query.team});
const outcomeOf = (from: any): Outcome => ({
  change: from?.change ?? 0, proposal: from?.proposal ? String(from.proposal.number) : "", report: reportOf(from)});

// What a router's report says of a version that it did not take whole (runtime/README.md).
function reasonsOf(report: any): string[] {
  const refused = (report?.refused ?? []).flatMap((file: any) => (file.problems ?? []).map((problem: any) =>
      `${file.file}:${problem.line}: ${problem.reason}${problem.cure ? ` (${problem.cure})` : ""}`));
  const aside = (report?.standing_aside ?? []).map((team: any) =>
      `Team ${team.team} stands aside: ${team.destination} ${team.reason}${team.cure ? ` (${team.cure})` : ""}`);
  const back = report?.rolled_back_to ? [`It was rolled back by hand to ${report.rolled_back_to}.`] : [];
  return [...refused, ...aside, ...back];
}
// --- the calls --------------------------------------------------------------------------------

// Where one may sign in, and whose session this browser has.
export async function session(): Promise<{providers: Provider[]; signedIn: SignedIn | null}> {
  const answer = await call("GET", "/session");
  const from = answer.session;
  return {providers: (answer.providers ?? []).map((one: any): Provider => ({...one, at: answer.public_url ?? ""})),
          signedIn: from ? {name: from.name, word: from.csrf, endsMs: timeOf(from.ends)} : null};
}
export const signInAddress = (provider: Provider, place: string) =>
  provider.at + "/v1/session/sign-in?" + new URLSearchParams({issuer: provider.issuer, to: place});
export async function signOut(): Promise<void> {
  await call("POST", "/session/sign-out", {});
}
export async function whoami(): Promise<Me> {
  const answer = await call("GET", "/whoami");
  return {name: answer.name ?? "", grants: answer.grants ?? []};
}
export async function services(): Promise<string[]> {
  return (await call("GET", "/services")).services ?? [];
}
const HISTORY_FOR_LISTS = 1000;
// Items with their texts, and by whom and when each was changed last where that is not long ago.
export async function items(service: string, kind: Kind): Promise<Item[]> {
  const [answer, lines] = await Promise.all([
    call("GET", ofService(service, `/items?kind=${kind}&texts=1`)),
    call("GET", ofService(service, `/changes?limit=${HISTORY_FOR_LISTS}`))]);
  const known = new Map<number, ChangeLine>((lines.changes ?? []).map((one: any) => [one.number, lineOf(one)]));
  return (answer.items ?? []).map((one: any): Item => {
    const made = itemOf(one);
    const line = known.get(made.version);
    return line ? {...made, atMs: line.atMs, by: line.by} : made;
  });
}
const ofItem = (ref: ItemRef, rest = "") => ofService(ref.service, `/items/${ref.kind}/${part(ref.name)}${rest}`);
// Null: there is none, or was none then.
export async function item(ref: ItemRef, version = 0): Promise<Item | null> {
  try {
    return itemOf(await call("GET", ofItem(ref, version ? `/versions/${version}` : "")));
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}
// What would become of it. Content that can't even be looked at is told as a problem of its item.
export async function check(service: string, edits: Edit[]): Promise<Report> {
  try {
    return reportOf(await call("POST", ofService(service, "/changes?dry_run=1"), {edits: edits.map(editTo)}));
  } catch (error) {
    if (!(error instanceof ApiError) || ![400, 422].includes(error.status)) throw error;
    if (error.report) return error.report;
    return {ok: false, rules: [], tests: [], conflicts: [], needsApproval: false, problems: [
      {item: edits[0], line: 0, column: 0, rule: "", text: error.message}]};
  }
}
export async function publish(service: string, edits: Edit[], why: string): Promise<Outcome> {
  return outcomeOf(await call("POST", ofService(service, "/changes"), {why, edits: edits.map(editTo)}));
}
export interface Rollout {
  mode?: "shadow";
  percent?: number;  // neither of them: in full
}
// The file's text with what `text` adds or changes, or the rule of that name, rolled out so.
export async function rolledOut(ref: ItemRef, what: {text: string} | {rule: string}, rollout: Rollout): Promise<string> {
  const answer = await call("POST", ofItem(ref, "/rollout?dry_run=1"), {...what, rollout});
  return answer.items[0].text;
}
export const HISTORY_PAGE = 50;
export async function history(service: string, ref: ItemRef | null, before = 0): Promise<ChangeLine[]> {
  const asks = `?limit=${HISTORY_PAGE}${before ? `&before=${before}` : ""}`;
  const answer = await call("GET", ref ? ofItem(ref, `/versions${asks}`) : ofService(service, `/changes${asks}`));
  return (answer.changes ?? []).map(lineOf);
}
export async function change(service: string, number: number): Promise<Change> {
  return changeOf(await call("GET", ofService(service, `/changes/${number}`)));
}
export async function revert(service: string, number: number, why: string): Promise<Outcome> {
  return outcomeOf(await call("POST", ofService(service, `/changes/${number}/revert`), {why}));
}
export async function checkRevert(service: string, number: number): Promise<Report> {
  return reportOf(await call("POST", ofService(service, `/changes/${number}/revert?dry_run=1`), {}));
}
const HITS_MAX = 1000;
export async function search(service: string, query: Query): Promise<Found> {
  const answer = await call("POST", ofService(service, "/search"), {...queryTo(query), limit: HITS_MAX});
  return {items: answer.items ?? 0, isCutOff: !!answer.cut_off,
          hits: (answer.hits ?? []).map((hit: any): Hit => ({
            item: refOf(hit.id), where: hit.in ?? "", line: hit.line ?? 0, excerpt: hit.excerpt ?? "",
            begin: hit.begin ?? 0, end: hit.end ?? 0, rule: hit.rule ?? ""}))};
}
export async function previewReplace(service: string, query: Query, replacement: string): Promise<ReplacePreview> {
  const answer = await call("POST", ofService(service, "/replace?dry_run=1"), {...queryTo(query), replacement});
  return {report: reportOf(answer), edits: (answer.items ?? []).map((one: any) => ({
    item: refOf(one.id), version: one.version ?? 0, diff: one.diff ?? "", isDeleted: !!one.deleted}))};
}
// What was previewed, and nothing else: the manager compares the versions.
export async function replace(service: string, query: Query, replacement: string, why: string,
                              preview: ReplacePreview): Promise<Outcome> {
  const versions = Object.fromEntries(preview.edits.map((edit) => [idOf(edit.item), edit.version]));
  return outcomeOf(await call("POST", ofService(service, "/replace"), {...queryTo(query), replacement, why, versions}));
}
export async function putSecret(ref: ItemRef, text: string, boundTo: string[], version: number, why: string) {
  return outcomeOf(await call("PUT", ofItem(ref), {text, bound_to: boundTo, why},
                              version ? {"If-Match": `"${version}"`} : {"If-None-Match": "*"}));
}
export async function pods(service: string): Promise<Pod[]> {
  const answer = await call("GET", ofService(service, "/routers"));
  return (answer.routers ?? []).map((one: any): Pod => ({
    instance: one.instance, version: one.version ?? "", asksWith: one.asks_with ?? "",
    state: one.state ?? "unknown", isNewest: !!one.is_newest, reasons: reasonsOf(one.report),
    seenMs: timeOf(one.last_seen)}));
}
export async function audit(service: string, asks: Record<string, string>): Promise<AuditLine[]> {
  const answer = await call("GET", `/audit?${new URLSearchParams({service, ...asks})}`);
  return (answer.entries ?? []).map((one: any): AuditLine => ({
    atMs: timeOf(one.at), by: one.by ?? "", action: one.action ?? "",
    item: one.item || (one.items ?? []).join(" "), outcome: one.outcome ?? "",
    detail: (one.proposal ? `proposal ${one.proposal}: ` : "") + (one.detail ?? ""), change: one.change ?? 0}));
}
export async function proposals(service: string): Promise<Proposal[]> {
  const answer = await call("GET", ofService(service, "/proposals"));
  return (answer.proposals ?? []).map((one: any): Proposal => ({
    id: String(one.number), atMs: timeOf(one.change.at), by: one.change.by, why: one.change.why ?? "",
    state: one.state, decidedBy: one.decided_by ?? "", doneAs: one.done_as ?? 0,
    edits: (one.change.edits ?? []).map((edit: any): Edit => ({
      ...refOf(edit.id), content: contentOf(edit.content), expected: edit.before ?? 0}))}));
}
export async function approve(service: string, id: string): Promise<Outcome> {
  return outcomeOf(await call("POST", ofService(service, `/proposals/${part(id)}/approve`), {}));
}
export async function reject(service: string, id: string, why: string): Promise<void> {
  await call("POST", ofService(service, `/proposals/${part(id)}/reject`), {why});
}

// --- replays, dead letters ----------------------------------------------------------------------

export type JobKind = "replay" | "redrive";
export interface JobWish {
  kind: JobKind;
  rule: string;
  rate: number;
  from?: string;
  to?: string;
  to_topic?: string;
  letter_kind?: string;
  reason?: string;
  since?: string;
}
export interface Job {
  number: number;
  kind: JobKind;
  state: "proposed" | "queued" | "counting" | "running" | "done" | "failed" | "cancelled";
  rule: string;
  from: string;
  to: string;
  toTopic: string;
  letterKind: string;
  reason: string;
  since: string;
  by: string;
  createdMs: number;
  startedMs: number;
  total: number;
  done: number;
  perSecond: number;
  counts: Record<string, number>;
  error: string;
}
export interface Jobs {
  hasPipeline: boolean;
  jobs: Job[];
}
export interface LetterFilter {
  rule: string;
  kind: string;
  reason: string;
  since: string;
}
// Null: it is not for whoever asks.
export interface LetterGroup {
  kind: string;
  rules: string;
  count: number;
  lastMs: number;
  reason: string | null;
}
export interface Letter {
  partition: number;
  offset: number;
  atMs: number;
  reason: string | null;
  bytes: number;
  key: string | null;
  value: string | null;
}

const jobOf = (from: any): Job => ({
  number: from.number, kind: from.kind, state: from.state, rule: from.rule ?? "", from: from.from ?? "", to: from.to ?? "",
  toTopic: from.to_topic ?? "", letterKind: from.letter_kind ?? "", reason: from.reason ?? "", since: from.since ?? "", by: from.by ?? "",
  createdMs: from.created_ms ?? 0, startedMs: from.started_ms ?? 0, total: from.total ?? 0, done: from.done ?? 0,
  perSecond: from.per_second ?? 0, counts: from.counts ?? {}, error: from.error ?? ""});
const asked = (filter: LetterFilter, more: Record<string, string> = {}) => new URLSearchParams(
    Object.entries({...filter, ...more}).filter(([, value]) => value));

export async function jobs(service: string): Promise<Jobs> {
  const answer = await call("GET", ofService(service, "/jobs"));
  return {hasPipeline: !!answer.has_pipeline, jobs: (answer.jobs ?? []).map(jobOf)};
}
export async function countJob(service: string, wish: JobWish) {
  const answer = await call("POST", ofService(service, "/jobs?dry_run=1"), wish);
  return {total: answer.total ?? 0, left: answer.left ?? 0, range: answer.range ?? "", needsApproval: !!answer.needs_approval};
}
export async function startJob(service: string, wish: JobWish, why: string): Promise<Job> {
  return jobOf(await call("POST", ofService(service, "/jobs"), {...wish, why}));
}
export async function actOnJob(service: string, number: number, what: "approve" | "cancel" | "resume"): Promise<Job> {
  return jobOf(await call("POST", ofService(service, `/jobs/${number}/${what}`), {}));
}
export async function letterGroups(service: string, filter: LetterFilter): Promise<LetterGroup[]> {
  const answer = await call("GET", ofService(service, `/dead-letters?${asked(filter)}`));
  return (answer.groups ?? []).map((one: any): LetterGroup => ({
    kind: one.kind, rules: one.rules, count: one.count ?? 0, lastMs: one.last_ms ?? 0, reason: one.reason ?? null}));
}
export async function letters(service: string, filter: LetterFilter, hasPayload: boolean): Promise<Letter[]> {
  const answer = await call("GET", ofService(service, `/dead-letters?${asked(filter, {list: "1", ...(hasPayload ? {payload: "1"} : {})})}`));
  return (answer.letters ?? []).map((one: any): Letter => ({
    partition: one.partition, offset: one.offset, atMs: one.timestamp_ms ?? 0, reason: one.reason ?? null,
    bytes: one.value_bytes ?? 0, key: one.key ?? null, value: one.value ?? null}));
}
