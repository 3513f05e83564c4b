// Starts a manager (the program that TURNOUT names; without it, the stand-in) and a browser for the
// page's tests, and fills the manager as teams would, through its API.
import {spawn} from "node:child_process";
import {createHash} from "node:crypto";
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import {createRequire} from "node:module";
import {createServer} from "node:net";
import {tmpdir} from "node:os";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";
import {chromium} from "playwright-core";
import {fakeManager} from "./fake_manager.mjs";
import {FRAUD, FRAUD_TESTS, TEAMS, manyRules} from "./seed.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
export const DIST = join(HERE, "../../../deploy/manager/page/dist");
export const ALICE = "alice-token-for-tests-0001";
export const BOB = "bob-token-for-tests-0002";
export const CAROL = "carol-token-for-tests-0004";
const ROUTER = "router-token-for-tests-0003";
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const READY_TRIES = 200;

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const {port} = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

async function startFake() {
  const {server, state} = fakeManager({dist: DIST, tokens: {[ALICE]: "alice", [BOB]: "bob"}});
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return {url: `http://127.0.0.1:${server.address().port}`, state, isReal: false, stop: () => server.close()};
}

// `configOf`: the text of a config file for the manager at that address.
async function startReal(program, configOf) {
  const directory = mkdtempSync(join(tmpdir(), "turnout-page-"));
  const tokens = join(directory, "tokens.json");
  const sha256 = (token) => createHash("sha256").update(token).digest("hex");
  const admin = (name, token) => ({name, kind: "person", sha256: sha256(token), grants: [{service: "*", team: "*", role: "admin"}]});
  writeFileSync(tokens, JSON.stringify({tokens: [admin("alice", ALICE), admin("bob", BOB),
    {name: "carol", kind: "person", sha256: sha256(CAROL), grants: [{service: "orders", team: "search", role: "editor"}]},
    {name: "orders-routers", kind: "router", sha256: sha256(ROUTER), grants: [{service: "orders", team: "*", role: "viewer"}]}]}));
  const key = join(directory, "master_keys");
  writeFileSync(key, `test ${Buffer.alloc(32, 7).toString("base64")}\n`, {mode: 0o600});
  const port = await freePort();
  const config = configOf ? [`--config`, join(directory, "manager.yaml")] : [];
  if (configOf) writeFileSync(config[1], await configOf(`http://127.0.0.1:${port}`, directory));
  const child = spawn(program, managerArguments({directory, tokens, key, port, config}), {stdio: ["ignore", "pipe", "pipe"]});
  let said = "";
  child.stdout.on("data", (part) => { said += part; });
  child.stderr.on("data", (part) => { said += part; });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    const isUp = await fetch(url + "/").then((answer) => answer.ok, () => false);
    if (isUp) break;
    if (tries > READY_TRIES || child.exitCode !== null) throw new Error(`the manager did not start:\n${said}`);
    await new Promise((done) => setTimeout(done, 50));
  }
  return {url, isReal: true, log: () => said, stop: () => {
    child.kill("SIGKILL");
    rmSync(directory, {recursive: true, force: true});
  }};
}

function managerArguments({directory, tokens, key, port, config}) {
  return ["manager", ...config, "--data", join(directory, "data"), "--tokens", tokens, "--master-keys", key, "--listen", `127.0.0.1:${port}`];
}

export const startManager = () => process.env.TURNOUT ? startReal(process.env.TURNOUT) : startFake();

// A real one whose people sign in at a provider of the tests' (../openid_provider.py), which asks whoever comes to go on.
export async function startSignInManager() {
  let provider;
  const manager = await startReal(process.env.TURNOUT, async (url, directory) => {
    provider = spawn("/usr/bin/python3", [join(HERE, "../openid_provider.py"), `${url}/v1/session/callback`], {stdio: ["pipe", "pipe", "inherit"]});
    const config = await new Promise((done) => provider.stdout.once("data", done));
    const [secret, ...lines] = String(config).split("\n");
    const file = join(directory, "client-secret");
    writeFileSync(file, secret, {mode: 0o600});
    return lines.join("\n").replace("CLIENT_SECRET_FILE", file).replace("PUBLIC_URL", url);
  });
  return {...manager, stop: () => { provider.stdin.end(); manager.stop(); }};
}

async function call(manager, token, method, path, body) {
  const answer = await fetch(`${manager.url}/v1/services/${path}`, {
    method, headers: {Authorization: `Bearer ${token}`, "Content-Type": "application/json"}, body: JSON.stringify(body)});
  const text = await answer.text();
  return {status: answer.status, text};
}

export async function publish(manager, edits, why, token = ALICE, service = "orders") {
  const {status, text} = await call(manager, token, "POST", `${service}/changes`,
      {why, edits: edits.map(([kind, name, content]) => ({id: `${service}/${kind}/${name}`, ...content}))});
  if (status >= 300) throw new Error(`${status}: ${text}`);
}

const report = (instance, version, refused) => ({instance, group: "turnout-orders", version, ok: !refused, rule_set: "5f0c1d2e3a4b5c6d",
  teams: [{team: "fraud", rules: 3}], standing_aside: [], refused: refused ? [{file: "fraud.yaml", problems: [refused]}] : [], rolled_back_to: null});
const REFUSED = {line: 11, column: 9, rule: "fraud/card-testing", cure: "raise it, or shorten `within`",
  reason: "`limits.rule_state_bytes_max` of this pipeline is too small for a threshold of 5"};

async function seedReal(manager) {
  const rules = await fetch(`${manager.url}/v1/services/orders/rules`, {headers: {Authorization: `Bearer ${ROUTER}`}});
  const etag = rules.headers.get("etag");
  const done = [
    await call(manager, ALICE, "PUT", "orders/items/secret/card-provider", {text: "planted-first", bound_to: ["orders-routers"], why: "The card provider's key"}),
    await call(manager, ROUTER, "POST", "orders/reports", report("router-0", etag)),
    await call(manager, ROUTER, "POST", "orders/reports", report("router-1", etag)),
    await call(manager, ROUTER, "POST", "orders/reports", report("router-2", etag, REFUSED)),
    await call(manager, ROUTER, "POST", "orders/reports", report("router-3", '"an-older-one"')),
    await call(manager, ROUTER, "POST", "orders/secrets/card-provider/release", {}),
    await call(manager, ALICE, "PUT", "orders/items/settings/service", {why: "Four eyes",
      text: JSON.stringify({grants: [], second_person: true, bulk_items_max: 10})}),
    await call(manager, CAROL, "PUT", "orders/items/rules/checkout", {why: "Checkout's carts by their id", text: TEAMS.checkout + "    key: cart.id\n"}),
  ];
  const refused = await call(manager, CAROL, "PUT", "orders/items/settings/service", {why: "Mine", text: "{}"});
  const bad = done.filter((one) => one.status >= 300);
  if (bad.length || refused.status !== 403) throw new Error(JSON.stringify([bad, refused]));
}

export async function seed(manager) {
  for (const [name, text] of Object.entries(TEAMS)) await publish(manager, [["rules", name, {text}]], `The first rules of ${name}`, BOB);
  await publish(manager, [["rules", "fraud", {text: FRAUD(2)}]], "Card testing, large orders, new devices");
  await publish(manager, [["tests", "fraud", {text: FRAUD_TESTS}]], "A case for large orders", BOB);
  await publish(manager, [["rules", "fraud", {text: FRAUD(3)}]], "Tiny amounts go up to three now, by INC-4411", BOB);
  await publish(manager, [["config", "freeze-days", {text: "3", type: "number"}],
                          ["config", "support-mail", {text: "help@example.com", type: "string"}],
                          ["config", "limits", {text: '{"orders": 40}', type: "json"}]], "Values of the summer sale");
  if (manager.isReal) {
    await seedReal(manager);
    return keepPulsing(manager);
  }
  const now = Date.now();
  manager.state.apply("alice", "The card provider's key", [{id: "orders/secret/card-provider", content: {text: "x", bound_to: ["shop/router"]}}]);
  const pod = (instance, state, ageMs, report = {}) => ({instance, asks_with: '"9c01"', version: '"9c01"', state, is_newest: state === "ack",
    last_seen: new Date(now - ageMs).toISOString(), report});
  manager.state.routers.push(pod("router-0", "ack", 900), pod("router-1", "ack", 2100),
    pod("router-2", "nack", 1500, {refused: [{file: "fraud.yaml", problems: [REFUSED]}]}),
    pod("router-3", "unknown", 300_000));
  manager.state.audit.push({at: new Date(now - 4000).toISOString(), by: "mallory", action: "put", item: "orders/rules/fraud", outcome: "refused", detail: "is viewer of orders, and editor of fraud is needed"},
    {at: new Date(now - 60_000).toISOString(), by: "orders-routers", action: "read_secret", item: "orders/secret/card-provider", outcome: "done"},
    {at: new Date(now - 400_000).toISOString(), by: "bob", action: "put", item: "orders/rules/fraud", outcome: "done", change: 6});
  manager.state.proposals.push({number: 1, state: "open", change: {number: 0, at: new Date(now - 500_000).toISOString(), by: "bob",
    why: "Checkout's carts to us too", edits: [{id: "orders/rules/checkout", before: 1, content: {text: TEAMS.checkout + "    key: cart.id\n"}}]}});
}

const PULSE_EVERY_MS = 1_500;
// Routers that tell how they are for as long as the manager lives, and show events when they are asked.
function keepPulsing(manager) {
  const begun = Date.now();
  const sample = Array.from({length: 6}, (_, i) => ({partition: i % 2, offset: 900 + i, timestamp: begun - i * 1000, headers: [{name: "ce_source", value: "shop"}],
    key: `order-${i}`, value: JSON.stringify({type: i % 2 ? "payment.declined" : "order.created", total: 950 + i, amount: 1.5, country: "NO", card: {number: "***", fingerprint: `f-${i}`}, items: [{sku: "a-1", count: 2}]})}));
  const asked = {};
  const tell = () => ["router-0", "router-1", "router-2"].forEach(async (instance, i) => {
    const uptime = Date.now() - begun + 60_000;
    const rule = (name, perSecond, errors = 0) => ({rule: `fraud/${name}`, matched: Math.round(uptime * perSecond / 1000), sent: Math.round(uptime * perSecond / 1000), errors, dead_lettered: errors});
    const {status, text} = await call(manager, ROUTER, "POST", "orders/pulses", {
      instance, started_ms: begun, uptime_ms: uptime, version: "v", ready: true, samples: true, lag: i * 1200, events: Math.round(uptime * 80 / 1000),
      rules: [rule("card-testing", 14), rule("large-orders", 420, i === 0 ? 3 : 0)],
      troubles: i === 2 ? [{gravity: "harmed", what: "the destination fraud.devices does not exist: its records are parked", cure: "Create it, or let `create_topics.enabled` do so"}] : [],
      ...(asked[instance] ? {sample} : {})}).catch(() => ({status: 0}));
    if (status === 200) asked[instance] = JSON.parse(text).sample > 0;
  });
  tell();
  const timer = setInterval(tell, PULSE_EVERY_MS);
  timer.unref();
  const {stop} = manager;
  manager.stop = () => { clearInterval(timer); stop(); };
}

export const seedMany = (manager) => publish(manager, Array.from({length: 20}, (_, i) =>
    ["rules", `team-${i}`, {text: manyRules(`team-${i}`, 500)}]), "10,000 rules", ALICE, "large");

export async function startBrowser() {
  return chromium.launch({executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--headless", "--no-sandbox",
    "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]});
}

// A page of its own session; `faults` gathers what the browser complains of.
export async function openPage(browser, manager, {token = ALICE, at = "", width = 1280, height = 860, scheme = "light", answer} = {}) {
  const context = await browser.newContext({viewport: {width, height}, colorScheme: scheme, reducedMotion: "reduce"});
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of 4/.test(message.text())) faults.push(message.text());
  });
  await page.addInitScript((given) => { if (given) sessionStorage.setItem("turnout-token", given); }, token);
  if (answer) await answer(page);
  await page.goto(`${manager.url}/${at}`);
  return {page, faults, close: () => context.close()};
}

// What axe finds of serious or critical.
export async function seriousOf(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => axe.run(document, {resultTypes: ["violations"]}));
  return found.violations.filter((one) => ["serious", "critical"].includes(one.impact))
      .map((one) => `${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => node.target.join(" ") + " " + node.html.slice(0, 120)).join(" | ")}`);
}
