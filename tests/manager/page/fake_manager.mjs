// A stand-in for the manager while one works on the page: items in memory, changes, and a check that
// knows two faults. It answers as openapi.yaml says, as far as the page asks; it is no part of Turnout.
import http from "node:http";
import {readFileSync} from "node:fs";

const POLICY = "default-src 'none'; connect-src 'self'; img-src 'self' data:; script-src 'self'; "
    + "style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES = {html: "text/html; charset=utf-8", js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8"};
const REASONS_NAME = /^\s*- name: (\S+)/gm;

// All lines of texts with as many lines each.
function plainDiff(before, after) {
  const [old, now] = [before.split("\n"), after.split("\n")];
  return "@@ -1 +1 @@\n" + old.map((line, i) => line === now[i] ? ` ${line}\n` : `-${line}\n+${now[i]}\n`).join("");
}

export function fakeManager({dist, tokens}) {
  const items = new Map();     // id -> {content, version}
  const changes = [];          // {number, at_ms, by, why, edits}
  const proposals = [];
  const audit = [];
  const state = {items, changes, proposals, audit, routers: [], now: Date.now};

  const rulesOf = (text) => [...(text ?? "").matchAll(REASONS_NAME)].map((found) => found[1]);
  function check(edits) {
    const report = {problems: [], rules: [], tests: [], ok: true};
    for (const {id, content} of edits) {
      const [, kind, name] = id.split("/");
      const before = items.get(id)?.content.text;
      if (kind !== "rules") continue;
      (content?.text ?? "").split("\n").forEach((line, i) => {
        const at = line.search(/prefx/);
        if (at >= 0) report.problems.push({id, line: i + 1, column: at + 1, rule: `${name}/first`,
                                            text: "`prefx` is no operator (did you mean `prefix`?)"});
      });
      const [old, now] = [new Set(rulesOf(before)), new Set(rulesOf(content?.text))];
      for (const rule of now) if (!old.has(rule)) report.rules.push({rule: `${name}/${rule}`, effect: "added", parts: []});
      for (const rule of old) if (!now.has(rule)) report.rules.push({rule: `${name}/${rule}`, effect: "removed", parts: []});
      if (before && content && before !== content.text && now.size === old.size)
        report.rules.push({rule: `${name}/${[...now][0]}`, effect: "widened", parts: ["match"]});
      if (items.has(id.replace("/rules/", "/tests/")))
        report.tests.push({tests: id.replace("/rules/", "/tests/"), name: "a declined payment is told", line: 2, failures: []});
    }
    report.ok = !report.problems.length;
    return report;
  }
  function apply(by, why, edits, reverts) {
    const conflicts = edits.filter((edit) => edit.expected != null && edit.expected !== (items.get(edit.id)?.version ?? 0))
        .map((edit) => ({id: edit.id, theirs: items.has(edit.id) ? shown(edit.id) : null, expected: edit.expected}));
    if (conflicts.length) return {status: 409, body: {error: "somebody else changed it", conflicts}};
    const number = changes.length + 1;
    changes.push({number, at: new Date(state.now()).toISOString(), by, why, approved_by: [], ...(reverts ? {reverts} : {}), edits: edits.map((edit) =>
        ({id: edit.id, content: edit.content, before: items.get(edit.id)?.version ?? 0}))});
    for (const {id, content} of edits) {
      if (content) items.set(id, {content, version: number});
      else items.delete(id);
    }
    return {status: 200, body: {outcome: "done", change: number, report: check([])}};
  }
  state.apply = apply;
  const at = (id, version) => {
    const edit = changes[version - 1]?.edits.find((one) => one.id === id);
    return edit?.content ? {id, ...edit.content, version} : null;
  };
  const contentAt = (id, version) => version ? changes[version - 1].edits.find((one) => one.id === id).content : null;
  const shown = (id) => {
    const item = items.get(id);
    const content = id.includes("/secret/") ? {bound_to: item.content.bound_to} : item.content;
    return {id, ...content, version: item.version};
  };
  const summary = ({edits, ...rest}) => ({...rest, items: edits.map((edit) => edit.id)});

  function findAll(service, query) {
    const source = query.regex ? query.text : query.text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const expression = new RegExp(source, query.ignore_case ? "gi" : "g");
    const hits = [];
    for (const [id, {content}] of [...items].sort()) {
      if (!id.startsWith(service + "/")) continue;
      const [, kind, name] = id.split("/");
      if (query.in.includes("names") && name.match(expression))
        hits.push({id, in: "names", line: 0, excerpt: name, begin: name.search(expression), end: name.search(expression) + name.match(expression)[0].length});
      if (kind === "secret") continue;
      content.text.split("\n").forEach((line, i) => {
        const found = line.match(expression);
        if (found && found[0]) hits.push({id, in: "texts", line: i + 1, excerpt: line, begin: line.indexOf(found[0]), end: line.indexOf(found[0]) + found[0].length});
      });
    }
    return {hits: hits.slice(0, 1000), expression, items: new Set(hits.map((hit) => hit.id)).size, cut_off: hits.length > 1000};
  }

  async function answer(request, url, by, body) {
    const parts = url.pathname.split("/").slice(2).map(decodeURIComponent);
    const isDry = url.searchParams.get("dry_run") === "1";
    if (parts[0] === "whoami") return {status: 200, body: {name: by, kind: "person", grants: [{service: "*", team: "*", role: "admin"}]}};
    if (parts[0] === "audit") {
      const entries = audit.filter((line) => ["by", "action", "item", "outcome"].every((key) =>
          !url.searchParams.get(key) || line[key] === url.searchParams.get(key)));
      return {status: 200, body: {entries}};
    }
    if (parts.length === 1) return {status: 200, body: {services: [...new Set([...items.keys()].map((id) => id.split("/")[0]))].sort()}};
    const [, service, place, name, more] = parts;
    if (place === "changes") {
      if (request.method === "GET" && !name) return {status: 200, body: {changes: changes.filter((one) =>
          one.edits.some((edit) => edit.id.startsWith(service + "/"))).reverse().slice(0, 50).map(summary)}};
      if (request.method === "GET") return {status: 200, body: changes[name - 1]};
      if (more === "revert") {
        const edits = changes[name - 1].edits.map((edit) => ({id: edit.id, expected: Number(name),
            content: contentAt(edit.id, edit.before)}));
        return isDry ? {status: 200, body: {report: check(edits)}} : apply(by, body.why, edits, Number(name));
      }
      const edits = body.edits.map(({id, version, delete: isDeleted, ...content}) => ({id, content: isDeleted ? null : content, expected: version}));
      const bad = edits.find((edit) => edit.content?.type === "number" && isNaN(edit.content.text));
      if (bad) return {status: 422, body: {error: `${bad.id} is no number`}};
      const stale = edits.filter((edit) => edit.expected != null && edit.expected !== (items.get(edit.id)?.version ?? 0));
      if (isDry) return {status: 200, body: {outcome: "dry_run", needs_approval: false, items: [], report: check(edits),
        conflicts: stale.map((edit) => ({id: edit.id, expected: edit.expected, theirs: items.has(edit.id) ? shown(edit.id) : null}))}};
      const report = check(edits);
      if (!report.ok) return {status: 422, body: {error: "it has problems", report}};
      return apply(by, body.why, edits);
    }
    if (place === "search") return {status: 200, body: findAll(service, body)};
    if (place === "replace") {
      const {hits, expression} = findAll(service, body);
      const edits = [...new Set(hits.filter((hit) => hit.in === "texts").map((hit) => hit.id))].map((id) => ({
        id, before: items.get(id).content.text, expected: items.get(id).version,
        content: {...items.get(id).content, text: items.get(id).content.text.replace(expression, body.replacement.replace(/\\(\d)/g, "$$$1"))}}));
      if (isDry) return {status: 200, body: {report: check(edits), conflicts: [], items: edits.map((edit) =>
          ({id: edit.id, version: edit.expected, deleted: false, diff: plainDiff(edit.before, edit.content.text)}))}};
      return apply(by, body.why, edits.map(({before, ...edit}) => edit));
    }
    if (place === "routers") return {status: 200, body: {version: "\"9c01\"", routers: state.routers}};
    if (place === "proposals") {
      if (!name) return {status: 200, body: {proposals}};
      const one = proposals.find((proposal) => proposal.number === Number(name));
      one.state = more === "approve" ? "approved" : "rejected";
      one.decided_by = by;
      return more === "approve" ? apply(one.change.by, one.change.why, one.change.edits) : {status: 200, body: one};
    }
    const kind = url.searchParams.get("kind");
    if (!name) return {status: 200, body: {items: [...items.keys()].filter((id) => id.startsWith(`${service}/${kind}/`)).sort().map(shown)}};
    const [item, versions, version] = parts.slice(4);
    const id = `${service}/${name}/${item}`;
    if (versions && version) return at(id, Number(version)) ? {status: 200, body: at(id, Number(version))} : {status: 404, body: {error: "there is no such version"}};
    if (versions) return {status: 200, body: {changes: changes.filter((one) => one.edits.some((edit) => edit.id === id)).reverse().map(summary)}};
    if (request.method === "PUT")
      return apply(by, body.why, [{id, content: {text: "turnout-sealed-1:...", bound_to: body.bound_to}, expected: null}]);
    return items.has(id) ? {status: 200, body: shown(id)} : {status: 404, body: {error: `there is no ${id}`}};
  }

  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, "http://manager");
    const common = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"};
    if (!url.pathname.startsWith("/v1")) {
      const name = url.pathname === "/" ? "index.html" : url.pathname.slice(1);
      if (!/^[a-z]+\.(html|js|css)$/.test(name)) return response.writeHead(404).end();
      return response.writeHead(200, {...common, "Content-Type": TYPES[name.split(".")[1]]}).end(readFileSync(`${dist}/${name}`));
    }
    if (url.pathname === "/v1/session")
      return response.writeHead(200, {...common, "Content-Type": "application/json"}).end('{"providers":[],"session":null}');
    const by = tokens[(request.headers.authorization ?? "").replace("Bearer ", "")];
    let text = "";
    for await (const part of request) text += part;
    const done = by ? await answer(request, url, by, text ? JSON.parse(text) : null)
                    : {status: 401, body: {error: "the token is not known; ask your platform team for one"}};
    response.writeHead(done.status, {...common, "Content-Type": "application/json"}).end(JSON.stringify(done.body));
  });
  return {server, state};
}
