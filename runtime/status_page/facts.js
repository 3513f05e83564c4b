// What runs here: names and values that seldom change.

import {bytes, count, plural, time} from "./numbers.js";
import {ago, rulesInForce} from "./status.js";

function rulesInWords(status) {
  const {hash, teams, published} = status.rules;
  if (!hash) return "none yet";
  const rules = plural(rulesInForce(status), "rule", "rules");
  const from = status.rules.origin ? `, from ${status.rules.origin}` : "";
  return `${rules} of ${plural(teams.length, "team", "teams")}${from}; rule set ${hash} for `
      + ago(published, status);
}

function checkpointsInWords(checkpoints) {
  const mean = checkpoints.duration_mean_seconds;
  const each = mean === null ? "" : ` in ${time(mean)} each`;
  const failed = checkpoints.failures ? `; ${count(checkpoints.failures)} failed` : "";
  return `${count(checkpoints.published)} taken${each}; the newest of all partitions hold `
      + `${bytes(checkpoints.size_bytes)}, the oldest of them is `
      + `${time(checkpoints.oldest_age_seconds)} old${failed}`;
}

// [name, value]
export function factsOf(status) {
  const {brokers, checkpoints, sink} = status;
  const facts = [
    ["Rules in force", rulesInWords(status)],
    ["Delivery",
     status.delivery.replaceAll("_", " ") + (sink.kind ? `, by the ${sink.kind} sink` : "")],
    ["Group", status.group],
    ["Brokers", brokers.addresses + (brokers.reachable ? "" : " (not reached)")],
    ["Dead letters go to", status.dead_letter_topic],
    ["Version", `Turnout ${status.version}, librdkafka ${status.librdkafka}`],
    ["Up for", time(status.uptime_seconds)],
  ];
  if (checkpoints.tasks) {
    const partitions = plural(checkpoints.tasks, "partition", "partitions");
    facts.push(["Remembered", `${bytes(checkpoints.state_bytes)} in ${partitions}`],
               ["Checkpoints", checkpointsInWords(checkpoints)],
               ["Kept in", checkpoints.store
                   + (checkpoints.on_own_disk ? ", on this machine's own disk" : "")]);
  }
  if (checkpoints.restore_bytes_left) {
    const left = checkpoints.restore_left_seconds;
    facts.push(["Being restored", bytes(checkpoints.restore_bytes_left) + " to go"
                    + (left ? `, some ${time(left)} left` : "")]);
  }
  return facts;
}
