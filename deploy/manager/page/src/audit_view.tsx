// Audit: who did or was refused what, and each time a secret was given out.

import {useState} from "preact/hooks";
import * as api from "./api";
import {Route} from "./route";
import {Mark, Time, Waiting, useLoaded} from "./ui";

// As the API names what it does.
const ACTIONS = ["post_change", "put_item", "delete_item", "restore_version", "revert_change", "replace", "approve_proposal",
                 "reject_proposal", "release_secret"];

export function AuditView({route}: {route: Route}) {
  const [asks, setAsks] = useState<Record<string, string>>({});
  const loaded = useLoaded(() => api.audit(route.service, asks), [route.service, JSON.stringify(asks)]);
  const ask = (key: string, value: string) => setAsks((was) => {
    const {[key]: _, ...rest} = was;
    return value ? {...rest, [key]: value} : rest;
  });
  const lines = loaded.value ?? [];
  return (
    <>
      <div class="heading"><h1>Audit</h1></div>
      <div class="form">
        <label class="field"><span>Who</span><input type="search" onChange={(event) => ask("by", event.currentTarget.value.trim())} /></label>
        <label class="field"><span>What was done</span>
          <select onChange={(event) => ask("action", event.currentTarget.value)}>
            <option value="">anything</option>{ACTIONS.map((action) => <option value={action}>{action.replaceAll("_", " ")}</option>)}</select></label>
        <label class="field"><span>Item, such as {route.service}/rules/TEAM</span><input type="search" onChange={(event) => ask("item", event.currentTarget.value.trim())} /></label>
        <label class="field"><span>Outcome</span>
          <select onChange={(event) => ask("outcome", event.currentTarget.value)}>
            <option value="">all</option><option value="done">done</option><option value="proposed">proposed</option><option value="refused">refused</option></select></label>
      </div>
      <Waiting of={loaded} />
      {loaded.value && !lines.length && <p class="empty sheet">The log has nothing of this.</p>}
      {lines.length > 0 && <div class="scroll" tabIndex={0} role="region" aria-label="Audit log"><table>
        <thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">What was done</th><th scope="col">To what</th><th scope="col">Outcome</th></tr></thead>
        <tbody>{lines.map((line, i) => <tr key={i}>
          <td class="tight note"><Time at={line.atMs} /></td>
          <th scope="row">{line.by || <span class="quiet">nobody known</span>}</th>
          <td>{line.action.replaceAll("_", " ")}</td>
          <td class="long">{line.item}</td>
          <td class="long">{line.outcome === "refused" ? <Mark look="harmed">refused</Mark> : <Mark>{line.outcome || "done"}</Mark>} <span class="note">{line.detail}</span></td></tr>)}
        </tbody></table></div>}
    </>
  );
}
