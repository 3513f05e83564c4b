// Elements of the page, and tables whose rows are kept. Whatever comes from the router is put in as
// text, never as HTML.

import {count} from "./numbers.js";

export const byId = (id) => document.getElementById(id);

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

// What stands between backticks is code: `workers`.
export function setSentence(element, text) {
  if (element.textContent === text.replaceAll("`", "")) return;
  element.replaceChildren(...text.split("`").map((part, i) => i % 2 ? make("code", "", part) : part));
}

// A cell: its text, and how it looks.
export const cell = (text, look = "") => ({text, look});
export const counted = (number, look = "") => cell(count(number), number ? look : "zero");

const knownRows = new Map();  // of each table, by their keys

// `columns`: [title, look]; the first is the row's name. Rows: {key, cells}; kept by their keys, so
// that what did not change is not touched.
export function showTable(id, columns, rows, whenEmpty) {
  const table = byId(id);
  if (!table.tHead) {
    const head = table.createTHead().insertRow();
    for (const [title, look] of columns) {
      const th = make("th", look || "", title);
      th.scope = "col";
      head.append(th);
    }
    table.createTBody();
    knownRows.set(id, new Map());
  }
  const body = table.tBodies[0];
  const known = knownRows.get(id);
  if (!rows.length) rows = [{key: "", cells: [cell(whenEmpty, "none")], span: columns.length}];
  const wanted = new Set(rows.map((row) => row.key));
  for (const [key, {element}] of known) {
    if (wanted.has(key)) continue;
    element.remove();
    known.delete(key);
  }
  rows.forEach((row, i) => {
    if (!known.has(row.key)) known.set(row.key, rowElement(row));
    const {element, parts} = known.get(row.key);
    row.cells.forEach((one, c) => {
      setText(parts[c].text, one.text);
      if (parts[c].cell.className !== one.look) parts[c].cell.className = one.look;
    });
    if (body.rows[i] !== element) body.insertBefore(element, body.rows[i] || null);
  });
}

function rowElement(row) {
  const element = make("tr");
  const parts = row.cells.map((_, i) => {
    const isName = i === 0 && !row.span;
    const text = make("span");
    const before = isName && row.before ? make("span", "team", row.before) : "";
    const cell = make(isName ? "th" : "td", "", before, text);
    if (isName) cell.scope = "row";
    if (row.span) cell.colSpan = row.span;
    element.append(cell);
    return {cell, text};
  });
  return {element, parts};
}
