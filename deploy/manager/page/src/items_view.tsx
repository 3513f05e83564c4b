// Values, pipelines, tests: a table of the items of one kind.

import {useState} from "preact/hooks";
import * as api from "./api";
import {NewItem} from "./editor_view";
import {Route, to} from "./route";
import {Mark, Time, Waiting, useLoaded} from "./ui";

const TITLES: Record<string, [string, string]> = {
  config: ["Values", "No value is kept in this service yet."],
  pipeline: ["Pipelines", "No pipeline is kept in this service yet."],
  tests: ["Tests", "No team has test cases in this service yet. They run at each publish of the team's rules."],
};
const EXCERPT = 120;

export function ItemsView({route}: {route: Route}) {
  const kind = route.place as api.Kind;
  const [title, nothing] = TITLES[kind];
  const loaded = useLoaded(() => api.items(route.service, kind), [route.service, kind]);
  const [filter, setFilter] = useState("");
  const [isNew, setNew] = useState(false);
  const all = loaded.value ?? [];
  const shown = all.filter((item) => `${item.name} ${item.content.text}`.toLowerCase().includes(filter.toLowerCase()));
  return (
    <>
      <div class="heading"><h1>{title}</h1>
        <div class="actions push">
          <label><span class="unseen">Show those whose name or text holds</span>
            <input type="search" id="filter" placeholder="Filter" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} /></label>
          <button onClick={() => setNew(true)}>New</button></div></div>
      <Waiting of={loaded} />
      {loaded.value && !shown.length && <p class="empty sheet">{all.length ? "None holds this." : nothing}</p>}
      {shown.length > 0 && <div class="scroll" tabIndex={0} role="region" aria-label={title}><table>
        <thead><tr><th scope="col">Name</th>{kind === "config" && <th scope="col">Type</th>}<th scope="col">{kind === "config" ? "Value" : "Begins"}</th><th scope="col">Last change</th></tr></thead>
        <tbody>{shown.map((item) => <tr key={item.name}>
          <th scope="row"><a href={to(route.service, kind, item.name)}>{item.name}</a></th>
          {kind === "config" && <td><Mark>{item.content.type ?? "string"}</Mark></td>}
          <td class="long mono">{item.content.text.slice(0, EXCERPT)}{item.content.text.length > EXCERPT && " \u2026"}</td>
          <td class="tight note">{item.atMs ? <>{item.by}, <Time at={item.atMs} /></> : `version ${item.version}`}</td></tr>)}
        </tbody></table></div>}
      {isNew && <NewItem service={route.service} kind={kind} known={all.map((item) => item.name)} onClose={() => setNew(false)} />}
    </>
  );
}
