// What passed between two answers of /v1/traffic: rates and latencies.

export const RATE_OVER_S = 10;
export const LATENCY_OVER_S = 30;
export const SAMPLES_MAX = 90;  // three minutes, for the little curves

export const samples = [];  // answers of /v1/traffic, the newest last

function indexed(traffic) {
  traffic.ruleOf = new Map(traffic.rules.map((rule) => [rule.team + "/" + rule.rule, rule]));
  traffic.destinationOf = new Map(traffic.destinations.map((one) => [one.destination, one]));
  return traffic;
}

export function remember(traffic) {
  const last = samples.at(-1);
  if (last && (traffic.events < last.events || traffic.at <= last.at)) samples.length = 0;
  samples.push(indexed(traffic));
  if (samples.length > SAMPLES_MAX) samples.shift();
}

// The youngest sample that is at least so old, else the oldest; null: there is only one.
export function before(seconds) {
  if (samples.length < 2) return null;
  const now = samples.at(-1).at;
  for (let i = samples.length - 2; i >= 0; --i) {
    if (now - samples[i].at >= seconds) return samples[i];
  }
  return samples[0];
}

// How much `value` of a sample grew in a second.
export function rateOf(value, from = before(RATE_OVER_S), to = samples.at(-1)) {
  if (!from || !to || from === to) return null;
  return Math.max(0, value(to) - value(from)) / (to.at - from.at);
}

export function difference(now, then) {
  return then ? now.map((n, i) => Math.max(0, n - then[i])) : now;
}

// In seconds; null: nothing was counted.
export function quantile(counts, boundsMs, share) {
  const all = counts.reduce((sum, n) => sum + n, 0);
  if (!all) return null;
  let passed = 0;
  for (let i = 0; i < boundsMs.length; ++i) {
    if (passed + counts[i] >= share * all) {
      const low = i ? boundsMs[i - 1] : 0;
      return (low + (boundsMs[i] - low) * (share * all - passed) / counts[i]) / 1000;
    }
    passed += counts[i];
  }
  return boundsMs.at(-1) / 1000;
}

export function deadLetters(sample) {
  return Object.values(sample.dead_letters).reduce((sum, n) => sum + n, 0);
}

export function latencyOf(sample, share, from) {
  const counts = difference(sample.latency_counts, from && from.latency_counts);
  return quantile(counts, sample.latency_bounds_ms, share);
}

// Of each sample with the one before it.
export function eachPair(value) {
  return samples.map((sample, i) => i ? value(sample, samples[i - 1]) : null);
}
