// The tester: an event, pasted or picked from what passes just now, and what would become of it by the
// rules as they are typed; for those that don't match, the first thing that is not so.

import {useEffect, useMemo, useRef, useState} from "preact/hooks";
import {Builder} from "./builder";
import * as live from "./live_api";
import {Pick} from "./pattern";
import {Failure, Mark, Said, Tell, Time} from "./ui";
import {plural} from "./words";

const TRY_AFTER_MS = 350;
const ASK_AGAIN_MS = 1_500;
const ASK_FOR_MS = 25_000;
const UNMATCHED_SHOWN = 50;
const EXAMPLE = '{\n  "type": "order.created"\n}\n';

// Stays for as long as the page does, so that one event can be tried with several files.
let lastEvent = EXAMPLE;

// The payload alone, or a record with `value` and no other names than a record's.
const RECORD_NAMES = ["value", "key", "headers", "timestamp", "topic", "partition"];
function readEvent(text: string): {event: {value: unknown} | null; problem: string} {
  try {
    const read = JSON.parse(text);
    const isObject = read !== null && typeof read === "object" && !Array.isArray(read);
    const isRecord = isObject && "value" in read && Object.keys(read).every((name) => RECORD_NAMES.includes(name));
    if (!isRecord && !isObject) return {event: null, problem: "An event is a JSON object."};
    return {event: isRecord ? read : {value: read}, problem: ""};
  } catch (error) {
    return {event: null, problem: `It is not valid JSON yet: ${(error as Error).message}`};
  }
}

export function Tester({service, team, text, onInsert}:
    {service: string; team: string; text: string; onInsert: (picks: Pick[]) => void}) {
  const [typed, setTyped] = useState(lastEvent);
  const [told, setTold] = useState<live.Explained | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isBuilding, setBuilding] = useState(false);
  const {event, problem} = useMemo(() => readEvent(typed), [typed]);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  useEffect(() => { lastEvent = typed; }, [typed]);

  useEffect(() => {
    if (!event) return;
    let isWanted = true;
    const timer = setTimeout(() => live.explain(service, event, {team, text}).then(
        (answer) => { if (isWanted) { setTold(answer); setError(null); } },
        (caught) => { if (isWanted) setError(caught); }), told ? TRY_AFTER_MS : 0);
    return () => { isWanted = false; clearTimeout(timer); };
  }, [typed, text]);

  const pick = (one: live.SampleEvent) => {
    const record = {...(one.key === null ? {} : {key: one.key}), headers: Object.fromEntries(one.headers), timestamp: one.atMs, value: JSON.parse(one.value!)};
    setTyped(JSON.stringify(record, null, 2) + "\n");
    field.current?.focus();
  };
  return (
    <section class="sheet pad stack tester" aria-label="Try an event">
      <div class="heading"><h2>Try an event</h2>
        <span class="note">by the rules as they stand in the editor; nothing is sent</span>
        <div class="actions push"><button aria-expanded={isBuilding} onClick={() => setBuilding(!isBuilding)}>Make a pattern of it</button></div></div>
      <div class="trial">
        <div class="stack">
          <label class="field"><span>The event, as JSON</span>
            <textarea ref={field} class="mono" id="event" rows={11} spellcheck={false} value={typed} aria-invalid={problem !== ""}
              aria-describedby="event-problem" onInput={(input) => setTyped(input.currentTarget.value)} /></label>
          <p class="note" id="event-problem" role="status">{problem}</p>
          <LiveSample service={service} onPick={pick} />
        </div>
        <div class="stack" aria-live="polite" aria-label="What becomes of it" role="group">
          <Failure error={error} />
          {!told && !error && <p class="note">Asking what becomes of it &hellip;</p>}
          {told && <Verdict told={told} isOld={!event} />}
        </div>
      </div>
      {isBuilding && event && <Builder service={service} team={team} event={event} onInsert={onInsert} />}
    </section>
  );
}

function Verdict({told, isOld}: {told: live.Explained; isOld: boolean}) {
  const matched = told.rules.filter((rule) => rule.isMatch);
  const others = told.rules.filter((rule) => !rule.isMatch);
  if (told.problems.length) return <Tell gravity="notice">The file can't be tried before this is mended{
    told.problems[0].line > 0 && ` in line ${told.problems[0].line}`}: <Said text={told.problems[0].text} /></Tell>;
  return (
    <>
      <p>{matched.length ? <Mark look="well">{plural(matched.length, "rule matches", "rules match")}</Mark> : <Mark look="notice">no rule matches</Mark>}
        {isOld && <span class="note"> as the event was before</span>}</p>
      <ul class="judged">{matched.map((rule) => <li key={rule.rule}>
        <p><Mark look="well">matches</Mark> <strong>{rule.rule}</strong></p>
        {rule.stops.map((stop) => <p class="note" key={stop}><Said text={stop} /></p>)}
        {rule.rejected.map((reason) => <p class="note" key={reason}><Said text={reason} /></p>)}
        {rule.records.map((record, i) => <div key={i} class="record">
          <p>{record.isShadow ? "in shadow, would go to " : "goes to "}<code>{record.to}</code>{record.key !== null && <> with the key <code>{record.key}</code></>}</p>
          <pre tabIndex={0} aria-label={`The record for ${record.to}`}>{pretty(record.value)}</pre></div>)}
      </li>)}</ul>
      {others.length > 0 && <><h3>{plural(others.length + told.leftOut, "rule does not match", "rules do not match")}</h3>
        <ul class="judged">{others.slice(0, UNMATCHED_SHOWN).map((rule) => <li key={rule.rule}>
          <p><strong>{rule.rule}</strong></p>{rule.failed && <p class="note"><Said text={whyNot(rule.failed)} /></p>}</li>)}</ul>
        {others.length > UNMATCHED_SHOWN && <p class="note">The first {UNMATCHED_SHOWN} are shown.</p>}</>}
      {told.notes.map((note) => <p class="note" key={note}><Said text={note[0].toUpperCase() + note.slice(1)} /></p>)}
    </>
  );
}

function pretty(value: string | null): string {
  if (value === null) return "no value";
  try {
    return JSON.stringify(JSON.parse(value), null, 1);
  } catch {
    return value;
  }
}

const code = (value: unknown) => "`" + JSON.stringify(value).replaceAll("`", "'") + "`";
function whyNot(failed: live.Failed): string {
  const field = "`" + failed.field + "`";
  switch (failed.why) {
    case "absent": return `${field} is not there; wanted is ${code(failed.wanted)}`;
    case "value": return `${field} is ${failed.seen.map(code).join(", ") || "there"}${failed.values > failed.seen.length ? " and more" : ""}; wanted is ${code(failed.wanted)}`;
    case "elements": return `${field} has ${failed.seen.map(code).join(", ")}, but not in the same element of an array as ${failed.together.map((one) => "`" + one + "`").join(", ")}`;
    case "too_many": return `${field}: elements of arrays combine in more ways than are tried`;
    default: return "The payload can't be read.";
  }
}

const STATE_WORDS = {
  asked: "The routers are asked; events come with their next word, in some seconds \u2026",
  not_allowed: "No router of this service shows events: its config has `rules_from.samples: off`.",
  no_router: "No router tells how it is just now, so there is none to ask.",
  here: "",
};

function LiveSample({service, onPick}: {service: string; onPick: (event: live.SampleEvent) => void}) {
  const [sample, setSample] = useState<live.Sample | null>(null);
  const [error, setError] = useState<unknown>(null);
  const asking = useRef(0);
  useEffect(() => () => clearTimeout(asking.current), []);
  const ask = async (again: boolean, until = Date.now() + ASK_FOR_MS) => {
    clearTimeout(asking.current);
    try {
      const answer = await live.sample(service, again);
      setSample(answer);
      setError(null);
      if (answer.state === "asked" && Date.now() < until) asking.current = window.setTimeout(() => ask(false, until), ASK_AGAIN_MS);
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <div class="stack">
      <div class="actions"><button onClick={() => ask(sample?.state === "here")}>{sample?.state === "here" ? "Other live events" : "Live events"}</button>
        <span class="note" role="status">{sample ? <Said text={STATE_WORDS[sample.state]} />
          : "A few that routers read just now; that you look is put on record."}</span></div>
      <Failure error={error} />
      {sample && sample.events.length > 0 && <ul class="sample">{sample.events.map((one) => <li key={`${one.partition}/${one.offset}`}>
        {one.value === null ? <span class="note">{one.partition}/{one.offset}: {one.note}</span>
          : <button class="plain" onClick={() => onPick(one)} title={`Take the event at ${one.partition}/${one.offset}`}>
              <span class="note"><Time at={one.atMs} /></span> <span class="mono">{one.value}</span></button>}</li>)}</ul>}
    </div>
  );
}
