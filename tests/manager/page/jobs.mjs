// Answers about jobs and dead letters for the page's tests, in the shape in which the manager gives
// them, since there is no Kafka here: tests/broker/manager_job_cases.py has the real ones. A started
// job goes on with every question about it, up to its end.

const NOW = Date.now();
const job = (number, kind, state, more) => ({
  number, service: "orders", name: `manager-${NOW}-${number}`, kind, state, rule: "fraud/card-testing", rate: 0, by: "alice", approved_by: "",
  cancelled_by: "", why: "A week", created_ms: NOW - number * 60_000, started_ms: NOW - 50_000, ended_ms: 0, range: "from 0:0 to 0:40000",
  total: 40_000, done: 0, per_second: 0, tries: 0, counts: {}, error: "",
  ...(kind === "replay" ? {from: "2026-11-20T08:00:00.000Z", to: "now", to_topic: ""}
    : {letter_kind: "destination_unavailable", reason: "", since: "", until: "", parking: false}), ...more});

const GROUPS = [
  {kind: "destination_unavailable", rules: "fraud/card-testing", team: "fraud", count: 1204, first_ms: NOW - 7_200_000, last_ms: NOW - 60_000,
    reason: "the topic fraud.card-testing doesn't exist"},
  {kind: "unreadable_event", rules: "-", team: "-", count: 3, first_ms: NOW - 90_000, last_ms: NOW - 80_000, reason: "the value is no JSON: it ends at byte 10"},
  {kind: "record_too_large", rules: "search/empty-answers", team: "search", count: 12, first_ms: NOW - 90_000, last_ms: NOW - 80_000}];
const LETTER = {topic: "turnout.dead", partition: 2, offset: 41, timestamp_ms: NOW - 60_000, kind: "destination_unavailable",
  reason: GROUPS[0].reason, rules: "fraud/card-testing", rule_set: "5f0c", source: "orders/1/77", destination: "fraud.card-testing", value_bytes: 44};

export async function answerJobs(page) {
  const asked = [];
  const jobs = [
    job(4, "replay", "running", {done: 16_500, per_second: 850, counts: {events: 16_500, matched: 310, sent: 310}}),
    job(3, "replay", "done", {rule: "delivery/late", done: 40_000, ended_ms: NOW, counts: {events: 40_000, matched: 771, sent: 771}}),
    job(2, "replay", "failed", {rule: "fraud/large-orders", done: 900, error: "turnout replay: the brokers at kafka:9092 don't answer"}),
    job(1, "redrive", "done", {total: 900, done: 897, counts: {left: 3}})];
  await page.route(/\/v1\/services\/orders\/(jobs|dead-letters)/, (route) => {
    const request = route.request();
    const url = new URL(request.url());
    const said = (status, body) => route.fulfill({status, contentType: "application/json", body: JSON.stringify(body)});
    const wish = request.method() === "POST" ? request.postDataJSON() : null;
    if (wish) asked.push({path: url.pathname + url.search, ...wish});
    const one = jobs.find((each) => url.pathname.includes(`/jobs/${each.number}/`));
    if (one) {
      one.state = url.pathname.endsWith("cancel") ? "cancelled" : "queued";
      return said(200, one);
    }
    if (url.pathname.endsWith("dead-letters")) {
      const kind = url.searchParams.get("kind");
      const found = GROUPS.filter((group) => !kind || group.kind === kind);
      return said(200, url.searchParams.has("list")
        ? {letters: [{...LETTER, ...(url.searchParams.has("payload") ? {key: "u-1", headers: [], value: '{"type":"payment.declined","amount":1.5}'} : {})}]}
        : {groups: found});
    }
    if (!wish) {
      for (const each of jobs) {
        if (each.number < 5 || each.state !== "running") continue;
        each.done = Math.min(each.total, each.done + each.total / 2);
        if (each.done === each.total) Object.assign(each, {state: "done", counts: {sent: 12}});
      }
      return said(200, {has_pipeline: true, jobs});
    }
    if (url.searchParams.has("dry_run")) {
      return said(200, {total: wish.kind === "replay" ? 52_310 : 1204, left: 0, range: "from 0:12 to 0:52322", needs_approval: false});
    }
    if (wish.rule === "fraud/nothing") return said(400, {error: "there is no rule `fraud/nothing` in force"});
    const {kind, ...rest} = wish;
    jobs.unshift(job(5, kind, "running", {...rest, total: 1204, per_second: 400}));
    return said(201, jobs[0]);
  });
  return asked;
}
