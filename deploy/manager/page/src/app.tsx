// App: the frame around all places: sign-in, service, navigation, keys, help.

import {useEffect, useState} from "preact/hooks";
import * as api from "./api";
import {AuditView} from "./audit_view";
import {DeadLettersView} from "./dead_letters_view";
import {EditorView} from "./editor_view";
import {HistoryView} from "./history_view";
import {ItemsView} from "./items_view";
import {PLACE_KEYS, useKeys} from "./keys";
import {OnboardView} from "./onboard_view";
import {ProposalsView} from "./proposals_view";
import {ReplayView} from "./replay_view";
import {Route, go, to, useRoute} from "./route";
import {RoutersView} from "./routers_view";
import {RulesView} from "./rules_view";
import {SearchView} from "./search_view";
import {SecretsView} from "./secrets_view";
import {keepToken, keepWord, tokenNow, whenLost} from "./session";
import {SignIn} from "./sign_in";
import {Dialog, Toasts, Waiting, useLoaded} from "./ui";

const PLACES: [string, string][] = [
  ["rules", "Rules"], ["tests", "Tests"], ["history", "History"], ["search", "Search"], ["routers", "Routers"],
  ["onboard", "Onboard"], ["replay", "Replay"], ["dead-letters", "Dead letters"],
  ["config", "Values"], ["pipeline", "Pipelines"], ["secret", "Secrets"], ["proposals", "Proposals"], ["audit", "Audit"],
];
const LAST_SERVICE = "turnout-service";
const PROPOSALS_EVERY_MS = 20_000;

export function App() {
  const [isIn, setIn] = useState(tokenNow() !== "");
  const [wasLost, setLost] = useState(false);
  const [endsMs, setEnds] = useState(0);  // of the session; 0: it is a token
  whenLost(() => { setIn(false); setLost(true); });
  const enter = (ends: number) => { setEnds(ends); setIn(true); };
  const leave = async () => {
    if (endsMs) await api.signOut().catch(() => {});
    keepToken("");
    keepWord("");
    setLost(false);
    setIn(false);
  };
  return isIn ? <Frame endsMs={endsMs} onOut={leave} /> : <SignIn wasLost={wasLost} onIn={enter} />;
}

const timeText = (ms: number) => new Date(ms).toLocaleTimeString([], {hour: "2-digit", minute: "2-digit"});

function Frame({endsMs, onOut}: {endsMs: number; onOut: () => void}) {
  const route = useRoute();
  const [isHelp, setHelp] = useState(false);
  const me = useLoaded(api.whoami, []);
  const services = useLoaded(api.services, []);
  const known = services.value ?? [];
  const waiting = useLoaded(() => route.service ? api.proposals(route.service) : Promise.resolve([]), [route.service], PROPOSALS_EVERY_MS);
  const open = (waiting.value ?? []).filter((one) => one.state === "open").length;

  useEffect(() => {
    if (route.service || !known.length) return;
    const last = localStorage.getItem(LAST_SERVICE) ?? "";
    go(to(known.includes(last) ? last : known[0], "rules"));
  }, [services.value, route.service]);
  useEffect(() => { if (route.service) localStorage.setItem(LAST_SERVICE, route.service); }, [route.service]);
  useEffect(() => {
    const title = PLACES.find(([place]) => place === route.place)?.[1] ?? "";
    document.title = [route.name, title, route.service, "Turnout"].filter(Boolean).join(" \u00b7 ");
  }, [route]);
  // A new place is read from its beginning, by whoever looks and by whoever listens.
  useEffect(() => {
    const main = document.querySelector("main");
    if (main && !main.contains(document.activeElement)) main.focus({preventScroll: true});
  }, [route.service, route.place, route.name]);

  // Where the places don't fit beside each other, the one that is shown is scrolled into sight.
  useEffect(() => {
    document.querySelector("nav.places [aria-current]")?.scrollIntoView({block: "nearest", inline: "center"});
  }, [route.place]);

  useKeys({
    place: (place) => go(to(route.service, place)),
    search: () => {
      const field = document.querySelector<HTMLInputElement>("#filter, #search-text");
      if (field) field.focus();
      else go(to(route.service, "search"));
    },
    help: () => setHelp(true),
  });
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.querySelector("main")!.focus(); }}>To the content</a>
      <header class="bar">
        <p class="brand">Turnout</p>
        <label><span class="unseen">Service</span>
          <select value={route.service} onChange={(event) => go(to(event.currentTarget.value, route.place))}>
            {!known.includes(route.service) && <option value={route.service}>{route.service || "no service"}</option>}
            {known.map((name) => <option value={name}>{name}</option>)}</select></label>
        <div class="who"><span class="quiet">{me.value?.name}{endsMs > 0 && <span class="until"> until {timeText(endsMs)}</span>}</span>
          <button class="plain" onClick={() => setHelp(true)} aria-label="Help with the keyboard"><kbd>?</kbd></button>
          <button class="plain" onClick={onOut}>Sign out</button></div>
        <nav class="places" aria-label="Places"><ul>
          {PLACES.map(([place, title]) => <li key={place}>
            <a href={to(route.service, place)} aria-current={route.place === place ? "page" : undefined}>{title}
              {place === "proposals" && open > 0 && <> <span class="count">{open}<span class="unseen"> wait</span></span></>}</a></li>)}
        </ul></nav>
      </header>
      <main id="main" tabIndex={-1}>
        {!route.service ? services.value && !known.length ? <FirstService /> : <Waiting of={services} />
          : <Place key={`${route.service}/${route.place}`} route={route} onProposals={waiting.again} />}
      </main>
      <Toasts />
      {isHelp && <Help onClose={() => setHelp(false)} />}
    </>
  );
}

function Place({route, onProposals}: {route: Route; onProposals: () => void}) {
  switch (route.place) {
    case "rules": return route.name ? <EditorView route={route} /> : <RulesView route={route} />;
    case "tests":
    case "config":
    case "pipeline": return route.name ? <EditorView route={route} /> : <ItemsView route={route} />;
    case "settings": return <EditorView route={{...route, name: "service"}} />;
    case "history": return <HistoryView route={route} />;
    case "search": return <SearchView route={route} />;
    case "routers": return <RoutersView route={route} />;
    case "onboard": return <OnboardView route={route} />;
    case "replay": return <ReplayView route={route} />;
    case "dead-letters": return <DeadLettersView route={route} />;
    case "secret": return <SecretsView route={route} />;
    case "audit": return <AuditView route={route} />;
    case "proposals": return <ProposalsView route={route} onChanged={onProposals} />;
    default: return <p class="empty">There is no such place. <a href={to(route.service, "rules")}>Rules</a></p>;
  }
}

function FirstService() {
  const [name, setName] = useState("");
  return (
    <form class="sheet pad stack" onSubmit={(event) => { event.preventDefault(); if (name) go(to(name, "rules")); }}>
      <h1>No service yet</h1>
      <p>A service is what one pipeline's routers take their rules from. It is there as soon as something is published in it.</p>
      <div class="form"><label class="field wide"><span>Its name</span><input type="text" value={name} pattern="[A-Za-z0-9][A-Za-z0-9._\-]*"
        onInput={(event) => setName(event.currentTarget.value.trim())} /></label><button class="main">Begin</button></div>
    </form>
  );
}

const KEYS: [string, string][] = [["/", "to the filter, or to the search"], ["?", "this help"], ["Ctrl S", "publish, in the editor and in the dialog"],
  ["Esc", "closes a dialog"], ["\u2191 \u2193", "move in the list of rules (also j and k)"], ["\u2190 \u2192", "to the next team in the list"],
  ["Enter", "opens what the list is at"]];
const EDITOR_KEYS: [string, string][] = [["Ctrl Space", "completes"], ["Ctrl F", "finds in the file"], ["F8", "to the next problem"],
  ["Ctrl Z", "takes back what was typed"], ["Esc, Tab", "leaves the text"]];

function Help({onClose}: {onClose: () => void}) {
  const list = (keys: [string, string][]) => <dl>{keys.map(([key, what]) => <><dt><kbd>{key}</kbd></dt><dd>{what}</dd></>)}</dl>;
  return (
    <Dialog title="The keyboard" onClose={onClose}>
      <div class="keys">
        <section class="stack"><h3>Anywhere</h3>{list(KEYS)}<h3>In the editor</h3>{list(EDITOR_KEYS)}</section>
        <section class="stack"><h3>Places</h3>{list(PLACE_KEYS.map(([key, , title]) => [`g ${key}`, title]))}</section>
      </div>
      <div class="foot"><button class="main" onClick={onClose}>Close</button></div>
    </Dialog>
  );
}
