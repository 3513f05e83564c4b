// Proposals: changes that wait for somebody else's word.

import {useState} from "preact/hooks";
import * as api from "./api";
import {DiffView} from "./diff_view";
import {undoing} from "./editor_view";
import {ReportView} from "./report_view";
import {Route, to} from "./route";
import {Dialog, Failure, Mark, Tell, Time, Waiting, WhyField, toast, useLoaded} from "./ui";
import {KIND_WORDS, plural} from "./words";

export function ProposalsView({route, onChanged}: {route: Route; onChanged: () => void}) {
  const loaded = useLoaded(() => api.proposals(route.service), [route.service]);
  const [open, setOpen] = useState<api.Proposal | null>(null);
  const all = loaded.value ?? [];
  return (
    <>
      <div class="heading"><h1>Proposals</h1>
        <a class="button push" href={to(route.service, "settings", "service")}>Who may do what</a></div>
      <Waiting of={loaded} />
      {loaded.value && !all.length && <p class="empty sheet">Nothing waits for approval.</p>}
      {all.length > 0 && <div class="scroll" tabIndex={0} role="region" aria-label="Proposals"><table>
        <thead><tr><th scope="col">Why</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">State</th><th scope="col"><span class="unseen">What can be done</span></th></tr></thead>
        <tbody>{all.map((one) => <tr key={one.id}>
          <th scope="row">{one.why}</th><td class="tight">{one.by}, <span class="note"><Time at={one.atMs} /></span></td>
          <td class="long">{one.edits.length === 1 ? `${KIND_WORDS[one.edits[0].kind]} ${one.edits[0].name}` : plural(one.edits.length, "item")}</td>
          <td><Mark look={one.state === "open" ? "notice" : ""}>{one.state === "open" ? "waits" : one.state}</Mark> {one.decidedBy && <span class="note">by {one.decidedBy}</span>}</td>
          <td class="tight"><button onClick={() => setOpen(one)}>Look at it</button></td></tr>)}
        </tbody></table></div>}
      {open && <ProposalDialog service={route.service} proposal={open} onClose={() => setOpen(null)}
        onDone={() => { setOpen(null); loaded.again(); onChanged(); }} />}
    </>
  );
}

function ProposalDialog({service, proposal, onClose, onDone}: {service: string; proposal: api.Proposal; onClose: () => void; onDone: () => void}) {
  const [why, setWhy] = useState("");
  const [error, setError] = useState<unknown>(null);
  const isOpen = proposal.state === "open";
  // What a secret holds is shown to nobody, and so isn't here to be tried.
  const tried = proposal.edits.filter((edit) => edit.kind !== "secret");
  const report = useLoaded(() => isOpen && tried.length ? api.check(service, tried) : Promise.resolve(null), [proposal.id]);
  const isStale = !!report.value?.conflicts.length;
  const before = useLoaded(() => Promise.all(proposal.edits.map((edit) => edit.kind === "secret" || (!isOpen && !edit.expected) ? null : api.item(edit, isOpen ? 0 : edit.expected!))), [proposal.id]);
  const decide = async (isApproved: boolean) => {
    try {
      const done = isApproved ? await api.approve(service, proposal.id) : await api.reject(service, proposal.id, why.trim());
      toast(!done ? "The proposal is turned down." : done.change ? `Approved; published as change ${done.change}.` : "Approved.",
            done?.change ? undoing(service, done.change) : undefined);
      onDone();
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <Dialog title={proposal.why || `Proposal ${proposal.id}`} broad onClose={onClose}>
      <p class="note">By {proposal.by}, <Time at={proposal.atMs} />.{proposal.decidedBy && ` ${proposal.state} by ${proposal.decidedBy}.`}</p>
      <Failure error={error} />
      <Waiting of={report} />
      {isStale && <Tell gravity="notice">What it is about has been changed since it was proposed, so it can't be approved as it is. Turn it
        down, and have it proposed anew.</Tell>}
      {report.value && <ReportView report={report.value} />}
      {before.value && proposal.edits.map((edit, i) => <section class="stack" key={edit.kind + edit.name}>
        <h3>{KIND_WORDS[edit.kind]} {edit.name}</h3>
        {edit.kind === "secret" ? <p class="note">A secret is written; it is not shown.</p>
          : <DiffView before={before.value![i]?.content.text ?? ""} after={edit.content?.text ?? ""} titles={[isOpen ? "Now" : "Before", "Proposed"]} />}
      </section>)}
      {isOpen && <WhyField value={why} onInput={setWhy} hint="Why not, if you turn it down" />}
      <div class="foot"><button onClick={onClose}>Later</button>
        {isOpen && <>
          <button class="grave" disabled={!why.trim()} onClick={() => decide(false)}>Turn down</button>
          <button class="main" disabled={isStale || report.value === undefined || report.value?.ok === false} onClick={() => decide(true)}>Approve and publish</button></>}
      </div>
    </Dialog>
  );
}
