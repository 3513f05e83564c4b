// Dead letters: what was not delivered, by rule and kind, one by one where one may, and put back.

import {useState} from "preact/hooks";
import * as api from "./api";
import {JobList, NoPipeline, StartJob, useJobs} from "./job_parts";
import {useRuleNames} from "./replay_view";
import {Route} from "./route";
import {Dialog, Failure, Said, Time, Waiting, useLoaded} from "./ui";
import {plural} from "./words";

const KINDS = ["unreadable_event", "unroutable", "state_full", "record_too_large", "destination_unavailable", "poison"];
const REDRIVE_RATE = 1_000;

export function DeadLettersView({route}: {route: Route}) {
  const jobs = useJobs(route.service);
  return (
    <>
      <div class="heading"><h1>Dead letters</h1>
        <span class="note">What was not delivered and was not put back since</span></div>
      <Waiting of={jobs} />
      {jobs.value && !jobs.value.hasPipeline && <NoPipeline service={route.service} />}
      {jobs.value?.hasPipeline && <Letters service={route.service} asks={route.asks} onStarted={jobs.again} />}
      {jobs.value && <JobList service={route.service} kind="redrive" jobs={jobs.value} again={jobs.again} />}
    </>
  );
}

function Letters({service, asks, onStarted}: {service: string; asks: URLSearchParams; onStarted: () => void}) {
  const rules = useRuleNames(service);
  const [typed, setTyped] = useState<api.LetterFilter>({rule: asks.get("rule") ?? "", kind: "", reason: "", since: ""});
  const [filter, setFilter] = useState(typed);
  const [chosen, setChosen] = useState<api.LetterFilter | null>(null);
  const [shown, setShown] = useState<api.LetterFilter | null>(null);
  const groups = useLoaded(() => api.letterGroups(service, filter), [service, filter]);
  const all = groups.value ?? [];
  const change = (part: Partial<api.LetterFilter>) => setTyped((was) => ({...was, ...part}));
  const ofGroup = (group: api.LetterGroup): api.LetterFilter => ({...filter, kind: group.kind,
    rule: group.rules.includes("/") ? group.rules.split(",")[0] : filter.rule});
  const isSame = (group: api.LetterGroup) => JSON.stringify(chosen) === JSON.stringify(ofGroup(group));
  return (
    <section class="stack" aria-label="Dead letters by rule and kind">
      <form class="sheet pad form" onSubmit={(event) => { event.preventDefault(); setFilter({...typed}); setChosen(null); groups.again(); }}>
        <label class="field wide"><span>Rule or team</span><input type="text" id="filter" list="letter-rules" value={typed.rule} placeholder="all" autocomplete="off" spellcheck={false}
          onInput={(event) => change({rule: event.currentTarget.value.trim()})} />
          <datalist id="letter-rules">{rules.map((rule) => <option value={rule} key={rule} />)}</datalist></label>
        <label class="field"><span>Kind</span><select value={typed.kind} onChange={(event) => change({kind: event.currentTarget.value})}>
          <option value="">all</option>{KINDS.map((kind) => <option value={kind}>{kind}</option>)}</select></label>
        <label class="field wide"><span>Reason has in it</span><input type="text" value={typed.reason} spellcheck={false} onInput={(event) => change({reason: event.currentTarget.value})} /></label>
        <label class="field"><span>Since</span><input type="text" value={typed.since} placeholder="2h, 1d" spellcheck={false} onInput={(event) => change({since: event.currentTarget.value.trim()})} /></label>
        <button>Look</button>
      </form>
      <Waiting of={groups} />
      {groups.value && !all.length && <p class="empty sheet">No dead letters{filter.rule || filter.kind || filter.reason || filter.since ? " of these" : ""}.</p>}
      {all.length > 0 && <div class="scroll" tabIndex={0} role="region" aria-label="Dead letters"><table>
        <thead><tr><th scope="col">Rules</th><th scope="col">Kind</th><th scope="col">How many</th><th scope="col">Last</th><th scope="col">Such as</th><th scope="col"><span class="unseen">What can be done</span></th></tr></thead>
        <tbody>{all.map((group) => <tr key={group.kind + group.rules} data-chosen={isSame(group) ? "" : undefined}>
          <th scope="row">{group.rules === "-" ? "none" : group.rules}</th><td class="tight mono">{group.kind}</td><td class="tight">{group.count.toLocaleString("en")}</td>
          <td class="tight"><Time at={group.lastMs} /></td><td class="long">{group.reason === null ? <span class="note">for editors of the team</span> : <Said text={group.reason} />}</td>
          <td class="tight"><div class="actions"><button onClick={() => setShown(ofGroup(group))} aria-label={`Show ${group.kind} of ${group.rules}`}>Show</button>
            <button aria-pressed={isSame(group)} onClick={() => setChosen(isSame(group) ? null : ofGroup(group))} aria-label={`Put back ${group.kind} of ${group.rules}`}>Put back</button></div></td></tr>)}
        </tbody></table></div>}
      {chosen && <section class="sheet pad stack" aria-labelledby="redrive-title">
        <h2 id="redrive-title">Put back {chosen.kind} of {chosen.rule || "all teams"}</h2>
        <p class="note">Each goes on from where it stood, by what its rule is now; what fails once more is a new dead letter.</p>
        <StartJob service={service} verb="Put back" isReady onStarted={() => { setChosen(null); onStarted(); }} wish={{kind: "redrive", rule: chosen.rule, letter_kind: chosen.kind,
          reason: chosen.reason, since: chosen.since, rate: REDRIVE_RATE}} /></section>}
      {shown && <LettersDialog service={service} filter={shown} onClose={() => setShown(null)} />}
    </section>
  );
}

function LettersDialog({service, filter, onClose}: {service: string; filter: api.LetterFilter; onClose: () => void}) {
  const [hasPayload, setPayload] = useState(false);
  const letters = useLoaded(() => api.letters(service, filter, hasPayload), [service, hasPayload]);
  const all = letters.value ?? [];
  return (
    <Dialog title={`${filter.kind} of ${filter.rule || "all teams"}`} broad onClose={onClose}>
      <p class="note">{plural(all.length, "dead letter")}, the oldest first.</p>
      <label class="check"><input type="checkbox" checked={hasPayload} onChange={(event) => setPayload(event.currentTarget.checked)} />
        With keys and values, which goes to the audit log</label>
      <Failure error={letters.error} />
      {letters.value === undefined && !letters.error && <p class="empty" role="status">Asking Kafka &hellip;</p>}
      {all.length > 0 && <div class="scroll" tabIndex={0} role="region" aria-label="Dead letters, one by one"><table>
        <thead><tr><th scope="col">Where</th><th scope="col">Event of</th><th scope="col">Reason</th><th scope="col">Bytes</th>{hasPayload && <th scope="col">Key and value</th>}</tr></thead>
        <tbody>{all.map((one) => <tr key={`${one.partition}/${one.offset}`}>
          <th scope="row" class="mono">{one.partition}/{one.offset}</th><td class="tight"><Time at={one.atMs} /></td>
          <td class="long">{one.reason === null ? <span class="note">for editors of the team</span> : <Said text={one.reason} />}</td><td class="tight">{one.bytes.toLocaleString("en")}</td>
          {hasPayload && <td class="long mono">{one.value === null ? <span class="note">for editors of the team</span> : <>{one.key && <p class="note">{one.key}</p>}{one.value}</>}</td>}</tr>)}
        </tbody></table></div>}
      <div class="foot"><button class="main" onClick={onClose}>Close</button></div>
    </Dialog>
  );
}
