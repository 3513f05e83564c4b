// Onboard: a form by which a team gets its part of a service's events: what is typed is tried as a dry
// run, what would be made is shown before it is, and where to look afterwards.

import {useEffect, useMemo, useState} from "preact/hooks";
import {ApiError, Problem} from "./api";
import * as onboard from "./onboard_api";
import {Route} from "./route";
import {Dialog, Failure, Mark, Said, Tell, Waiting, useLoaded} from "./ui";
import {plural, shortNumber} from "./words";

const TRY_AFTER_MS = 500;
const ASK_AGAIN_MS = 2_000;
const KIND_TITLES: Record<string, string> = {topic: "Topic", acl: "Permission", quota: "Quota", rules: "Rules", object: "Kubernetes", file: "File"};
const STATES: Record<string, [string, string]> = {there: ["well", "is there"], make: ["notice", "to be made"], other: ["notice", "is another"], blocked: ["stopped", "in the way"]};
const EXAMPLE = '{\n  "type": ["payment.declined"]\n}\n';

interface Typed {team: string; owner: string; rate: number; to: string; match: string; why: string}

function wishOf(typed: Typed): {wish: onboard.Wish | null; problem: string} {
  const to = typed.to.split(/[\s,]+/).filter(Boolean);
  try {
    const match = JSON.parse(typed.match);
    const isWhole = typed.team && typed.owner && typed.rate > 0 && to.length > 0;
    return {wish: isWhole ? {...typed, to, match} : null, problem: ""};
  } catch (error) {
    return {wish: null, problem: `It is not valid JSON yet: ${(error as Error).message}`};
  }
}

export function OnboardView({route}: {route: Route}) {
  const service = route.service;
  const bounds = useLoaded(() => onboard.bounds(service), [service]);
  const [typed, setTyped] = useState<Typed>({team: "", owner: "", rate: 0, to: "", match: EXAMPLE, why: ""});
  const [plan, setPlan] = useState<onboard.Plan | null>(null);
  const [made, setMade] = useState<onboard.Plan | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const {wish, problem} = useMemo(() => wishOf(typed), [typed]);
  const change = (part: Partial<Typed>) => { setTyped((was) => ({...was, ...part})); setPlan(null); setMade(null); };

  useEffect(() => {
    if (!wish || made || isBusy) return;
    let isWanted = true;
    let timer = setTimeout(tryIt, TRY_AFTER_MS);
    function tryIt() {
      onboard.plan(service, wish!).then((answer) => {
        if (!isWanted) return;
        setPlan(answer);
        setError(null);
        // Routers were asked for events just now: they are here in a moment.
        if (answer.trial?.state === "asked") timer = setTimeout(tryIt, ASK_AGAIN_MS);
      }, (caught) => {
        if (!isWanted) return;
        if (caught instanceof ApiError && caught.status === 429) timer = setTimeout(tryIt, ASK_AGAIN_MS);
        else { setPlan(null); setError(caught); }
      });
    }
    return () => { isWanted = false; clearTimeout(timer); };
  }, [typed, made, isBusy]);

  const make = async (event: Event) => {
    event.preventDefault();
    if (!wish) return;
    setBusy(true);
    setError(null);
    try {
      setMade(await onboard.make(service, wish));
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  const isBlocked = !!plan?.steps.some((step) => step.state === "blocked");
  return (
    <>
      <div class="heading"><h1>Onboard a team</h1>
        <span class="note">Topics, permissions, a quota and rules, by one request; the same again changes nothing</span></div>
      <Waiting of={bounds} />
      {bounds.value && <form class="sheet pad stack" aria-labelledby="wish-title" onSubmit={make}>
        <h2 id="wish-title">What the team wants</h2>
        <div class="form">
          <label class="field"><span>Team</span><input type="text" value={typed.team} autocomplete="off" spellcheck={false} placeholder="fraud"
            onInput={(event) => change({team: event.currentTarget.value.trim()})} /></label>
          <label class="field wide"><span>Whom to call</span><input type="text" value={typed.owner} spellcheck={false} placeholder="fraud@example.com"
            onInput={(event) => change({owner: event.currentTarget.value.trim()})} /></label>
          <label class="field"><span>Events a second</span><input type="number" min={1} max={bounds.value.rateMax} value={typed.rate || ""}
            onInput={(event) => change({rate: Number(event.currentTarget.value) || 0})} /></label>
          <label class="field wide"><span>To these topics</span><input type="text" value={typed.to} spellcheck={false} placeholder={`${typed.team || "fraud"}.declined`}
            onInput={(event) => change({to: event.currentTarget.value})} /></label>
          <label class="field wide"><span>Why</span><input type="text" value={typed.why} placeholder="for whoever reads the history"
            onInput={(event) => change({why: event.currentTarget.value})} /></label>
        </div>
        <label class="field"><span>Which events, as a pattern</span>
          <textarea class="mono" rows={6} spellcheck={false} value={typed.match} aria-invalid={problem !== ""} aria-describedby="pattern-problem"
            onInput={(event) => change({match: event.currentTarget.value})} /></label>
        <p class="note" id="pattern-problem" role="status">{problem}</p>
        <p class="note">Up to {shortNumber(bounds.value.rateMax)} events a second; a topic gets a partition
          for each {shortNumber(bounds.value.perPartitionRate)} of them. Topics begin with the team&rsquo;s name and a dot.</p>
        <div class="actions"><button class="main" disabled={!wish || !plan || isBlocked || isBusy || !!made}>{isBusy ? "Making it \u2026" : "Make it"}</button></div>
      </form>}
      <div class="stack" aria-live="polite">
        <Failure error={error} />
        {error instanceof ApiError && <Problems problems={error.report?.problems ?? []} />}
        {error instanceof ApiError && onboard.stepsOf(error.body).length > 0 && <Steps steps={onboard.stepsOf(error.body)} title="How far it came" />}
        {made ? <Made made={made} /> : plan && !error && <>
          <Sampled trial={plan.trial} />
          <Steps steps={plan.steps} title="What there will be" /></>}
      </div>
      {bounds.value && <Teams service={service} teams={bounds.value.teams} />}
    </>
  );
}

function Problems({problems}: {problems: Problem[]}) {
  if (!problems.length) return null;
  return <ul>{problems.map((one, i) => <li key={i}><Said text={one.text} /></li>)}</ul>;
}

function Sampled({trial}: {trial: onboard.Trial | null}) {
  if (!trial) return null;
  if (trial.state === "asked") return <p class="note">Asking the routers for events to try it on &hellip;</p>;
  if (trial.state !== "here") return <p class="note">This is tried on no events: {trial.note || "no router shows any"}.</p>;
  if (trial.events === 0) return <p class="note">This is tried on no events: the source holds none that can be shown.</p>;
  return (
    <section class="sheet pad stack" aria-labelledby="trial-title">
      <h2 id="trial-title">On what passes just now</h2>
      <p>{trial.matched > 0 ? <Mark look="well">{trial.matched} of {plural(trial.events, "event")}</Mark> : <Mark look="notice">none of {plural(trial.events, "event")}</Mark>} would
        be routed. Fields that are masked can&rsquo;t match.</p>
      {trial.examples.map((text, i) => <pre key={i} tabIndex={0} aria-label={`Example ${i + 1}`}>{text}</pre>)}
    </section>
  );
}

function detailOf(step: onboard.Step): string {
  if (step.kind === "topic") return plural(step.partitions, "partition");
  if (step.kind === "quota") return `${shortNumber(step.bytesPerSecond)} bytes a second from each broker`;
  return "";
}

// `isBare`: without states, which are of making.
function Steps({steps, title, isBare}: {steps: onboard.Step[]; title: string; isBare?: boolean}) {
  return (
    <section class="sheet pad stack" aria-label={title}>
      <h2>{title}</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label={`${title}, step by step`}><table>
        <thead><tr><th scope="col">What</th><th scope="col">Which</th>{!isBare && <th scope="col">State</th>}<th scope="col">Note</th></tr></thead>
        <tbody>{steps.map((step) => <tr key={step.kind + step.name}>
          <td>{KIND_TITLES[step.kind] ?? step.kind}</td><td><code>{step.name}</code> {detailOf(step)}</td>
          {!isBare && <td><Mark look={STATES[step.state]?.[0]}>{STATES[step.state]?.[1] ?? step.state}</Mark></td>}<td class="note">{step.note}</td></tr>)}</tbody>
      </table></div>
    </section>
  );
}

function Committed({git}: {git: onboard.Commit | null}) {
  if (!git?.commit) return null;
  return (
    <section class="sheet pad stack" aria-label="The commit">
      <h2>Commit <code>{git.commit.slice(0, 12)}</code></h2>
      <p>On branch <code>{git.branch}</code> of <code>{git.repository}</code>. It holds once whoever follows the branch has applied it.</p>
      <ul>{git.files.map((file) => <li key={file}><code>{file}</code></li>)}</ul>
    </section>
  );
}

function Made({made}: {made: onboard.Plan}) {
  const said = made.git ? "It is committed. The first events arrive once the commit is applied." : "It is made. The first events arrive in a moment.";
  return (
    <>
      <Tell gravity="well">{made.outcome === "unchanged" ? "All of it was there already: nothing was changed." : said}</Tell>
      <section class="sheet pad stack" aria-label="Where to look">
        <h2>Where to look</h2>
        <ul>{made.links.map((link) => <li key={link.url}><a class="link" href={link.url}>{link.title}</a></li>)}</ul>
        {made.commands.map((one) => <div key={one.title} class="field"><span>{one.title}</span>
          <pre tabIndex={0} aria-label={one.title}>{one.command}</pre></div>)}
      </section>
      <Committed git={made.git} />
      <Steps steps={made.steps} title="What there is" />
    </>
  );
}

function Teams({service, teams}: {service: string; teams: string[]}) {
  const [leaving, setLeaving] = useState("");
  if (!teams.length) return null;
  return (
    <section class="sheet pad stack" aria-labelledby="teams-title">
      <h2 id="teams-title">Teams that were onboarded here</h2>
      <ul>{teams.map((team) => <li key={team}><code>{team}</code>{" "}
        <button onClick={() => setLeaving(team)} aria-label={`Take back ${team}`}>Take back</button></li>)}</ul>
      {leaving && <TakeBack service={service} team={leaving} onClose={() => setLeaving("")} />}
    </section>
  );
}

// What would go is shown first; it goes once the team's name is typed.
function TakeBack({service, team, onClose}: {service: string; team: string; onClose: () => void}) {
  const [records, setRecords] = useState(false);
  const [typed, setTyped] = useState("");
  const [plan, setPlan] = useState<onboard.Undone | null>(null);
  const [done, setDone] = useState<onboard.Undone | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    let isWanted = true;
    setPlan(null);
    setError(null);
    onboard.takeBack(service, team, records, true).then(
      (answer) => { if (isWanted) setPlan(answer); }, (caught) => { if (isWanted) setError(caught); });
    return () => { isWanted = false; };
  }, [service, team, records]);
  const takeBack = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      setDone(await onboard.takeBack(service, team, records, false));
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  if (done) {
    return (
      <Dialog title={`Take back ${team}`} broad onClose={onClose}>
        <Tell gravity={done.outcome === "undone" ? "well" : "notice"}>{done.outcome === "undone" ? "It is undone: nothing that was made is left." :
          "Its files are gone by a commit. Ask again once that is applied: then topics, permissions and the quota go."}</Tell>
        <Committed git={done.git} />
        <Steps steps={done.steps} title="What became of it" isBare />
        <div class="foot"><button class="main" onClick={onClose}>Close</button></div>
      </Dialog>
    );
  }
  return (
    <Dialog title={`Take back ${team}`} broad onClose={onClose}>
      <form class="stack" onSubmit={takeBack}>
        <Failure error={error} />
        {plan && <Steps steps={plan.steps} title="What will be removed" isBare />}
        <label class="check"><input type="checkbox" checked={records} onChange={(event) => setRecords(event.currentTarget.checked)} /> With
          the records that its topics still have (admins)</label>
        <label class="field"><span>Type {team} to have it removed</span><input type="text" value={typed} autocomplete="off" spellcheck={false}
          onInput={(event) => setTyped(event.currentTarget.value.trim())} /></label>
        <div class="foot"><button type="button" onClick={onClose}>Leave it</button>
          <button class="main" disabled={!plan || typed !== team || isBusy}>{isBusy ? "Removing it \u2026" : "Remove it"}</button></div>
      </form>
    </Dialog>
  );
}
