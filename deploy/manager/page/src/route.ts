// Route: where in the page one is, as it stands behind the # of the address:
// #/SERVICE/PLACE/NAME/TAB?key=value

import {useEffect, useState} from "preact/hooks";

export interface Route {
  service: string;
  place: string;
  name: string;
  tab: string;
  asks: URLSearchParams;
}

export function readRoute(hash: string): Route {
  const [path, asked = ""] = hash.replace(/^#/, "").split("?");
  const parts = path.split("/").slice(1).map(safelyDecoded);
  const [service = "", place = "rules", name = "", tab = ""] = parts;
  return {service, place: place || "rules", name, tab, asks: new URLSearchParams(asked)};
}

function safelyDecoded(text: string) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function to(service: string, place: string, name = "", tab = "",
                   asks: Record<string, string> = {}) {
  const path = [service, place, name, tab].map(encodeURIComponent).join("/").replace(/\/+$/, "");
  const asked = new URLSearchParams(asks).toString();
  return `#/${path}${asked ? "?" + asked : ""}`;
}

// A page that has something unsaved says why one should stay, or an empty text.
let whyStay = () => "";
export function guardLeaving(why: () => string) {
  whyStay = why;
  return () => { whyStay = () => ""; };
}
export const staysBecause = () => whyStay();

export const go = (hash: string) => { location.hash = hash; };

export function useRoute(): Route {
  const [route, setRoute] = useState(() => readRoute(location.hash));
  useEffect(() => {
    let here = location.hash;
    const moved = () => {
      if (location.hash === here) return;
      const why = staysBecause();
      if (why && readRoute(here).name && !confirm(`${why} Leave all the same?`)) {
        history.replaceState(null, "", here);
        return;
      }
      here = location.hash;
      setRoute(readRoute(here));
    };
    const closing = (event: BeforeUnloadEvent) => { if (staysBecause()) event.preventDefault(); };
    addEventListener("hashchange", moved);
    addEventListener("beforeunload", closing);
    return () => {
      removeEventListener("hashchange", moved);
      removeEventListener("beforeunload", closing);
    };
  }, []);
  return route;
}
