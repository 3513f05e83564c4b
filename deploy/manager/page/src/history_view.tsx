// History of a service or of one item: who, when, why, and what was different, side by side; any
// version can be put back, any change undone.

import {useEffect, useState} from "preact/hooks";
import * as api from "./api";
import {DiffView} from "./diff_view";
import {undoing} from "./editor_view";
import {PublishDialog} from "./publish_dialog";
import {ReportView} from "./report_view";
import {Route, go, to} from "./route";
import {Dialog, Failure, Mark, Tell, Time, Waiting, WhyField, toast, useLoaded} from "./ui";
import {KIND_WORDS, plural} from "./words";

export function HistoryView({route}: {route: Route}) {
  const {service, name} = route;
  const ref: api.ItemRef | null = name ? {service, kind: (route.tab || "rules") as api.Kind, name} : null;
  const [more, setMore] = useState<api.ChangeLine[]>([]);
  const [isAll, setAll] = useState(false);
  const first = useLoaded(() => api.history(service, ref), [service, name, route.tab, route.asks.get("change")]);
  useEffect(() => { setMore([]); setAll(false); }, [service, name, route.tab]);
  const lines = [...(first.value ?? []), ...more.filter((line) => !first.value?.some((one) => one.number === line.number))];
  const chosen = Number(route.asks.get("change")) || lines[0]?.number || 0;
  const older = () => api.history(service, ref, lines[lines.length - 1].number)
      .then((next) => next.length ? setMore([...more, ...next]) : setAll(true));
  const link = (number: number) => to(service, "history", name, route.tab, {change: String(number)});
  return (
    <>
      <div class="heading">
        <h1>{ref ? <>History <span class="quiet">of</span> <a href={to(service, ref.kind, name)}>{KIND_WORDS[ref.kind]} {name}</a></> : "History"}</h1>
        {ref && <a class="button push" href={to(service, "history")}>All of {service}</a>}
      </div>
      <Waiting of={first} />
      {first.value && !lines.length && <p class="empty sheet">Nothing has been changed here yet.</p>}
      {lines.length > 0 && <div class="split">
        <nav class="sheet changes" aria-label="Changes, the newest first">
          {lines.map((line) => (
            <a class="change" key={line.number} href={link(line.number)} aria-current={line.number === chosen ? "true" : undefined}>
              <span class="why">{line.why || "No reason was given"}</span>
              <span class="note">{line.by}, <Time at={line.atMs} /></span>
              <span class="note">change {line.number}, {line.items.length === 1 ? `${KIND_WORDS[line.items[0].kind]} ${line.items[0].name}`
                : plural(line.items.length, "item")}{line.reverts ? `, undoes ${line.reverts}` : ""}</span>
            </a>))}
          {!isAll && lines.length >= api.HISTORY_PAGE && <p class="pad"><button onClick={older}>Older ones</button></p>}
        </nav>
        {chosen > 0 && <ChangeView key={chosen} service={service} number={chosen} only={ref}
          undo={route.asks.get("undo") === "1"} />}
      </div>}
    </>
  );
}

const SHOWN_AT_FIRST = 8;

function ChangeView({service, number, only, undo}: {service: string; number: number; only: api.ItemRef | null; undo: boolean}) {
  const loaded = useLoaded(() => api.change(service, number), [service, number]);
  const [isUndoing, setUndoing] = useState(undo);
  const [shown, setShown] = useState(SHOWN_AT_FIRST);
  const [isPast, setPast] = useState(false);
  const one = loaded.value;
  if (!one) return <Waiting of={loaded} />;
  const edits = one.edits.filter((edit) => !only || (edit.item.kind === only.kind && edit.item.name === only.name));
  return (
    <section class="stack" aria-label={`Change ${number}`}>
      <div class="sheet pad stack">
        <div class="heading">
          <h2>{one.why || "No reason was given"}</h2>
          <button class="push" onClick={() => setUndoing(true)}>Undo this change &hellip;</button>
        </div>
        <p class="note">Change {number} by {one.by}, <Time at={one.atMs} />
          {one.approvedBy.length > 0 && `, approved by ${one.approvedBy.join(", ")}`}
          {one.reverts && <>, undoes <a href={to(service, "history", "", "", {change: String(one.reverts)})}>change {one.reverts}</a></>}</p>
        <label class="check"><input type="checkbox" checked={isPast} onChange={(event) => setPast(event.currentTarget.checked)} />
          Compare with what stands now, not with what was before</label>
      </div>
      {edits.slice(0, shown).map((edit) => <EditDiff key={edit.item.kind + edit.item.name} edit={edit} number={number} withNow={isPast} />)}
      {edits.length > shown && <button onClick={() => setShown(shown + 20)}>{plural(edits.length - shown, "more item")}</button>}
      {isUndoing && <UndoDialog service={service} number={number} onClose={() => setUndoing(false)} />}
    </section>
  );
}

function EditDiff({edit, number, withNow}: {edit: api.Change["edits"][0]; number: number; withNow: boolean}) {
  const {item} = edit;
  const isSecret = item.kind === "secret";
  const other = useLoaded(() => isSecret ? Promise.resolve(null) : withNow ? api.item(item)
      : edit.before ? api.item(item, edit.before) : Promise.resolve(null), [item.name, number, withNow]);
  // What is to stand again, over what stands now.
  const [restoring, setRestoring] = useState<{now: api.Item | null; content: api.Content} | null>(null);
  const text = edit.content?.text ?? "";
  const otherText = other.value?.content.text ?? "";
  const version = other.value?.version ?? 0;
  return (
    <article class="stack" aria-label={`${KIND_WORDS[item.kind]} ${item.name}`}>
      <div class="heading">
        <h3><a href={isSecret ? to(item.service, "secret") : to(item.service, item.kind, item.name)}>{KIND_WORDS[item.kind]} {item.name}</a></h3>
        {!edit.before && <Mark look="well">new</Mark>}
        {!edit.content && <Mark look="harmed">deleted</Mark>}
        {!isSecret && edit.content && <button class="plain push" onClick={() => api.item(item).then((now) => setRestoring({now, content: edit.content!}))}>Put this version back &hellip;</button>}
      </div>
      <Waiting of={other} />
      {isSecret && <p class="note">A secret was written. Nobody can read it here, and its versions are not compared.</p>}
      {!isSecret && other.value !== undefined && (withNow
        ? <DiffView before={text} after={otherText} titles={[`Version ${number}`, version ? `Now, version ${version}` : "Now: deleted"]} />
        : <DiffView before={otherText} after={text} titles={[edit.before ? `Before, version ${edit.before}` : "Before: nothing", edit.content ? `Version ${number}` : "Deleted"]} />)}
      {restoring && <PublishDialog key={restoring.now?.version} before={restoring.now?.content.text ?? ""} onClose={() => setRestoring(null)}
        edit={{...item, content: restoring.content, expected: restoring.now?.version ?? 0}}
        onMerge={(merged) => api.item(item).then((now) => setRestoring({now, content: {...restoring.content, text: merged}}))}
        onDone={(done) => {
          setRestoring(null);
          if (done.change) {
            toast(`Version ${number} stands again, as change ${done.change}.`, undoing(item.service, done.change));
            go(to(item.service, "history", item.name, item.kind, {change: String(done.change)}));
          } else if (done.proposal) toast("Kept as a proposal until somebody else approves it.");
          else toast("That is what stands already.");
        }} />}
    </article>
  );
}

export function UndoDialog({service, number, onClose}: {service: string; number: number; onClose: () => void}) {
  const [why, setWhy] = useState(`Undo of change ${number}: `);
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const report = useLoaded(() => api.checkRevert(service, number), [number]);
  const conflicts = report.error instanceof api.ApiError ? report.error.conflicts : [];
  const run = async () => {
    setBusy(true);
    try {
      const done = await api.revert(service, number, why.trim());
      onClose();
      toast(done.proposal ? "Kept as a proposal until somebody else approves it." : `Change ${number} is undone, as change ${done.change}.`);
      if (done.change) go(to(service, "history", "", "", {change: String(done.change)}));
    } catch (error) {
      setFailure(error);
    }
    setBusy(false);
  };
  return (
    <Dialog title={`Undo change ${number}`} broad onClose={onClose}>
      <WhyField value={why} onInput={setWhy} />
      <Failure error={failure} />
      {conflicts.length > 0
        ? <Tell gravity="notice">It can't be undone in one step: {conflicts.map((one) => `${KIND_WORDS[one.item.kind]} ${one.item.name}`).join(", ")}{" "}
            {conflicts.length === 1 ? "has" : "have"} been changed since. Put the older versions back one by one instead.</Tell>
        : <Waiting of={report} />}
      {report.value && <ReportView report={report.value} />}
      <div class="foot"><button onClick={onClose}>Not now</button>
        <button class="main" disabled={!report.value?.ok || isBusy || !why.trim()} onClick={run}>Undo it</button></div>
    </Dialog>
  );
}
