// Parts of jobs that both places show: how far one is, what it came to, the form that starts one.

import {useEffect, useState} from "preact/hooks";
import * as api from "./api";
import {Failure, Mark, Said, Tell, Time, toast, useLoaded} from "./ui";
import {lasting, plural} from "./words";

export const JOBS_EVERY_MS = 1_000;

const LOOKS: Record<string, [string, string]> = {
  proposed: ["waits for a second person", "notice"], queued: ["queued", ""], counting: ["counting", ""], running: ["running", ""],
  done: ["done", "well"], failed: ["failed", "stopped"], cancelled: ["cancelled", ""],
};
const unitOf = (job: api.Job) => job.kind === "replay" ? "offset" : "dead letter";
export const isOver = (job: api.Job) => ["done", "failed", "cancelled"].includes(job.state);

// How far it is: of a job that has not been counted nobody knows.
export function Progress({job}: {job: api.Job}) {
  const share = job.total ? job.done / job.total : job.state === "done" ? 1 : 0;
  const percent = Math.floor(share * 100);
  const isKnown = job.total > 0 || job.state === "done";
  const rest = job.perSecond > 0 ? (job.total - job.done) / job.perSecond : 0;
  const said = !isKnown ? LOOKS[job.state][0]
    : `${job.done.toLocaleString("en")} of ${plural(job.total, unitOf(job))}`
      + (job.state === "running" && job.perSecond > 0 ? `, ${plural(job.perSecond, "event")} a second, about ${lasting(rest)} left` : "");
  return (
    <div class="progress">
      <progress max={100} value={isKnown ? percent : 0} aria-label={`${job.kind} ${job.number}`} aria-valuetext={said} data-look={LOOKS[job.state][1]} />
      <span class="note">{isKnown && `${percent} % \u00b7 `}{said}</span>
    </div>
  );
}

function resultOf(job: api.Job): string {
  const told = Object.entries({sent: "sent", matched: "matched", dead_letters: "dead-lettered", unreadable: "unreadable", left: "left where they are"})
      .filter(([name]) => job.counts[name]).map(([name, words]) => `${job.counts[name].toLocaleString("en")} ${words}`);
  return told.join(", ");
}

export function JobList({service, kind, jobs, again}: {service: string; kind: api.JobKind; jobs: api.Jobs; again: () => void}) {
  const [error, setError] = useState<unknown>(null);
  const all = jobs.jobs.filter((job) => job.kind === kind);
  const act = async (job: api.Job, what: "approve" | "cancel" | "resume") => {
    try {
      await api.actOnJob(service, job.number, what);
      setError(null);
    } catch (caught) {
      setError(caught);
    }
    again();
  };
  const title = kind === "replay" ? "Replays" : "Redrives";
  return (
    <section class="stack" aria-labelledby="jobs-title">
      <h2 id="jobs-title">{title}</h2>
      <Failure error={error} />
      {!all.length && <p class="empty sheet">None yet.</p>}
      {all.length > 0 && <div class="scroll" tabIndex={0} role="region" aria-label={title}><table>
        <thead><tr><th scope="col">What</th><th scope="col">State</th><th scope="col">How far</th><th scope="col">Who</th><th scope="col"><span class="unseen">What can be done</span></th></tr></thead>
        <tbody>{all.map((job) => <tr key={job.number}>
          <th scope="row">{job.rule || "all teams"} <span class="note">#{job.number}</span>
            <p class="note">{job.kind === "replay" ? `${job.from} to ${job.to}${job.toTopic ? `, into ${job.toTopic}` : ""}`
              : [job.letterKind, job.reason && `reason: ${job.reason}`, job.since && `since ${job.since}`].filter(Boolean).join(", ") || "all kinds"}</p></th>
          <td class="tight"><Mark look={LOOKS[job.state][1]}>{LOOKS[job.state][0]}</Mark></td>
          <td class="long">{job.state !== "proposed" && <Progress job={job} />}
            {resultOf(job) && <p class="note">{resultOf(job)}</p>}
            {job.error && <p class="note"><Said text={job.error} /></p>}</td>
          <td class="tight">{job.by}<p class="note"><Time at={job.createdMs} /></p></td>
          <td class="tight"><div class="actions">
            {job.state === "proposed" && <button onClick={() => act(job, "approve")}>Approve</button>}
            {!isOver(job) && <button class="grave" onClick={() => act(job, "cancel")} aria-label={`Cancel ${job.kind} ${job.number}`}>Cancel</button>}
            {(job.state === "failed" || job.state === "cancelled") && job.startedMs > 0
              && <button onClick={() => act(job, "resume")} aria-label={`Go on with ${job.kind} ${job.number}`}>Go on</button>}</div></td></tr>)}
        </tbody></table></div>}
    </section>
  );
}

export function NoPipeline({service}: {service: string}) {
  return <Tell gravity="notice">Nothing can be started here: the manager's config names no pipeline for {service}. An admin sets{" "}
    <code>services: {"{"} {service}: {"{"} pipeline: FILE {"}"} {"}"}</code>.</Tell>;
}

// Counts first, then starts what was counted; another wish is to be counted anew.
export function StartJob({service, wish, isReady, verb, onStarted}:
    {service: string; wish: api.JobWish; isReady: boolean; verb: string; onStarted: () => void}) {
  const [why, setWhy] = useState("");
  const [counted, setCounted] = useState<{by: string; total: number; left: number; needsApproval: boolean; range: string} | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const key = JSON.stringify(wish);
  const isCounted = counted?.by === key;
  useEffect(() => setError(null), [key]);
  const doing = async (run: () => Promise<void>) => {
    setBusy(true);
    try {
      await run();
      setError(null);
    } catch (caught) {
      setError(caught);
    }
    setBusy(false);
  };
  const count = () => doing(async () => setCounted({by: key, ...await api.countJob(service, wish)}));
  const start = () => doing(async () => {
    const job = await api.startJob(service, wish, why.trim());
    toast(job.state === "proposed" ? "It waits for a second person now." : `Started as job ${job.number}.`);
    setCounted(null);
    onStarted();
  });
  const unit = wish.kind === "replay" ? "offset" : "dead letter";
  return (
    <div class="stack">
      <Failure error={error} />
      <div role="status">{isBusy && !isCounted ? <p class="note">Asking Kafka &hellip;</p> : isCounted && <Tell gravity={counted!.total ? "well" : "notice"}>
        <strong>{plural(counted!.total, unit)}</strong>{wish.kind === "replay" ? " would be read." : " would be put back."}
        {counted!.left > 0 && ` ${counted!.left.toLocaleString("en")} can't be put back.`}
        {counted!.needsApproval && " A second person is to approve it."} <span class="note">{counted!.range}</span></Tell>}</div>
      <div class="form"><label class="field wide"><span>Why</span><input type="text" value={why} maxLength={400} onInput={(event) => setWhy(event.currentTarget.value)} /></label>
        <button disabled={!isReady || isBusy} onClick={count}>Count</button>
        <button class="main" disabled={!isCounted || !counted!.total || !why.trim() || isBusy} onClick={start}>{verb}</button></div>
    </div>
  );
}

export const useJobs = (service: string) => useLoaded(() => api.jobs(service), [service], JOBS_EVERY_MS);
