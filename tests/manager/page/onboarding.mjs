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

export async function answerOnboarding(page) {
  const asked = [];
  await page.route(/\/v1\/onboard/, (route) => {
    const request = route.request();
    const said = (status, body) => route.fulfill({status, contentType: "application/json", body: JSON.stringify(body)});
    if (request.method() === "GET") {
      return said(200, {teams: ["growth"], rate_max: 10_000, per_partition_rate: 1_000, partitions_max: 48, mean_bytes: 1_000, rules: "manager"});
    }
    const wish = request.postDataJSON();
    asked.push(wish);
    if (wish.to.some((topic) => !topic.startsWith(`${wish.team}.`))) {
      return said(400, {error: `\`to\`: topic \`${wish.to[0]}\` is not the team's: its names begin with ${wish.team}.`});
    }
    const common = {service: "orders", team: wish.team, record: 1, report: {ok: true, problems: [], rules: [], tests: []},
      links: [{title: "rules", url: `/#/orders/rules/${wish.team}`}, {title: "dashboard", url: "https://grafana.example.com/d/x"}]};
    if (!wish.dry_run) return said(201, {...common, outcome: "made", steps: steps(wish, "there")});
    return said(200, {...common, outcome: "planned", steps: steps(wish, "make"), samples: {state: "here", events: 20, matched: 7,
      rules: [{rule: `${wish.team}/all`, matched: 7}], examples: [{partition: 0, value: '{"type":"payment.declined","card":"***"}', headers: []}]}});
  });
  return asked;
}
