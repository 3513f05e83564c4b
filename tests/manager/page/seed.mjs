// What the page is looked at with: teams, values, history, pods, as an ordinary shop might have them.

export const FRAUD = (limit) => `team: fraud
owner: fraud-oncall@example.com
destinations: [fraud.*, alerts]
rules:
  - name: card-testing
    description: Many tiny declined payments of one card
    match:
      type: [payment.declined]
      amount: [{ numeric: ["<", ${limit}] }]
    steps:
      - threshold: { key: card.fingerprint, count: 5, within: 10m }
    to: fraud.card-testing
    key: card.fingerprint
  - name: large-orders
    description: Orders that somebody should look at
    match:
      type: [order.created]
      total: [{ numeric: [">=", 900] }]
      country: [{ anything-but: [SE, DK] }]
    to: [fraud.large-orders, alerts]
    rollout: { percent: 5 }
  - name: new-devices
    description: A device that the account has not used before
    match:
      type: [{ prefix: "login." }]
      device.known: [false]
    to: fraud.devices
    rollout: { mode: shadow }
`;
export const FRAUD_TESTS = `cases:
  - name: a small order is left alone
    events:
      - value: { type: order.created, total: 12.5, country: NO }
        expect: none
  - name: a Swedish order is left alone, whatever it comes to
    events:
      - value: { type: order.created, total: 4000, country: SE }
        expect: none
`;

const team = (name, rules) => `team: ${name}\nowner: ${name}@example.com\ndestinations: [${name}.*]\nrules:\n`
    + rules.map(([rule, about, type]) => `  - name: ${rule}\n    description: ${about}\n    match:\n      type: [${type}]\n    to: ${name}.${rule}\n`).join("");

export const TEAMS = {
  checkout: team("checkout", [["abandoned", "Carts that were left", "cart.abandoned"], ["paid", "Orders that are paid", "payment.captured"]]),
  delivery: team("delivery", [["late", "Deliveries behind their promise", "delivery.delayed"], ["picked", "Baskets that are picked", "order.picked"], ["returned", "What came back", "order.returned"]]),
  search: team("search", [["empty-answers", "Searches that found nothing", "search.empty"]]),
};

export const manyRules = (name, count) => team(name, Array.from({length: count}, (_, i) =>
    [`rule-${i}`, `Events of kind ${i}`, `kind.${i % 97}`]));
