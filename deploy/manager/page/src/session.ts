// Session: who is signed in here: by a token, which is kept for this tab alone and goes with it, or
// by a cookie that no script sees, with a word that changes have to say.

const KEY = "turnout-token";
let token = sessionStorage.getItem(KEY) ?? "";
let word = "";
let onLost = () => {};

export const tokenNow = () => token;

export function keepToken(given: string) {
  token = given;
  if (given) sessionStorage.setItem(KEY, given);
  else sessionStorage.removeItem(KEY);
}

export const keepWord = (given: string) => { word = given; };

// What every call says of who makes it.
export const whoCalls = (): Record<string, string> =>
  token ? {Authorization: `Bearer ${token}`} : word ? {"X-Turnout-CSRF": word} : {};

// Called when the manager no longer takes the token, or the session has ended.
export function whenLost(called: () => void) {
  onLost = called;
}

export function loseSession() {
  keepToken("");
  keepWord("");
  onLost();
}
