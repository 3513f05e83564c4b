// The tables of the page: destinations, rules, workers, partitions, tables. What is unwell comes
// first, then what is busiest, by what it came to since the start, so that rows stay where they are.

import {byId, cell, counted, setText, showTable} from "./elements.js";
import {UNKNOWN, bytes, plural, rate, time, whole} from "./numbers.js";
import {ago, lagSeconds, partitionsOf} from "./status.js";
import {LATENCY_OVER_S, RATE_OVER_S, before, difference, quantile, samples} from "./traffic.js";

const ROWS_MAX = 25;  // of a table without a filter
const UNAVAILABLE_IS_NEWS_MS = 300000;

function sortRows(rows) {
  return rows.sort((a, b) => (b.bad - a.bad) || (b.weight - a.weight) || (a.key < b.key ? -1 : 1));
}

// Those whose name holds what the filter says; without one the first few. Says what is left out of
// `all` that there are.
function filtered(rows, of, all) {
  const words = byId(`${of}-filter`).value.trim().toLowerCase();
  const matching = words ? rows.filter((row) => row.key.toLowerCase().includes(words)) : rows;
  const shown = words ? matching : matching.slice(0, ROWS_MAX);
  const left = (words ? matching.length : all) - shown.length;
  setText(byId(`${of}-note`), left <= 0 ? ""
      : `${plural(left, "more is not shown", "more are not shown")}: what is unwell and the `
        + "busiest come first. The filter finds them.");
  return shown;
}

// Counted since a start of long ago; only what grows is worth colour.
const growing = (now, then) => now > then ? "bad" : "";

// A second, since `then`, in which it may not have been counted yet.
function rateSince(then, now, old, of) {
  return then ? rate((of(now.row) - (old ? of(old) : 0)) / (now.at - then.at)) : UNKNOWN;
}

// What became of a destination that is not healthy, in words; null: nothing did.
function illness(destination, unwell, reasons, status) {
  const one = unwell.get(destination);
  const reason = reasons.get(destination);
  if (!one) return reason ? {words: `takes no records: ${reason}`, bad: 1} : null;
  if (one.state !== "draining") {
    const since = one.since ? ` for ${ago(one.since, status)}` : "";
    return {words: `${one.state}${since}: ${one.reason}`, bad: 1};
  }
  return {words: one.why === "over_limit" ? "waits: its team sends more than it may"
      : "draining: what waits is sent first", bad: 0};
}

const NOTHING_SENT = {sent: 0, parked: 0, dead_lettered: 0, latency_counts: null};

function destinationRow(one, now, from, then, ill, waiting) {
  const old = from?.destinationOf.get(one.destination);
  const older = then?.destinationOf.get(one.destination);
  const parked = growing(one.parked, (old || one).parked);
  const dead = growing(one.dead_lettered, (old || one).dead_lettered);
  const latency = one.latency_counts && quantile(
      difference(one.latency_counts, older?.latency_counts), now.latency_bounds_ms, 0.99);
  return {
    key: one.destination,
    bad: ill?.bad || dead || parked ? 1 : 0,
    weight: one.sent,
    cells: [
      cell(one.destination),
      cell(rateSince(from, {row: one, at: now.at}, old, (row) => row.sent)),
      cell(time(latency)),
      counted(one.sent),
      counted(one.parked, parked),
      counted(waiting, waiting ? "bad" : ""),
      counted(one.dead_lettered, dead),
      ill ? cell(ill.words, ill.bad ? "long text bad" : "long text") : cell("well", "text zero"),
    ],
  };
}

export function showDestinations(status) {
  const now = samples.at(-1);
  const from = before(RATE_OVER_S);
  const then = before(LATENCY_OVER_S);
  const isNews = (one) => Date.parse(status.now) - Date.parse(one.at) < UNAVAILABLE_IS_NEWS_MS;
  const reasons = new Map(status.destinations_unavailable.filter(isNews)
      .map((one) => [one.destination, one.reason]));
  const unwell = new Map(status.destinations_unwell.map((one) => [one.destination, one]));
  const unsent = [...unwell.keys()].filter((name) => !now.destinationOf.has(name))
      .map((destination) => ({...NOTHING_SENT, destination}));
  const rows = [...now.destinations, ...unsent].map((one) =>
      destinationRow(one, now, from, then, illness(one.destination, unwell, reasons, status),
                     unwell.get(one.destination)?.waiting || 0));
  showTable("destinations",
            [["topic", "text"], ["a second"], ["latency p99"], ["sent"], ["parked"],
             ["waiting"], ["dead letters"], ["state", "text"]],
            filtered(sortRows(rows), "destinations", now.destinations_counted + unsent.length),
            "Nothing was sent anywhere yet.");
}

function rolloutInWords(rollout) {
  if (!rollout) return "in full";
  const share = rollout.percent < 100 ? `${rollout.percent} %` : "";
  return rollout.mode === "shadow" ? `shadow ${share}`.trim() : share;
}

function ruleRow(rule, now, from, rollouts) {
  const key = `${rule.team}/${rule.rule}`;
  const rollout = rollouts.get(key);
  const old = from?.ruleOf.get(key);
  const parked = growing(rule.parked, (old || rule).parked);
  const dead = growing(rule.dead_lettered, (old || rule).dead_lettered);
  return {
    key,
    bad: dead || parked ? 1 : 0,
    weight: rule.matched,
    before: `${rule.team} / `,
    cells: [
      cell(rule.rule),
      cell(rateSince(from, {row: rule, at: now.at}, old, (row) => row.matched)),
      counted(rule.matched),
      counted(rule.stopped),
      counted(rule.rekeyed),
      counted(rule.routed),
      counted(rule.shadowed),
      counted(rule.parked, parked),
      counted(rule.dead_lettered, dead),
      cell(rolloutInWords(rollout), rollout ? "text" : "text zero"),
    ],
  };
}

export function showRules(status) {
  const now = samples.at(-1);
  const from = before(RATE_OVER_S);
  const rollouts = new Map(status.rules.rollouts.map((rollout) => [rollout.rule, rollout]));
  const rows = now.rules.map((rule) => ruleRow(rule, now, from, rollouts));
  showTable("rules",
            [["rule", "text"], ["matches a second"], ["matched"], ["stopped by steps"],
             ["re-keyed"], ["sent"], ["in shadow"], ["parked"], ["dead letters"],
             ["rolled out", "text"]],
            filtered(sortRows(rows), "rules", now.rules_counted),
            "No rule has matched an event yet.");
}

function workerRow(worker, status) {
  const last = worker.last_trouble;
  const open = worker.transaction_open_since;
  const state = worker.state + (worker.reason ? `: ${worker.reason}` : "");
  return {
    key: String(worker.worker),
    cells: [
      cell(`worker ${worker.worker}`),
      cell(state, worker.state === "running" ? "text" : "long text bad"),
      cell(worker.topic || UNKNOWN, "text"),
      counted(worker.partitions.length),
      counted(worker.transactions),
      open ? cell(ago(open, status)) : cell("none", "zero"),
      cell(worker.last_commit ? `${ago(worker.last_commit, status)} ago` : UNKNOWN),
      last ? cell(`${last.outcome} ${ago(last.at, status)} ago: ${last.why}`, "long text")
           : cell("none", "text zero"),
    ],
  };
}

export function showWorkers(status) {
  showTable("workers",
            [["worker", "text"], ["state", "text"], ["reads", "text"], ["partitions"],
             ["committed"], ["open for"], ["last commit"], ["last that was redone", "text"]],
            status.workers.map((worker) => workerRow(worker, status)),
            "No worker has started yet.");
}

function partitionRow(partition, status) {
  const key = `${partition.topic}/${partition.partition}`;
  const isLive = partition.phase === "live";
  const left = partition.replay_left_seconds;
  const phase = partition.phase + (partition.reason ? `: ${partition.reason}` : "")
      + (left ? `, some ${time(left)} left` : "");
  const behind = lagSeconds(partition, status);
  const next = partition.next_offset;
  return {
    key,
    bad: isLive ? 0 : 1,
    weight: partition.lag || 0,
    cells: [
      cell(key),
      cell(phase, isLive ? "text zero" : "long text bad"),
      counted(partition.lag || 0),
      cell(behind === 0 ? "0" : time(behind), behind ? "" : "zero"),
      cell(next === null ? UNKNOWN : whole.format(next)),
      cell(partition.last_event ? `${ago(partition.last_event, status)} ago` : UNKNOWN),
      cell(`worker ${partition.worker}`),
    ],
  };
}

export function showPartitions(status) {
  const rows = sortRows(partitionsOf(status).map((one) => partitionRow(one, status)));
  const left = rows.length - ROWS_MAX;
  setText(byId("partitions-note"), left <= 0 ? ""
      : `${plural(left, "more is not shown", "more are not shown")}: those that are not live or `
        + "furthest behind come first.");
  showTable("partitions",
            [["partition", "text"], ["phase", "text"], ["records behind"], ["time behind"],
             ["next offset"], ["last event"], ["worker"]],
            rows.slice(0, ROWS_MAX), "No partition is here.");
}

function tableRow(table) {
  const state = table.refused ? "refused" : table.loaded ? "loaded" : "loading";
  return {
    key: table.table,
    cells: [
      cell(table.table),
      cell(state + (table.problem ? `: ${table.problem}` : ""),
           table.loaded ? "text zero" : "long text bad"),
      counted(table.entries),
      cell(bytes(table.disk_bytes)),
      counted(table.lag),
      cell(table.topic, "text"),
    ],
  };
}

export function showTables(status) {
  byId("tables-section").hidden = !status.tables.length;
  showTable("tables",
            [["table", "text"], ["state", "text"], ["keys"], ["on disk"], ["records behind"],
             ["topic", "text"]],
            status.tables.map(tableRow), "There are none.");
}
