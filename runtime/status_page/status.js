// What several parts of the page read from an answer of /v1/status.

import {UNKNOWN, time} from "./numbers.js";

export function partitionsOf(status) {
  return status.workers.flatMap(({worker, topic, partitions}) =>
      partitions.map((partition) => ({...partition, worker, topic})));
}

export function rulesInForce(status) {
  return status.rules.teams.reduce((sum, team) => sum + team.rules, 0);
}

// How long the last committed event lies back while others wait; null: not known.
export function lagSeconds(partition, status) {
  if (!partition.lag) return 0;
  if (!partition.last_event) return null;
  return Math.max(0, (Date.parse(status.now) - Date.parse(partition.last_event)) / 1000);
}

export function ago(timestamp, status) {
  if (!timestamp) return UNKNOWN;
  return time(Math.max(0, Date.parse(status.now) - Date.parse(timestamp)) / 1000);
}
