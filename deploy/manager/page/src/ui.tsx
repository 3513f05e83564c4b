// What all places of the page are made of: dialogs, notes, times, loading.

import {ComponentChildren} from "preact";
import {useCallback, useEffect, useRef, useState} from "preact/hooks";
import {ApiError} from "./api";
import {ago, exactly} from "./words";

export function Time({at}: {at: number}) {
  if (!at) return <span>never</span>;
  return <time dateTime={new Date(at).toISOString()} title={exactly(at)}>{ago(at)}</time>;
}

export function Tell({gravity, children}: {gravity?: string; children: ComponentChildren}) {
  return <div class="tell" data-gravity={gravity}
    role={gravity === "stopped" || gravity === "harmed" ? "alert" : undefined}>{children}</div>;
}

// What stands between backticks is code.
export function Said({text}: {text: string}) {
  return <>{text.split("`").map((part, i) => i % 2 ? <code key={i}>{part}</code> : part)}</>;
}

export function Failure({error}: {error: unknown}) {
  if (!error) return null;
  const said = error instanceof ApiError ? error.message : String(error);
  return <Tell gravity="stopped"><Said text={said} /></Tell>;
}

export function Mark({look, children}: {look?: string; children: ComponentChildren}) {
  return <span class="mark" data-look={look}>{children}</span>;
}

export function Dialog({title, broad, onClose, children}:
    {title: string; broad?: boolean; onClose: () => void; children: ComponentChildren}) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current!;
    const before = document.activeElement as HTMLElement | null;
    dialog.showModal();
    dialog.querySelector<HTMLElement>("[autofocus], #dialog-title")?.focus();
    return () => before?.focus?.();
  }, []);
  return (
    <dialog ref={ref} class={broad ? "broad" : ""} aria-labelledby="dialog-title"
      onCancel={(event) => { event.preventDefault(); onClose(); }}>
      <div class="in">
        <h2 id="dialog-title" tabIndex={-1}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

export interface Loaded<T> {
  value: T | undefined;
  error: unknown;
  again: () => void;
}

// What `load` answers, asked again whenever `by` changes; answers that come late are dropped.
export function useLoaded<T>(load: () => Promise<T>, by: unknown[], everyMs = 0): Loaded<T> {
  const [state, setState] = useState<{value?: T; error?: unknown}>({});
  const [round, setRound] = useState(0);
  useEffect(() => {
    let isWanted = true;
    const ask = () => load().then(
        (value) => { if (isWanted) setState({value}); },
        (error) => { if (isWanted) setState((was) => ({value: was.value, error})); });
    ask();
    // Nobody looks at a hidden page; who comes back to it sees how things are now.
    const look = () => { if (!document.hidden) ask(); };
    const timer = everyMs ? setInterval(look, everyMs) : 0;
    if (everyMs) document.addEventListener("visibilitychange", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
      isWanted = false;
      clearInterval(timer);
    };
  }, [...by, round]);
  const again = useCallback(() => setRound((n) => n + 1), []);
  return {value: state.value, error: state.error, again};
}

export function Waiting({of}: {of: Loaded<unknown>}) {
  if (of.error) return <Failure error={of.error} />;
  if (of.value === undefined) return <p class="empty" role="status">Asking the manager &hellip;</p>;
  return null;
}

// Why: asked of whoever changes something.
export function WhyField({value, onInput, hint = "What the change is for, for whoever reads the history"}:
    {value: string; onInput: (why: string) => void; hint?: string}) {
  return (
    <label class="field"><span>Why</span>
      <textarea id="why" rows={2} value={value} maxLength={4000} placeholder={hint}
        onInput={(event) => onInput(event.currentTarget.value)} /></label>
  );
}

// --- notes that go away by themselves -------------------------------------------------------------

export interface Toast {
  id: number;
  text: string;
  action?: {title: string; run: () => void};
}
const TOAST_MS = 12_000;
let nextToast = 1;
let showToast: (toast: Toast) => void = () => {};

export function toast(text: string, action?: Toast["action"]) {
  showToast({id: nextToast++, text, action});
}

export function Toasts() {
  const [toasts, setToasts] = useState<Toast[]>([]);
  const drop = (id: number) => setToasts((all) => all.filter((one) => one.id !== id));
  showToast = (one) => {
    setToasts((all) => [...all.slice(-2), one]);
    setTimeout(() => drop(one.id), TOAST_MS);
  };
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.map((one) => (
        <div class="toast" key={one.id}>
          <span>{one.text}</span>
          {one.action && <button onClick={() => { drop(one.id); one.action!.run(); }}>
            {one.action.title}</button>}
        </div>))}
    </div>
  );
}
