// The builder: an event as a tree, whose fields become a pattern as they are pressed.

import {useEffect, useMemo, useState} from "preact/hooks";
import {explain} from "./live_api";
import {Choice, Field, Pick, choicesFor, draftOf, fieldsOf, matchText, pickOf} from "./pattern";
import {Mark, Said} from "./ui";

const TRY_AFTER_MS = 250;
const SHOWN_MAX = 60;
const CHOICE_WORDS: Record<Choice, string> = {is: "is exactly", prefix: "begins with", exists: "is there", range: "is a number in"};
const shown = (value: unknown) => {
  const text = JSON.stringify(value) ?? "";
  return text.length > SHOWN_MAX ? text.slice(0, SHOWN_MAX) + "\u2026" : text;
};

export function Builder({service, team, event, onInsert}:
    {service: string; team: string; event: {value: unknown}; onInsert: (picks: Pick[]) => void}) {
  const fields = useMemo(() => fieldsOf(event.value), [event]);
  const [picks, setPicks] = useState<Pick[]>([]);
  const [verdict, setVerdict] = useState("");
  const text = matchText(picks, "  ");
  const toggle = (field: Field) => setPicks((all) => all.some((pick) => pick.path === field.path)
    ? all.filter((pick) => pick.path !== field.path) : [...all, pickOf(field)]);
  const change = (path: string, part: Partial<Pick>) =>
      setPicks((all) => all.map((pick) => pick.path === path ? {...pick, ...part} : pick));

  // Whether the event matches is told by the manager, which reads patterns as routers do.
  useEffect(() => {
    let isWanted = true;
    setVerdict("");
    const timer = picks.length ? setTimeout(async () => {
      const told = await explain(service, event, {team, text: draftOf(team, picks)}).catch(() => null);
      if (!isWanted || !told) return;
      setVerdict(told.problems.length ? told.problems[0].text : told.rules[0]?.isMatch ? "yes" : `no: ${told.rules[0]?.failed?.field ?? ""}`);
    }, TRY_AFTER_MS) : 0;
    return () => { isWanted = false; clearTimeout(timer); };
  }, [text, event]);

  return (
    <div class="builder">
      <section class="stack" aria-label="Fields of the event">
        <h3>Fields</h3>
        <p class="note">Press what the rule is to look for.</p>
        {!fields.length && <p class="note">The event has no fields.</p>}
        <ul class="fields">{fields.map((field) => <li key={field.path} data-depth={Math.min(field.depth, 6)}>
          {field.isPickable
            ? <button class="plain" aria-pressed={picks.some((pick) => pick.path === field.path)} data-path={field.path}
                onClick={() => toggle(field)}><span class="mono"><span class="unseen">{field.path.slice(0, -field.name.length)}</span>{field.name}</span> <span class="quiet mono">{shown(field.value)}</span></button>
            : <span class="quiet mono">{field.name}</span>}</li>)}</ul>
      </section>
      <section class="stack" aria-label="The pattern">
        <h3>Pattern <span aria-live="polite">{verdict === "yes" ? <Mark look="well">this event matches</Mark>
          : verdict && <Mark look="notice">{verdict.startsWith("no: ") ? `does not match: ${verdict.slice(4)}` : "can't be read"}</Mark>}</span></h3>
        {verdict && verdict !== "yes" && !verdict.startsWith("no: ") && <p class="note" role="status"><Said text={verdict} /></p>}
        {!picks.length && <p class="note">Nothing is picked yet.</p>}
        <ul class="picks">{picks.map((pick) => <li key={pick.path}>
          <span class="mono">{pick.path}</span>
          <select aria-label={`How ${pick.path} is compared`} value={pick.choice}
            onChange={(change_) => change(pick.path, {choice: change_.currentTarget.value as Choice})}>
            {choicesFor(pick.value).map((choice) => <option value={choice}>{CHOICE_WORDS[choice]}</option>)}</select>
          {pick.choice === "is" && <code>{shown(pick.value)}</code>}
          {pick.choice === "prefix" && <input type="text" aria-label={`What ${pick.path} begins with`} value={pick.text} spellcheck={false}
            onInput={(typed) => change(pick.path, {text: typed.currentTarget.value})} />}
          {pick.choice === "range" && <span class="range">
            <input type="text" inputMode="decimal" aria-label={`${pick.path} from`} value={pick.from} onInput={(typed) => change(pick.path, {from: typed.currentTarget.value})} />
            <span aria-hidden="true">&ndash;</span>
            <input type="text" inputMode="decimal" aria-label={`${pick.path} up to`} value={pick.to} onInput={(typed) => change(pick.path, {to: typed.currentTarget.value})} /></span>}
          <button class="plain" aria-label={`Leave out ${pick.path}`} onClick={() => setPicks((all) => all.filter((one) => one !== pick))}>&times;</button>
        </li>)}</ul>
        {picks.length > 0 && <>
          <pre class="yaml" tabIndex={0} aria-label="The pattern in the rule language">{"match:\n" + text}</pre>
          <div class="actions"><button class="main" onClick={() => onInsert(picks)}>Add as a rule</button>
            <button onClick={() => setPicks([])}>Begin anew</button></div>
        </>}
      </section>
    </div>
  );
}
