// Numbers as people read them.

export const UNKNOWN = "\u2013";

export const whole = new Intl.NumberFormat("en", {maximumFractionDigits: 0});
const compact = new Intl.NumberFormat("en", {notation: "compact", maximumSignificantDigits: 3});

export function count(number) {
  return number < 100000 ? whole.format(number) : compact.format(number);
}

// A second; null: not known.
export function rate(perSecond) {
  if (perSecond === null) return UNKNOWN;
  if (perSecond > 0 && perSecond < 0.1) return "<0.1";
  if (perSecond < 10) return String(Math.round(perSecond * 10) / 10);
  return count(perSecond);
}

export function bytes(number) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (number >= 1024 && unit < units.length - 1) {
    number /= 1024;
    ++unit;
  }
  return (unit && number < 10 ? number.toFixed(1) : whole.format(number)) + "\u00a0" + units[unit];
}

export function time(seconds) {
  if (seconds === null || !Number.isFinite(seconds)) return UNKNOWN;
  if (seconds < 1) return Math.round(seconds * 1000) + "\u00a0ms";
  if (seconds < 10) return seconds.toFixed(1) + "\u00a0s";
  if (seconds < 100) return Math.round(seconds) + "\u00a0s";
  if (seconds < 6000) return Math.round(seconds / 60) + "\u00a0min";
  if (seconds < 172800) return Math.round(seconds / 3600) + "\u00a0h";
  return Math.round(seconds / 86400) + "\u00a0days";
}

export function plural(number, one, many) {
  return count(number) + " " + (number === 1 ? one : many);
}
