// Words: numbers and times as people say them.

export const plural = (n: number, one: string, many = one + "s") =>
    `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

// 12345 as 12.3k.
export function shortNumber(n: number): string {
  if (n < 1000) return String(Math.round(n));
  return n < 1e6 ? `${(n / 1000).toFixed(n < 1e4 ? 1 : 0)}k` : `${(n / 1e6).toFixed(n < 1e7 ? 1 : 0)}M`;
}
export const perSecond = (rate: number) => rate === 0 ? "0" : rate < 0.1 ? "<0.1" : rate < 10 ? rate.toFixed(1) : shortNumber(rate);

const STEPS: [number, string][] = [[60, "second"], [60, "minute"], [24, "hour"], [7, "day"],
                                   [5, "week"]];

export function ago(atMs: number, nowMs = Date.now()): string {
  if (!atMs) return "never";
  let value = Math.max(0, (nowMs - atMs) / 1000);
  if (value < 5) return "just now";
  for (const [size, name] of STEPS) {
    if (value < size) return `${plural(Math.floor(value), name)} ago`;
    value /= size;
  }
  return new Date(atMs).toLocaleDateString("en", {year: "numeric", month: "short", day: "numeric"});
}

// How long something takes, in its two largest units.
export function lasting(seconds: number): string {
  const whole = Math.max(1, Math.ceil(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor(whole % 3600 / 60)} min`;
}

export const exactly = (atMs: number) => new Date(atMs).toLocaleString("en", {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit",
  second: "2-digit", hour12: false});

export const KIND_WORDS: Record<string, string> = {
  rules: "rules", tests: "tests", pipeline: "pipeline", config: "value", secret: "secret",
  settings: "settings",
};
