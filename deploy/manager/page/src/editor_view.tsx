// The editor of one item: a team's rules or tests, a pipeline, a value. What one types is tried as a
// change that is not made, and what that says stands beside the lines it is about.

import {useEffect, useMemo, useRef, useState} from "preact/hooks";
import * as api from "./api";
import {CodeArea, CodeHandle} from "./code_area";
import {usePublishKey} from "./keys";
import {PublishDialog, Published} from "./publish_dialog";
import {ReportView} from "./report_view";
import {RolledOutRules} from "./rollout_choice";
import {withRule} from "./pattern";
import {Route, go, guardLeaving, to} from "./route";
import {rulesIn} from "./rule_scan";
import {Tester} from "./tester";
import {Dialog, Failure, Mark, Tell, Time, Waiting, toast, useLoaded} from "./ui";
import {KIND_WORDS} from "./words";

const TRY_AFTER_MS = 350;
const TYPES = ["string", "number", "boolean", "json"];

const TEMPLATES: Partial<Record<api.Kind, (name: string) => string>> = {
  rules: (name) => `team: ${name}\nowner: \ndestinations: [${name}.*]\nrules:\n  - name: first\n    description: \n`
      + `    match:\n      type: [order.created]\n    to: ${name}.first\n`,
};

export function EditorView({route}: {route: Route}) {
  const ref: api.ItemRef = {service: route.service, kind: route.place as api.Kind, name: route.name};
  const loaded = useLoaded(() => api.item(ref), [route.service, route.place, route.name]);
  const waiting = <Waiting of={loaded} />;
  if (loaded.value === undefined) return waiting;
  return <Editor key={`${route.service}/${route.place}/${route.name}`} route={route} start={loaded.value} reference={ref} />;
}

function Editor({route, start, reference}: {route: Route; start: api.Item | null; reference: api.ItemRef}) {
  const kind = reference.kind;
  const template = TEMPLATES[kind]?.(reference.name) ?? "";
  const [base, setBase] = useState({text: start?.content.text ?? "", type: start?.content.type ?? "string",
                                    version: start?.version ?? 0});
  const [text, setText] = useState(start?.content.text ?? template);
  const [type, setType] = useState(base.type);
  const [report, setReport] = useState<api.Report | null>(null);
  const [tried, setTried] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [isPublishing, setPublishing] = useState(false);
  const [isDeleting, setDeleting] = useState(false);
  const [step, setStep] = useState<string | null>(null);  // the text with a rule a step further
  const [isTrying, setTrying] = useState(route.asks.has("try"));
  const handle = useRef<CodeHandle | null>(null);
  const isChanged = text !== base.text || (kind === "config" && type !== base.type) || !base.version;

  const content = (): api.Content => kind === "config" ? {text, type} : {text};
  const edit = (): api.Edit => ({...reference, content: isDeleting ? null : content(), expected: base.version});

  // Tries the change a little after the last key, and drops answers to what has been typed over.
  useEffect(() => {
    let isWanted = true;
    const timer = setTimeout(async () => {
      try {
        const told = await api.check(reference.service, [{...reference, content: content(), expected: null}]);
        if (!isWanted) return;
        setReport(told);
        setTried(text);
        setError(null);
      } catch (caught) {
        if (!isWanted) return;
        if (caught instanceof api.ApiError && caught.report) setReport(caught.report);
        else setError(caught);
      }
    }, report ? TRY_AFTER_MS : 0);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [text, type, base.version]);

  useEffect(() => guardLeaving(() => isChanged && (base.version || text !== template)
      ? `${reference.name} has changes that are not published.` : ""), [isChanged, text]);
  useEffect(() => {
    const line = Number(route.asks.get("line"));
    if (line) handle.current?.goToLine(line);
  }, [route.asks.get("line")]);
  usePublishKey(() => {
    const typed = handle.current?.text() ?? text;
    if ((isChanged || typed !== base.text) && !isPublishing && !isDeleting) setPublishing(true);
  });

  const problems = useMemo(() => (report?.problems ?? [])
      .filter((problem) => problem.item.name === reference.name && problem.item.kind === kind)
      .map(({line, column, text: said}) => ({line, column, text: said})), [report]);
  const close = () => { setPublishing(false); setDeleting(false); setStep(null); };
  const takeFurther = (rule: string, rollout: api.Rollout) => {
    api.rolledOut(reference, {rule}, rollout).then(setStep, setError);
  };

  const done = (published: Published) => {
    close();
    if (published.proposal) {
      toast("Kept as a proposal. It takes effect once somebody else approves it.",
            {title: "See it", run: () => go(to(reference.service, "proposals"))});
      return;
    }
    if (published.text === null) {
      guardLeaving(() => "")();
      toast(`Deleted ${reference.name}, change ${published.change}.`, undoing(reference.service, published.change));
      go(to(reference.service, kind));
      return;
    }
    if (published.text !== text) handle.current?.replaceAll(published.text);
    setBase({text: published.text, type, version: published.change || base.version});
    toast(published.change ? `Published as change ${published.change}. Routers take it within a second.`
          : "Nothing was different; nothing was published.",
          published.change ? undoing(reference.service, published.change) : undefined);
  };
  const merge = (merged: string, version: number) => {
    close();
    api.item(reference, version).then((theirs) => {
      setBase({text: theirs?.content.text ?? "", type, version});
      handle.current?.replaceAll(merged);
      handle.current?.focus();
    }, setError);
  };

  return (
    <>
      <div class="heading">
        <h1><a href={to(reference.service, kind)}>{KIND_WORDS[kind]}</a> <span class="quiet">/</span> {reference.name}</h1>
        {base.version ? <Mark>version {base.version}</Mark> : <Mark look="notice">new</Mark>}
        {isChanged && base.version > 0 && <Mark look="notice">not published</Mark>}
        {start && start.atMs > 0 && base.version === start.version && <span class="note">by {start.by}, <Time at={start.atMs} /></span>}
        <div class="actions push">
          {kind === "rules" && <button aria-expanded={isTrying} onClick={() => setTrying(!isTrying)}>Try an event</button>}
          {kind === "rules" && <a class="button" href={to(reference.service, "tests", reference.name)}>Tests</a>}
          {kind === "tests" && <a class="button" href={to(reference.service, "rules", reference.name)}>Rules</a>}
          <a class="button" href={to(reference.service, "history", reference.name, kind)}>History</a>
          {base.version > 0 && <button class="grave" onClick={() => setDeleting(true)}>Delete</button>}
          {isChanged && base.version > 0 && <button onClick={() => { handle.current?.replaceAll(base.text); setType(base.type); }}>Discard</button>}
          <button class="main" disabled={!isChanged} onClick={() => setPublishing(true)}>Publish &hellip;</button>
        </div>
      </div>
      <Failure error={error} />
      {kind === "config" && <label class="field"><span>Type of the value</span>
        <select value={type} onChange={(event) => setType(event.currentTarget.value)}>
          {TYPES.map((one) => <option value={one}>{one}</option>)}</select></label>}
      <div class={isTrying ? "desk trying" : "desk"}>
        <CodeArea text={text} label={`${KIND_WORDS[kind]} of ${reference.name}`} isRules={kind === "rules"} tall
          problems={problems} onChange={setText} handle={handle} escape={() => {}} />
        <aside class="side sheet pad stack" aria-label="What publishing would mean" aria-live="polite">
          {!report && !error && <p class="note">Trying what stands here &hellip;</p>}
          {report && <>
            <p>{!report.ok ? <Mark look="harmed">can't be published yet</Mark>
              : isChanged ? <Mark look="well">can be published</Mark> : <Mark>as published</Mark>}
              {tried !== text && <span class="note"> trying &hellip;</span>}</p>
            <ReportView report={report} onLine={(line) => handle.current?.goToLine(line)} />
          </>}
          {kind === "rules" && !isChanged && <RolledOutRules text={base.text} onChoose={takeFurther} />}
          <p class="note"><kbd>Ctrl Space</kbd> completes, hovering tells what a word means, <kbd>Ctrl S</kbd> publishes,
            <kbd>Ctrl F</kbd> finds, <kbd>Esc</kbd> then <kbd>Tab</kbd> leaves the text.</p>
        </aside>
      </div>
      {step !== null && <PublishDialog edit={{...reference, content: {text: step}, expected: base.version}} before={base.text} isStep
        onDone={done} onMerge={merge} onClose={close} />}
      {isTrying && <Tester service={reference.service} team={reference.name} text={text} onInsert={(picks) => {
        const more = withRule(text, reference.name, picks, rulesIn(text).map((rule) => rule.name));
        if (!more) return toast("The file is no plain list of rules: copy the pattern into it by hand.");
        handle.current?.replaceAll(more.text);
        handle.current?.goToLine(more.line);
      }} />}
      {(isPublishing || isDeleting) && <PublishDialog edit={edit()} before={base.text} onDone={done} onMerge={merge} onClose={close} />}
    </>
  );
}

export function undoing(service: string, change: number) {
  return {title: "Undo", run: () => go(to(service, "history", "", "", {change: String(change), undo: "1"}))};
}

// A name for an item that is to be made.
export function NewItem({service, kind, known, onClose}: {service: string; kind: api.Kind; known: string[]; onClose: () => void}) {
  const [name, setName] = useState("");
  const isTaken = known.includes(name);
  const isGood = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name) && !isTaken;
  return (
    <Dialog title={kind === "rules" ? "A new team" : `New ${KIND_WORDS[kind]}`} onClose={onClose}>
      <form class="stack" onSubmit={(event) => { event.preventDefault(); if (isGood) { onClose(); go(to(service, kind, name)); } }}>
        <label class="field"><span>{kind === "rules" || kind === "tests" ? "The team's name" : "Its name"}</span>
          <input type="text" autofocus value={name} autocomplete="off" spellcheck={false}
            aria-describedby="name-note" onInput={(event) => setName(event.currentTarget.value)} /></label>
        <p class="note" id="name-note">Letters, digits, dots, underscores and hyphens; a letter or digit first.</p>
        {isTaken && <Tell gravity="notice">There is one of that name already.</Tell>}
        <div class="foot"><button type="button" onClick={onClose}>Cancel</button>
          <button class="main" disabled={!isGood}>Write it</button></div>
      </form>
    </Dialog>
  );
}
