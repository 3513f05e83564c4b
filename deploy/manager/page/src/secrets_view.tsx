// Secrets: written here, never shown again.

import {useState} from "preact/hooks";
import * as api from "./api";
import {Route, to} from "./route";
import {Dialog, Failure, Time, Waiting, WhyField, toast, useLoaded} from "./ui";

export function SecretsView({route}: {route: Route}) {
  const loaded = useLoaded(() => api.items(route.service, "secret"), [route.service]);
  const [writing, setWriting] = useState<api.Item | "new" | null>(null);
  const all = loaded.value ?? [];
  return (
    <>
      <div class="heading"><h1>Secrets</h1><div class="actions push"><button onClick={() => setWriting("new")}>New secret</button></div></div>
      <p class="note">A secret is written here and never shown again, to anybody. Configs refer to it as <code>{"${secret:name}"}</code>; it is
        given only to the service accounts that it is bound to.</p>
      <Waiting of={loaded} />
      {loaded.value && !all.length && <p class="empty sheet">No secret is kept in this service yet.</p>}
      {all.length > 0 && <div class="scroll" tabIndex={0} role="region" aria-label="Secrets"><table>
        <thead><tr><th scope="col">Name</th><th scope="col">Given to</th><th scope="col">Last written</th><th scope="col"><span class="unseen">What can be done</span></th></tr></thead>
        <tbody>{all.map((item) => <tr key={item.name}>
          <th scope="row">{item.name}</th>
          <td class="long">{item.content.bound_to?.join(", ") || <span class="quiet">nobody</span>}</td>
          <td class="tight note">{item.atMs ? <>{item.by}, <Time at={item.atMs} /></> : `version ${item.version}`}</td>
          <td class="tight"><div class="actions"><button onClick={() => setWriting(item)}>Write anew</button>
            <a class="button" href={to(route.service, "history", item.name, "secret")}>History</a></div></td></tr>)}
        </tbody></table></div>}
      {writing && <SecretDialog service={route.service} item={writing === "new" ? null : writing}
        onClose={() => setWriting(null)} onDone={() => { setWriting(null); loaded.again(); }} />}
    </>
  );
}

function SecretDialog({service, item, onClose, onDone}: {service: string; item: api.Item | null; onClose: () => void; onDone: () => void}) {
  const [name, setName] = useState(item?.name ?? "");
  const [value, setValue] = useState("");
  const [bound, setBound] = useState(item?.content.bound_to?.join("\n") ?? "");
  const [why, setWhy] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const may = name && value && why.trim() && !isBusy;
  const write = async (event: Event) => {
    event.preventDefault();
    if (!may) return;
    setBusy(true);
    try {
      const done = await api.putSecret({service, kind: "secret", name}, value, bound.split(/[\s,]+/).filter(Boolean).sort(), item?.version ?? 0, why.trim());
      toast(done.proposal ? "Kept as a proposal until somebody else approves it." : `Secret ${name} is written.`);
      onDone();
    } catch (caught) {
      setError(caught);
    }
    setBusy(false);
  };
  return (
    <Dialog title={item ? `Write secret ${item.name} anew` : "A new secret"} onClose={onClose}>
      <form class="stack" onSubmit={write} autocomplete="off">
        {!item && <label class="field"><span>Its name</span>
          <input type="text" value={name} autofocus spellcheck={false} onInput={(event) => setName(event.currentTarget.value.trim())} /></label>}
        <label class="field"><span>The secret itself</span>
          <input type="password" value={value} autocomplete="new-password" autofocus={!!item} onInput={(event) => setValue(event.currentTarget.value)} /></label>
        <label class="field"><span>Service accounts that it is given to, one a line</span>
          <textarea rows={3} value={bound} spellcheck={false} placeholder="namespace/service-account" onInput={(event) => setBound(event.currentTarget.value)} /></label>
        <WhyField value={why} onInput={setWhy} />
        <Failure error={error} />
        <div class="foot"><button type="button" onClick={onClose}>Cancel</button><button class="main" disabled={!may}>Write it</button></div>
      </form>
    </Dialog>
  );
}
