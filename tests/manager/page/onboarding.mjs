// Answers about onboarding for the page's tests, in the shape in which the manager gives them, since
// there is no Kafka here: tests/broker/manager_onboard_cases.py has the real ones.

const step = (kind, name, state, more = {}) => ({kind, name, state, note: "", stays: false, ...more});

const steps = (wish, state) => [
  ...wish.to.map((topic) => step("topic", topic, topic.endsWith(".own") ? "other" : state,
    {partitions: Math.ceil(wish.rate / 1000), note: topic.endsWith(".own") ? "it has 1 partitions, and this rate is for 3" : ""})),
  step("acl", `User:${wish.team} may read topic ${wish.to[0]}`, state),
  step("acl", "User:router may write transactional id orders-*", "there", {stays: true, note: "the router's own: it stays when the team goes"}),
  step("quota", wish.team, state, {bytes_per_second: wish.rate * 3000}),
  step("rules", wish.team, state)];

const GIT = {repository: "https://git.example.com/platform/services.git", branch: "main", commit: "", files: ["onboarded/orders/router/growth.json"]};
const COMMIT = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

// Growth lies in a repository, and takes two calls to take back; others have records until those may go too.
function takeBack(url, said) {
  const team = url.pathname.split("/").at(-1);
  const isPlan = url.searchParams.has("dry_run");
  const what = [step("file", "router/growth.json", "make", {note: isPlan ? "goes with a commit" : "gone with the commit"}), step("topic", `${team}.all`, "make", {partitions: 3})];
  if (team === "growth") return said(isPlan ? 200 : 202, {outcome: isPlan ? "planned" : "committed", steps: what, git: {...GIT, commit: isPlan ? "" : COMMIT}});
  if (!url.searchParams.has("records")) return said(409, {error: `topic ${team}.all still has 12 records: have them read`});
  return said(200, {outcome: isPlan ? "planned" : "undone", steps: what.slice(1)});
}

export async function answerOnboarding(page) {
  const asked = [];
  await page.route(/\/v1\/onboard/, (route) => {
    const request = route.request();
    const said = (status, body) => route.fulfill({status, contentType: "application/json", body: JSON.stringify(body)});
    if (request.method() === "DELETE") {
      asked.push({gone: request.url()});
      return takeBack(new URL(request.url()), said);
    }
    if (request.method() === "GET") {
      return said(200, {teams: ["growth", "search"], rate_max: 10_000, per_partition_rate: 1_000, partitions_max: 48, mean_bytes: 1_000, rules: "manager"});
    }
    const wish = request.postDataJSON();
    asked.push(wish);
    if (wish.to.some((topic) => !topic.startsWith(`${wish.team}.`))) {
      return said(400, {error: `\`to\`: topic \`${wish.to[0]}\` is not the team's: its names begin with ${wish.team}.`});
    }
    const common = {service: "orders", team: wish.team, record: 1, report: {ok: true, problems: [], rules: [], tests: []},
      links: [{title: "rules", url: `/#/orders/rules/${wish.team}`}, {title: "dashboard", url: "https://grafana.example.com/d/x"}],
      commands: [{title: "conditions of its rules", command: "kubectl -n orders-fraud describe eventroute orders"}],
      git: {...GIT, commit: wish.dry_run ? "" : COMMIT}};
    if (!wish.dry_run) return said(201, {...common, outcome: "made", steps: steps(wish, "there")});
    return said(200, {...common, outcome: "planned", steps: steps(wish, "make"), samples: {state: "here", events: 20, matched: 7,
      rules: [{rule: `${wish.team}/all`, matched: 7}], examples: [{partition: 0, value: '{"type":"payment.declined","card":"***"}', headers: []}]}});
  });
  return asked;
}
