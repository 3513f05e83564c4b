// Replay: one rule over a range of the source once more, as a job with a bar.

import {useState} from "preact/hooks";
import * as api from "./api";
import {JobList, NoPipeline, StartJob, useJobs} from "./job_parts";
import {Route} from "./route";
import {rulesIn} from "./rule_scan";
import {Waiting, useLoaded} from "./ui";

export function useRuleNames(service: string) {
  const files = useLoaded(() => api.items(service, "rules"), [service]);
  return (files.value ?? []).flatMap((file) => rulesIn(file.content.text).map((rule) => `${file.name}/${rule.name}`));
}

export function ReplayView({route}: {route: Route}) {
  const jobs = useJobs(route.service);
  const rules = useRuleNames(route.service);
  const [wish, setWish] = useState({rule: route.asks.get("rule") ?? "", from: "1d", to: "now", to_topic: "", rate: 0});
  const change = (part: Partial<typeof wish>) => setWish((was) => ({...was, ...part}));
  const isReady = wish.rule.includes("/") && !!wish.from.trim() && !!wish.to.trim();
  return (
    <>
      <div class="heading"><h1>Replay</h1>
        <span class="note">One rule over what the source still holds, each event once, beside live traffic</span></div>
      <Waiting of={jobs} />
      {jobs.value && !jobs.value.hasPipeline && <NoPipeline service={route.service} />}
      {jobs.value?.hasPipeline && <section class="sheet pad stack" aria-labelledby="new-title">
        <h2 id="new-title">A new replay</h2>
        <div class="form">
          <label class="field wide"><span>Rule</span><input type="text" list="rule-names" value={wish.rule} placeholder="team/name" autocomplete="off" spellcheck={false}
            onInput={(event) => change({rule: event.currentTarget.value.trim()})} />
            <datalist id="rule-names">{rules.map((rule) => <option value={rule} key={rule} />)}</datalist></label>
          <label class="field"><span>From</span><input type="text" list="from-ideas" value={wish.from} spellcheck={false} onInput={(event) => change({from: event.currentTarget.value.trim()})} />
            <datalist id="from-ideas"><option value="1h" /><option value="1d" /><option value="7d" /><option value="earliest" /></datalist></label>
          <label class="field"><span>To</span><input type="text" value={wish.to} spellcheck={false} onInput={(event) => change({to: event.currentTarget.value.trim()})} /></label>
          <label class="field"><span>Events a second, at most</span><input type="number" min={0} step={100} value={wish.rate || ""} placeholder="any"
            onInput={(event) => change({rate: Number(event.currentTarget.value) || 0})} /></label>
          <label class="field wide"><span>Into another topic</span><input type="text" value={wish.to_topic} placeholder="where the rule sends" spellcheck={false}
            onInput={(event) => change({to_topic: event.currentTarget.value.trim()})} /></label>
        </div>
        <p class="note">A time is <code>2026-11-20T08:00:00Z</code>, or <code>7d</code> for that long ago; <code>earliest</code>, <code>now</code>, or an offset.</p>
        <StartJob service={route.service} verb="Replay" isReady={isReady} onStarted={jobs.again} wish={{kind: "replay", ...wish}} />
      </section>}
      {jobs.value && <JobList service={route.service} kind="replay" jobs={jobs.value} again={jobs.again} />}
    </>
  );
}
