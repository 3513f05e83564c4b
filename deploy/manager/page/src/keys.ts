// Keys: what the keyboard does anywhere in the page. Nothing is taken from whoever types in a field,
// but for Ctrl-S and Escape.

import {useEffect, useLayoutEffect} from "preact/hooks";

export const PLACE_KEYS: [string, string, string][] = [
  ["r", "rules", "Rules"], ["t", "tests", "Tests"], ["h", "history", "History"], ["s", "search", "Search and replace"],
  ["p", "routers", "Router pods"], ["v", "config", "Values"], ["l", "pipeline", "Pipelines"],
  ["k", "secret", "Secrets"], ["n", "onboard", "Onboard a team"], ["b", "replay", "Replay"], ["d", "dead-letters", "Dead letters"], ["o", "proposals", "Proposals"], ["a", "audit", "Audit"],
];

function isTyping(event: KeyboardEvent) {
  const target = event.composedPath()[0] as HTMLElement;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName ?? "");
}

export interface KeyActions {
  place: (place: string) => void;
  search: () => void;
  help: () => void;
}

const G_PATIENCE_MS = 1500;

export function useKeys(actions: KeyActions) {
  useEffect(() => {
    let gAt = 0;
    const pressed = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "s") {
        event.preventDefault();
        dispatchEvent(new Event("turnout-publish"));
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
      if (document.querySelector("dialog[open]")) return;
      if (event.timeStamp - gAt < G_PATIENCE_MS) {
        gAt = 0;
        const place = PLACE_KEYS.find(([key]) => key === event.key);
        if (place) {
          event.preventDefault();
          actions.place(place[1]);
          return;
        }
      }
      if (event.key === "g") gAt = event.timeStamp;
      else if (event.key === "?") actions.help();
      else if (event.key === "/") {
        event.preventDefault();
        actions.search();
      }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  });
}

// Ctrl-S, wherever the focus is; at once of what is shown, not a moment later.
export function usePublishKey(run: () => void) {
  useLayoutEffect(() => {
    addEventListener("turnout-publish", run);
    return () => removeEventListener("turnout-publish", run);
  });
}
