// Session: who is signed in here. The token is kept for this tab alone and goes with it.

const KEY = "turnout-token";
let token = sessionStorage.getItem(KEY) ?? "";
let onLost = () => {};

export const tokenNow = () => token;

export function keepToken(given: string) {
  token = given;
  if (given) sessionStorage.setItem(KEY, given);
  else sessionStorage.removeItem(KEY);
}

// Called when the manager no longer takes the token.
export function whenLost(called: () => void) {
  onLost = called;
}

export function loseToken() {
  keepToken("");
  onLost();
}
