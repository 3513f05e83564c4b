// Search and replace over a service: by text or by RE2 expression, previewed as a diff of every item
// touched, done in one step and undone in one.

import {useEffect, useRef, useState} from "preact/hooks";
import * as api from "./api";
import {DiffView} from "./diff_view";
import {undoing} from "./editor_view";
import {ReportView} from "./report_view";
import {Route, to} from "./route";
import {Dialog, Failure, Mark, Tell, WhyField, toast} from "./ui";
import {usePublishKey} from "./keys";
import {KIND_WORDS, plural} from "./words";

const PLACES: [string, string][] = [["names", "Names"], ["texts", "Texts and values"], ["patterns", "Patterns of rules"],
                                    ["destinations", "Destinations of rules"]];
const SEARCH_AFTER_MS = 250;
const DIFFS_SHOWN = 30;

export function SearchView({route}: {route: Route}) {
  const service = route.service;
  const [query, setQuery] = useState<api.Query>({
    text: route.asks.get("q") ?? "", regex: false, whole: false, ignoreCase: false, where: ["names", "texts"], kinds: [], team: ""});
  const [replacement, setReplacement] = useState("");
  const [found, setFound] = useState<api.Found | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isPreview, setPreview] = useState(false);
  const [round, setRound] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const change = (part: Partial<api.Query>) => setQuery((was) => ({...was, ...part}));

  useEffect(() => input.current?.focus(), []);
  useEffect(() => {
    let isWanted = true;
    if (!query.text || !query.where.length) {
      setFound(null);
      setError(null);
      return;
    }
    const timer = setTimeout(() => api.search(service, query).then(
        (told) => { if (isWanted) { setFound(told); setError(null); } },
        (caught) => { if (isWanted) { setFound(null); setError(caught); } }), SEARCH_AFTER_MS);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [query, service, round]);

  const groups = new Map<string, api.Hit[]>();
  for (const hit of found?.hits ?? []) {
    const key = `${hit.item.kind}/${hit.item.name}`;
    groups.set(key, [...(groups.get(key) ?? []), hit]);
  }
  const mayReplace = !!found && found.hits.some((hit) => hit.item.kind !== "secret");
  return (
    <>
      <h1>Search and replace</h1>
      <div class="sheet pad stack" role="search">
        <div class="form">
          <label class="field wide"><span>{query.regex ? "What to find: an expression, by RE2's syntax" : "What to find"}</span>
            <input type="search" ref={input} id="search-text" class="mono" value={query.text} autocomplete="off" spellcheck={false}
              onInput={(event) => change({text: event.currentTarget.value})} /></label>
          <label class="field wide"><span>{query.regex ? "What to put there; \\1 is the first group" : "What to put there"}</span>
            <input type="text" class="mono" id="replacement" value={replacement} autocomplete="off" spellcheck={false}
              onInput={(event) => setReplacement(event.currentTarget.value)} /></label>
          <button class="main" disabled={!mayReplace} onClick={() => setPreview(true)}>Preview &hellip;</button>
        </div>
        <div class="form">
          <label class="check"><input type="checkbox" checked={query.regex} onChange={(event) => change({regex: event.currentTarget.checked})} />Regular expression</label>
          <label class="check"><input type="checkbox" checked={query.whole} onChange={(event) => change({whole: event.currentTarget.checked})} />Exactly this, not a part</label>
          <label class="check"><input type="checkbox" checked={query.ignoreCase} onChange={(event) => change({ignoreCase: event.currentTarget.checked})} />Whether upper or lower case</label>
          <label class="field"><span>Of what</span>
            <select value={query.kinds[0] ?? ""} onChange={(event) => change({kinds: event.currentTarget.value ? [event.currentTarget.value] : []})}>
              <option value="">everything</option>
              {["rules", "tests", "config", "pipeline", "secret"].map((kind) => <option value={kind}>{KIND_WORDS[kind]}</option>)}</select></label>
          <label class="field"><span>Of the team</span>
            <input type="text" value={query.team} placeholder="all" onInput={(event) => change({team: event.currentTarget.value.trim()})} /></label>
        </div>
        <fieldset class="form"><legend class="unseen">Where to look</legend>
          {PLACES.map(([place, title]) => <label class="check" key={place}><input type="checkbox" checked={query.where.includes(place)}
            onChange={(event) => change({where: event.currentTarget.checked ? [...query.where, place] : query.where.filter((one) => one !== place)})} />{title}</label>)}
        </fieldset>
      </div>
      <Failure error={error} />
      <p class="note" role="status">{found && (found.hits.length
        ? `${plural(found.hits.length, "place")} in ${plural(found.items, "item")}${found.isCutOff ? "; there are more, which are not shown" : ""}`
        : "Nothing holds this.")}</p>
      {groups.size > 0 && <div class="sheet hits">
        {[...groups].map(([key, hits]) => <section key={key}>
          <h3>{KIND_WORDS[hits[0].item.kind]} {hits[0].item.name} <span class="note">{plural(hits.length, "place")}</span></h3>
          <ul>{hits.map((hit, i) => <HitLine key={i} hit={hit} />)}</ul>
        </section>)}
      </div>}
      {isPreview && <ReplaceDialog service={service} query={query} replacement={replacement}
        onClose={() => { setPreview(false); setRound(round + 1); }} />}
    </>
  );
}

// A unified diff as the two sides of what it shows.
function PatchView({diff}: {diff: string}) {
  const sides: [string[], string[]] = [[], []];
  for (const line of diff.replace(/\n$/, "").split("\n")) {
    const rest = line.slice(1);
    if (line.startsWith("@@")) {
      if (sides[0].length || sides[1].length) sides.forEach((side) => side.push("\u2026"));
    } else if (line.startsWith("-")) sides[0].push(rest);
    else if (line.startsWith("+")) sides[1].push(rest);
    else if (line.startsWith(" ")) sides.forEach((side) => side.push(rest));
  }
  return <DiffView before={sides[0].join("\n")} after={sides[1].join("\n")} titles={["Now", "Then"]} isPart />;
}

const decoder = new TextDecoder();

// Places within the excerpt are in bytes.
function HitLine({hit}: {hit: api.Hit}) {
  const bytes = new TextEncoder().encode(hit.excerpt);
  const [before, at, after] = [bytes.slice(0, hit.begin), bytes.slice(hit.begin, hit.end), bytes.slice(hit.end)].map((part) => decoder.decode(part));
  const {service, kind, name} = hit.item;
  const link = kind === "secret" ? to(service, kind) : to(service, kind, name, "", hit.line ? {line: String(hit.line)} : {});
  return (
    <li><span class="note">{hit.line ? `line ${hit.line}` : "name"}</span>
      <a class="mono" href={link}>{before.trimStart()}<mark>{at}</mark>{after}</a>
      {hit.rule ? <Mark>{hit.rule}</Mark> : <span />}</li>
  );
}

function ReplaceDialog({service, query, replacement, onClose}: {service: string; query: api.Query; replacement: string; onClose: () => void}) {
  const [preview, setPreview] = useState<api.ReplacePreview | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [why, setWhy] = useState("");
  const [isBusy, setBusy] = useState(false);
  useEffect(() => { api.previewReplace(service, query, replacement).then(setPreview, setError); }, []);
  const may = !!preview && preview.report.ok && preview.edits.length > 0 && why.trim() !== "" && !isBusy;
  const run = async () => {
    if (!may) return;
    setBusy(true);
    try {
      const done = await api.replace(service, query, replacement, why.trim(), preview!);
      onClose();
      if (done.proposal) toast("Kept as a proposal until somebody else approves it.");
      else toast(`Replaced in ${plural(preview!.edits.length, "item")}, as change ${done.change}.`, undoing(service, done.change));
    } catch (caught) {
      setError(caught);
    }
    setBusy(false);
  };
  usePublishKey(run);
  return (
    <Dialog title="What would be replaced" broad onClose={onClose}>
      <WhyField value={why} onInput={setWhy} />
      <Failure error={error} />
      {!preview && !error && <p class="note" role="status">Trying it on a copy &hellip;</p>}
      {preview && !preview.edits.length && <Tell>Nothing would be different.</Tell>}
      {preview?.report.needsApproval && <Tell gravity="notice">Somebody else has to approve it, since it is about other teams' items or about many.</Tell>}
      {preview && preview.edits.length > 0 && <ReportView report={preview.report} />}
      {preview?.edits.slice(0, DIFFS_SHOWN).map((edit) => (
        <section key={edit.item.kind + edit.item.name} class="stack" aria-label={`${edit.item.kind} ${edit.item.name}`}>
          <h3>{KIND_WORDS[edit.item.kind]} {edit.item.name} {edit.isDeleted && <Mark look="harmed">moves away</Mark>}</h3>
          <PatchView diff={edit.diff} />
        </section>))}
      {preview && preview.edits.length > DIFFS_SHOWN && <p class="note">And {plural(preview.edits.length - DIFFS_SHOWN, "item more", "items more")}.</p>}
      <div class="foot">
        <span class="note">All of it, or nothing. One step undoes it.</span>
        <button onClick={onClose}>Not now</button>
        <button class="main" disabled={!may} onClick={run}>Replace in {plural(preview?.edits.length ?? 0, "item")} <kbd>Ctrl S</kbd></button>
      </div>
    </Dialog>
  );
}
