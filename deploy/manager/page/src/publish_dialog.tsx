// The publish dialog: what the change means, why it is made, and who else has changed the same. It
// never publishes over what somebody else wrote without having shown it.

import {useEffect, useState} from "preact/hooks";
import * as api from "./api";
import {DiffView} from "./diff_view";
import {ReportView} from "./report_view";
import {IN_FULL, RolloutChoice, rolloutOf} from "./rollout_choice";
import {Dialog, Failure, Tell, Time, WhyField} from "./ui";
import {usePublishKey} from "./keys";

export interface Published {
  change: number;
  proposal: string;
  text: string | null;
}

export function PublishDialog({edit: asked, before, isStep, onDone, onMerge, onClose}: {
  edit: api.Edit; before: string; isStep?: boolean; onDone: (done: Published) => void;
  onMerge: (text: string, version: number) => void; onClose: () => void;
}) {
  const [report, setReport] = useState<api.Report | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [conflict, setConflict] = useState<api.Conflict | null>(null);
  const [why, setWhy] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [rollout, setRollout] = useState(IN_FULL);
  const [edit, setEdit] = useState(asked);

  const failed = (caught: unknown) => {
    if (caught instanceof api.ApiError && caught.conflicts.length) setConflict(caught.conflicts[0]);
    else {
      if (caught instanceof api.ApiError && caught.report) setReport(caught.report);
      setError(caught);
    }
  };
  // What is shown is what is published: with the rollout, if one was chosen.
  useEffect(() => {
    let isWanted = true;
    const tell = async () => {
      const text = rollout === IN_FULL || !asked.content ? null
        : await api.rolledOut(asked, {text: asked.content.text}, rolloutOf(rollout));
      const staged = text === null ? asked : {...asked, content: {text}};
      const told = await api.check(staged.service, [staged]);
      if (!isWanted) return;
      setEdit(staged);
      if (told.conflicts.length) setConflict(told.conflicts[0]);
      else setReport(told);
    };
    setReport(null);
    setError(null);
    tell().catch((caught) => isWanted && failed(caught));
    return () => { isWanted = false; };
  }, [rollout]);
  useEffect(() => { document.getElementById("why")?.focus(); }, []);

  const may = !!report && report.ok && why.trim() !== "" && !isBusy;
  const publish = async () => {
    if (!may) return;
    setBusy(true);
    setError(null);
    try {
      const done = await api.publish(edit.service, [edit], why.trim());
      onDone({change: done.change, proposal: done.proposal, text: edit.content?.text ?? null});
    } catch (caught) {
      failed(caught);
    }
    setBusy(false);
  };
  usePublishKey(publish);

  if (conflict) return <ConflictDialog conflict={conflict} mine={edit.content?.text ?? ""}
    onMerge={onMerge} onClose={onClose} />;
  const titles: [string, string] = [edit.expected ? `Now, version ${edit.expected}` : "Now: nothing", "To be published"];
  return (
    <Dialog title={`${edit.content ? "Publish" : "Delete"} ${edit.name}`} broad onClose={onClose}>
      <WhyField value={why} onInput={setWhy} />
      {edit.kind === "rules" && edit.content && !isStep && <RolloutChoice label="What it adds or changes is sent" value={rollout} onChange={setRollout} />}
      <Failure error={error} />
      {!report && !error && <p class="note" role="status">Trying the change: compiling, comparing, running its tests &hellip;</p>}
      {report?.needsApproval && <Tell gravity="notice">Somebody else has to approve it, since it is about other teams' items or about many. It is kept as a proposal until then.</Tell>}
      {report && <ReportView report={report} />}
      <details open={before.length < 40_000}>
        <summary>Line by line</summary>
        <DiffView before={before} after={edit.content?.text ?? ""} titles={titles} />
      </details>
      <div class="foot">
        <span class="note">{report && !report.ok ? "What doesn't hold can't be published."
          : why.trim() ? "" : "Say why, and it can go."}</span>
        <button onClick={onClose}>Not yet</button>
        <button class="main" disabled={!may} onClick={publish}>
          {isBusy ? "Publishing \u2026" : report?.needsApproval ? "Propose" : edit.content ? "Publish" : "Delete"} <kbd>Ctrl S</kbd></button>
      </div>
    </Dialog>
  );
}

export function ConflictDialog({conflict, mine, onMerge, onClose}: {
  conflict: api.Conflict; mine: string; onMerge: (text: string, version: number) => void; onClose: () => void;
}) {
  const [merged, setMerged] = useState(mine);
  const [line, setLine] = useState<api.ChangeLine | null>(null);
  const theirs = conflict.item;
  useEffect(() => {
    api.history(theirs.service, theirs).then((lines) => setLine(lines[0] ?? null), () => {});
  }, []);
  return (
    <Dialog title="Somebody else changed it meanwhile" broad onClose={onClose}>
      <Tell gravity="notice">
        {theirs.version
          ? <>You began from version {conflict.expected}; now it is version {theirs.version}
              {line && <> by <strong>{line.by}</strong>, <Time at={line.atMs} />: {line.why}</>}.</>
          : <>It has been deleted since you began.</>}
        {" "}Nothing of either is lost. Put together on the right what is to stand, then go on and publish that.
      </Tell>
      <DiffView before={theirs.content.text} after={mine} onEdit={setMerged}
        titles={[`Theirs, version ${theirs.version} (arrows take it over)`, "Yours, to be edited here"]} />
      <div class="foot">
        <button onClick={onClose}>Back to the editor</button>
        <button onClick={() => onMerge(theirs.content.text, theirs.version)}>Take theirs, drop mine</button>
        <button class="main" onClick={() => onMerge(merged, theirs.version)}>Go on with the right side</button>
      </div>
    </Dialog>
  );
}
