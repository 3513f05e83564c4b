// SignIn: the way in: at one of the providers that the manager knows, or with a token.

import {useEffect, useState} from "preact/hooks";
import * as api from "./api";
import {keepToken, keepWord} from "./session";
import {Failure, Tell, useLoaded} from "./ui";

// What the address may say of a sign-in that came to nothing; no other text of an address is shown.
const PROBLEMS: Record<string, string> = {
  denied: "The provider did not let you in, or you turned back there. Your platform team knows who may come in.",
  elsewhere: "That sign-in was not begun in this browser at this address, took longer than ten minutes, or was used already. Sign in again.",
  refused: "What the provider said of you does not hold here. Sign in again; if that does not help, the manager's audit log has the reason.",
  unavailable: "The provider does not answer as it should. Try again in a moment; the manager's log has the reason.",
  busy: "Too many sign-ins came from your network just now. Try again in some seconds.",
};

// Once: it is gone from the address then.
function takeProblem(): string {
  const word = new URLSearchParams(location.search).get("problem");
  if (word === null) return "";
  history.replaceState(null, "", location.pathname + location.hash);
  return Object.hasOwn(PROBLEMS, word) ? PROBLEMS[word] : "";
}

// `onIn` is told when the session ends; 0: it is a token.
export function SignIn({wasLost, onIn}: {wasLost: boolean; onIn: (endsMs: number) => void}) {
  const [token, setToken] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [problem] = useState(takeProblem);
  const known = useLoaded(api.session, []);
  const providers = known.value?.providers ?? [];
  const signedIn = known.value?.signedIn;
  const [place, setPlace] = useState(location.hash);
  useEffect(() => {
    const moved = () => setPlace(location.hash);
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  useEffect(() => { document.title = "Sign in \u00b7 Turnout"; }, []);
  useEffect(() => {
    if (!signedIn) return;
    keepWord(signedIn.word);
    onIn(signedIn.endsMs);
  }, [signedIn]);
  const enter = async (event: Event) => {
    event.preventDefault();
    keepToken(token.trim());
    try {
      await api.whoami();
      onIn(0);
    } catch (caught) {
      keepToken("");
      setError(caught);
    }
  };
  // While it isn't known whether there is a session nothing is offered, so that nothing jumps.
  if (signedIn || (known.value === undefined && !known.error)) return <main class="signin" />;
  return (
    <main class="signin">
      <form onSubmit={enter}>
        <h1>Turnout</h1>
        <p>Rules, values and secrets of your teams' routers.</p>
        {problem && !error && <Tell gravity="stopped">{problem}</Tell>}
        {wasLost && !error && <p class="note">Your session has ended, or the manager no longer took the token that was used here.
          You go on where you were.</p>}
        <Failure error={error} />
        {providers.map((one) => <a key={one.issuer} class="button main" href={api.signInAddress(one, place)}>Sign in with {one.title}</a>)}
        {providers.length > 0 && <p class="or"><span>or with a token</span></p>}
        <label class="field"><span>Token</span>
          <input type="password" autofocus={!providers.length} value={token} autocomplete="off" spellcheck={false}
            onInput={(event) => setToken(event.currentTarget.value)} /></label>
        <button class={providers.length ? undefined : "main"} disabled={!token.trim()}>Sign in</button>
        <p class="note">Your platform team gives tokens. It is kept for this tab alone and is gone when you close it.</p>
      </form>
    </main>
  );
}
