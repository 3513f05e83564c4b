// Rules by team: one long list of which only what can be seen is in the document, so that 10,000
// rules scroll as ten do.

import {useEffect, useLayoutEffect, useMemo, useRef, useState} from "preact/hooks";
import * as api from "./api";
import {NewItem} from "./editor_view";
import * as live from "./live_api";
import {Route, go, to} from "./route";
import {ListedRule, rulesIn} from "./rule_scan";
import {Time, Waiting, useLoaded} from "./ui";
import {perSecond, plural, shortNumber} from "./words";

const ROW_PX = 44;
const ROWS_BEYOND = 12;
const RATES_EVERY_MS = 4_000;
const PAGE_ROWS = 12;

type Row = {team: api.Item; rules: number; rule?: undefined} | {team: api.Item; rule: ListedRule; rules: number};

// What was read of a file stays while its version does.
const readFiles = new Map<string, {version: number; rules: ListedRule[]}>();
function rulesOf(item: api.Item): ListedRule[] {
  const key = `${item.service}/${item.name}`;
  const known = readFiles.get(key);
  if (known && known.version === item.version) return known.rules;
  const rules = rulesIn(item.content.text);
  readFiles.set(key, {version: item.version, rules});
  return rules;
}

function rowsOf(files: api.Item[], filter: string): Row[] {
  const wanted = filter.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const rows: Row[] = [];
  for (const team of files) {
    const all = rulesOf(team);
    const found = !wanted.length ? all : all.filter((rule) => {
      const text = `${team.name}/${rule.name} ${rule.to} ${rule.about} ${rule.rollout}`.toLowerCase();
      return wanted.every((word) => text.includes(word));
    });
    if (!found.length && wanted.length && !wanted.every((word) => team.name.toLowerCase().includes(word))) continue;
    rows.push({team, rules: found.length});
    for (const rule of found) rows.push({team, rule, rules: 0});
  }
  return rows;
}

export function RulesView({route}: {route: Route}) {
  const files = useLoaded(() => api.items(route.service, "rules"), [route.service], 15_000);
  const rates = useLoaded(() => live.live(route.service), [route.service], RATES_EVERY_MS);
  const [filter, setFilter] = useState(route.asks.get("filter") ?? "");
  const [isNew, setNew] = useState(false);
  const rows = useMemo(() => rowsOf(files.value ?? [], filter), [files.value, filter]);
  const shown = rows.reduce((sum, row) => sum + row.rules, 0);
  const teams = files.value ?? [];
  return (
    <>
      <div class="heading">
        <h1>Rules</h1>
        <span class="note" role="status">{files.value && `${plural(shown, "rule")} of ${plural(
            rows.filter((row) => !row.rule).length, "team")}`}</span>
        <div class="actions push">
          <label><span class="unseen">Show rules whose name, destination or description holds</span>
            <input type="search" id="filter" placeholder="Filter" value={filter} autocomplete="off" spellcheck={false}
              onInput={(event) => setFilter(event.currentTarget.value)} /></label>
          <button onClick={() => setNew(true)}>New team</button>
        </div>
      </div>
      <Waiting of={files} />
      {files.value && !rows.length && <p class="empty sheet">{teams.length
        ? "No rule holds all of these words."
        : "No team has rules in this service yet. Begin with a new team: the editor offers a first rule to change."}</p>}
      {rows.length > 0 && <VirtualList rows={rows} service={route.service} rates={ratesOf(rates.value)} />}
      {isNew && <NewItem service={route.service} kind="rules" known={teams.map((team) => team.name)} onClose={() => setNew(false)} />}
    </>
  );
}

const linkOf = (service: string, row: Row) =>
    to(service, "rules", row.team.name, "", row.rule ? {line: String(row.rule.line)} : {});

// Null: no router tells what rules do.
type Rates = {rule: (id: string) => live.Rate; team: (name: string) => live.Rate} | null;
const NO_RATE: live.Rate = {rule: "", matchedPerS: 0, sentPerS: 0, parkedPerS: 0, deadLetteredPerS: 0, errorsPerS: 0, errors: 0};
function ratesOf(told: live.Live | undefined): Rates {
  if (!told?.pods.some((pod) => !pod.isSilent)) return null;
  const teams = new Map<string, live.Rate>();
  for (const rate of told.rules.values()) {
    const team = rate.rule.slice(0, rate.rule.indexOf("/"));
    const sum = teams.get(team) ?? NO_RATE;
    teams.set(team, {...sum, matchedPerS: sum.matchedPerS + rate.matchedPerS, errorsPerS: sum.errorsPerS + rate.errorsPerS,
                     parkedPerS: sum.parkedPerS + rate.parkedPerS, errors: sum.errors + rate.errors});
  }
  return {rule: (id) => told.rules.get(id) ?? NO_RATE, team: (name) => teams.get(name) ?? NO_RATE};
}

function RateOf({rate}: {rate: live.Rate | undefined}) {
  if (!rate) return <span class="rate" />;
  return <span class="rate" title={`${perSecond(rate.matchedPerS)} matched a second; since the pods started ${plural(rate.errors, "error")}`}>
    {rate.errors > 0 && <span class="mark" data-look={rate.errorsPerS > 0 ? "harmed" : "notice"}>{shortNumber(rate.errors)}<span class="wordy"> {rate.errors === 1 ? "error" : "errors"}</span></span>}
    {rate.parkedPerS > 0 && <span class="mark" data-look="notice">parked</span>}
    <span class={rate.matchedPerS > 0 ? "" : "quiet"}>{perSecond(rate.matchedPerS)}/s</span></span>;
}

function VirtualList({rows, service, rates}: {rows: Row[]; service: string; rates: Rates}) {
  const box = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState({top: 0, height: 800});
  const [at, setAt] = useState(0);
  useLayoutEffect(() => {
    const element = box.current!;
    const look = () => setSeen({top: element.scrollTop, height: element.clientHeight});
    const watcher = new ResizeObserver(look);
    watcher.observe(element);
    element.addEventListener("scroll", look, {passive: true});
    look();
    return () => {
      watcher.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, []);
  useEffect(() => { setAt((now) => Math.min(now, rows.length - 1)); }, [rows]);

  const first = Math.max(0, Math.floor(seen.top / ROW_PX) - ROWS_BEYOND);
  const last = Math.min(rows.length, Math.ceil((seen.top + seen.height) / ROW_PX) + ROWS_BEYOND);
  const move = (wanted: number) => {
    const row = Math.min(Math.max(wanted, 0), rows.length - 1);
    setAt(row);
    const element = box.current!;
    const top = row * ROW_PX;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + ROW_PX > element.scrollTop + element.clientHeight) element.scrollTop = top + ROW_PX - element.clientHeight;
  };
  const nextTeam = (by: number) => {
    for (let i = at + by; i >= 0 && i < rows.length; i += by) if (!rows[i].rule) return i;
    return at;
  };
  const pressed = (event: KeyboardEvent) => {
    const steps: Record<string, number> = {
      ArrowDown: at + 1, j: at + 1, ArrowUp: at - 1, k: at - 1, PageDown: at + PAGE_ROWS, PageUp: at - PAGE_ROWS,
      Home: 0, End: rows.length - 1, ArrowRight: nextTeam(1), ArrowLeft: nextTeam(-1)};
    if (event.key === "Enter" && event.target === box.current) go(linkOf(service, rows[at]));
    else if (event.key in steps) move(steps[event.key]);
    else return;
    event.preventDefault();
  };
  return (
    <div class="sheet rules" ref={box} tabIndex={0} role="listbox" aria-label="Rules by team: arrows move, Enter opens"
      aria-activedescendant={`row-${at}`} onKeyDown={pressed}>
      <div class="room" role="presentation" style={{height: `${rows.length * ROW_PX}px`}}>
        {rows.slice(first, last).map((row, i) => {
          const index = first + i;
          const common = {id: `row-${index}`, role: "option", tabIndex: -1, href: linkOf(service, row),
                          style: {top: `${index * ROW_PX}px`}, "aria-selected": index === at, "aria-setsize": rows.length,
                          "aria-posinset": index + 1, "data-at": index === at ? "" : undefined} as const;
          return row.rule
            ? <a class="row rule" key={index} {...common}>
                <span class="name">{row.rule.name}</span>
                <span class="quiet hide">{row.rule.about}</span>
                <span class="mono hide">{row.rule.to}</span>
                <RateOf rate={rates?.rule(`${row.team.name}/${row.rule.name}`)} />
                <span class="note last">{row.rule.rollout.includes("shadow") ? "shadow" : /\d/.exec(row.rule.rollout)
                  ? row.rule.rollout.replace(/percent:\s*/, "") + " %" : ""}</span>
              </a>
            : <a class="row team" key={index} {...common}>
                <strong>{row.team.name}</strong>
                <span class="note hide">{plural(row.rules, "rule")}</span>
                <RateOf rate={rates?.team(row.team.name)} />
                <span class="note last">{row.team.atMs > 0 ? <>{row.team.by}, <Time at={row.team.atMs} /></> : `version ${row.team.version}`}</span>
              </a>;
        })}
      </div>
    </div>
  );
}
