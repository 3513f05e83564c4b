// The status page: asks /v1/status and /v1/traffic every two seconds and shows what they say: first
// how the router is, in a sentence, then figures. Nothing is asked of any other host.

import {byId, make, setSentence, setText} from "./elements.js";
import {factsOf} from "./facts.js";
import {UNKNOWN, count, plural, rate, time} from "./numbers.js";
import {lagSeconds, partitionsOf, rulesInForce} from "./status.js";
import {showDestinations, showPartitions, showRules, showTables, showWorkers} from "./tables.js";
import {LATENCY_OVER_S, SAMPLES_MAX, before, deadLetters, eachPair, latencyOf, rateOf, remember,
        samples} from "./traffic.js";

const EVERY_MS = 2000;
const PATIENCE_MS = 5000;  // for an answer

// --- how it is --------------------------------------------------------------------------------

function wellInWords(status) {
  const workers = plural(status.workers.length, "worker routes", "workers route");
  const partitions = plural(partitionsOf(status).length, "partition", "partitions");
  const rules = plural(rulesInForce(status), "rule", "rules");
  const teams = plural(status.rules.teams.length, "team", "teams");
  return `${workers} ${partitions} by ${rules} of ${teams}. Brokers answer, and nothing waits for long.`;
}

function showState(status) {
  const gravest = status.troubles[0];
  byId("state").dataset.state = gravest ? gravest.gravity : "well";
  setSentence(byId("sentence"), gravest ? gravest.what : "All is well.");
  setSentence(byId("under"), gravest ? gravest.do : wellInWords(status));
  document.title = `${gravest ? "(!) " : ""}${status.instance} \u00b7 Turnout`;
}

function troubleElement(trouble) {
  const what = make("span", "what");
  const cure = make("span");
  setSentence(what, trouble.what);
  setSentence(cure, trouble.do);
  const item = make("li", "", what, cure, make("span", "metric", trouble.metric));
  item.dataset.gravity = trouble.gravity;
  return item;
}

// Those after the first. Left alone while they stay the same: somebody may be reading.
function showTroubles(status) {
  const others = status.troubles.slice(1);
  const list = byId("troubles");
  const said = JSON.stringify(others);
  if (list.dataset.said === said) return;
  list.dataset.said = said;
  byId("troubles-section").hidden = !others.length;
  setText(byId("troubles-title"), `And ${plural(others.length, "thing more", "things more")}`);
  list.replaceChildren(...others.map(troubleElement));
}

function showSilence(answeredAt) {
  byId("state").dataset.state = "unknown";
  setText(byId("sentence"), "This router does not answer.");
  const since = answeredAt ? `${time((Date.now() - answeredAt) / 1000)} ago` : "nobody yet";
  setText(byId("under"), "It is being restarted, or gone, or the network between is. What is below "
      + `is from ${since}. If it stays: is the process up, and what does its log say last?`);
  byId("troubles-section").hidden = true;
  document.title = "(?) Turnout";
}

// --- figures ----------------------------------------------------------------------------------

// A figure's curve: its values from the oldest sample to the newest, on a scale that begins at 0.
function curve(values) {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return "";
  const top = Math.max(...known) || 1;
  const step = 100 / (SAMPLES_MAX - 1);
  let path = "";
  values.forEach((value, i) => {
    if (value === null) return;
    const x = 100 - (values.length - 1 - i) * step;
    path += `${path ? "L" : "M"}${x.toFixed(2)} ${(27 - 25 * value / top).toFixed(2)}`;
  });
  return path;
}

const figures = new Map();  // elements, by their names

function figureElement(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 100 28");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.append(path);
  const figure = {value: make("dd"), also: make("dd", "also"), path};
  byId("figures").append(
      make("div", "figure", make("dt", "", name), figure.value, figure.also, svg));
  figures.set(name, figure);
  return figure;
}

function showFigure(name, value, also, values) {
  const figure = figures.get(name) || figureElement(name);
  setText(figure.value, value);
  setText(figure.also, also);
  figure.path.setAttribute("d", curve(values));
}

function showRate(name, value) {
  showFigure(name, rate(rateOf(value)), `${count(value(samples.at(-1)))} since the start`,
             eachPair((sample, last) => rateOf(value, last, sample)));
}

function showFigures(status) {
  const now = samples.at(-1);
  const then = before(LATENCY_OVER_S);
  const partitions = partitionsOf(status);
  now.lag = partitions.reduce((sum, partition) => sum + (partition.lag || 0), 0);
  const oldest = Math.max(0, ...partitions.map((one) => lagSeconds(one, status) || 0));
  const letters = rateOf(deadLetters, before(60));
  showRate("Events a second", (sample) => sample.events);
  showRate("Records sent a second", (sample) => sample.outputs);
  showFigure("Latency, 99 of 100", time(latencyOf(now, 0.99, then)),
             `half of them ${time(latencyOf(now, 0.5, then))}`,
             eachPair((sample, last) => latencyOf(sample, 0.99, last)));
  showFigure("Records behind", count(now.lag),
             now.lag ? `the oldest for ${time(oldest)}` : "nothing waits",
             samples.map((sample) => sample.lag ?? null));
  showFigure("Dead letters a minute", letters === null ? UNKNOWN : rate(letters * 60),
             `${count(deadLetters(now))} since the start`,
             eachPair((sample, last) => rateOf(deadLetters, last, sample)));
}

// --- facts ------------------------------------------------------------------------------------

function showFacts(status) {
  const list = byId("facts");
  const facts = factsOf(status);
  const names = facts.map(([name]) => name).join("\n");
  if (list.dataset.names !== names) {
    list.dataset.names = names;
    list.replaceChildren(...facts.map(([name]) =>
        make("div", "", make("dt", "", name), make("dd"))));
  }
  facts.forEach(([, value], i) => setText(list.children[i].lastChild, value));
}

// --- asking -----------------------------------------------------------------------------------

let shown = null;  // the last status
let answeredAt = 0;
let isAsking = false;

async function ask(path) {
  const answer = await fetch(path, {cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS)});
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}`);
  return answer.json();
}

function show(status) {
  shown = status;
  setText(byId("instance"), status.instance);
  setText(byId("source"), status.source);
  showState(status);
  showTroubles(status);
  showFigures(status);
  showDestinations(status);
  showRules(status);
  showWorkers(status);
  showPartitions(status);
  showTables(status);
  showFacts(status);
}

async function turn() {
  if (isAsking) return;
  isAsking = true;
  let isAnswered = false;
  try {
    const [status, traffic] = await Promise.all([ask("v1/status"), ask("v1/traffic")]);
    answeredAt = Date.now();
    isAnswered = true;
    remember(traffic);
    show(status);
  } catch (problem) {
    if (isAnswered) console.error(problem);
    showSilence(answeredAt);
  }
  document.body.classList.toggle("stale", !isAnswered);
  setText(byId("updated"), isAnswered ? "live, every two seconds" : "no answer");
  isAsking = false;
}

// Nothing is asked while nobody looks.
async function run() {
  for (;;) {
    if (!document.hidden) await turn();
    await new Promise((wake) => setTimeout(wake, EVERY_MS));
  }
}

byId("destinations-filter").addEventListener("input", () => shown && showDestinations(shown));
byId("rules-filter").addEventListener("input", () => shown && showRules(shown));
document.addEventListener("visibilitychange", () => document.hidden || turn());
run();
