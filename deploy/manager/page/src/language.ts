// The rule language's words, with help on each: what is offered while one types and told on hover.
// The meanings are those of router/README.md.

export interface Word {
  word: string;
  where: "file" | "rule" | "match" | "test" | "step" | "rollout" | "shape" | "enrich" | "aggregate";
  help: string;
  example?: string;
  inserts?: string;  // what is put in; ${} is where the cursor goes on
}

const word = (where: Word["where"], name: string, help: string, example?: string,
              inserts?: string): Word => ({word: name, where, help, example, inserts});

export const WORDS: Word[] = [
  word("file", "team", "The team's name; the first half of every rule's id."),
  word("file", "owner", "Whom to call, for people. It decides nothing.", "owner: fraud-oncall@example.com"),
  word("file", "destinations", "What the team may write: topic names, in which * is any run.",
       "destinations: [fraud.*, alerts]", "destinations: [${}]"),
  word("file", "rules", "The team's rules; at least one.", undefined, "rules:\n  - name: ${}"),

  word("rule", "name", "The rule's name: a-z, 0-9, dot, underscore, hyphen. Its id is team/name."),
  word("rule", "description", "What the rule is for, for people. It decides nothing."),
  word("rule", "match", "The pattern: fields, each with a list of what it may be. All fields must hold, one entry of each list must.",
       "match:\n  type: [order.created]", "match:\n      ${}"),
  word("rule", "to", "The topic that a match goes to, or a list of them. {field.path} takes the event's value.",
       'to: [fraud.tests, "fraud.tests.{region}"]'),
  word("rule", "key", "The field whose value is the record key of what is sent. Without it: the event's own key.",
       "key: card.fingerprint"),
  word("rule", "steps", "What may hold matches back, in this order: sample, dedup, throttle, threshold, aggregate.",
       "steps: [{ dedup: { key: card.id, for: 1h } }]", "steps:\n      - ${}"),
  word("rule", "enrich", "Values out of tables, put into what is sent.",
       "enrich: [{ table: merchants, key: merchant.id, into: merchant }]", "enrich:\n      - { table: ${}, key: , into:  }"),
  word("rule", "shape", "What is sent instead of the whole event: keep, drop, rename, set, flatten, in this order.",
       "shape: { keep: [type, amount] }", "shape: { ${} }"),
  word("rule", "rollout", "How much of it is sent: a percentage of record keys, or nothing while in shadow.",
       "rollout: { percent: 5 }", "rollout: { ${} }"),

  word("test", "prefix", "A text that begins so. Over equals-ignore-case: upper or lower case.", '[{ prefix: "order." }]', 'prefix: "${}"'),
  word("test", "suffix", "A text that ends so. Over equals-ignore-case: upper or lower case.", '[{ suffix: ".png" }]', 'suffix: "${}"'),
  word("test", "equals-ignore-case", "The same text, upper or lower case.", "[{ equals-ignore-case: exception }]", "equals-ignore-case: ${}"),
  word("test", "wildcard", "A text in which * stands for any run; \\* is a star, \\\\ a backslash.", '[{ wildcard: "*/img/*.png" }]', 'wildcard: "${}"'),
  word("test", "anything-but", "Any value but these, also over prefix, suffix, wildcard, equals-ignore-case, regex, cidr. An absent field doesn't match.",
       "[{ anything-but: [a, b] }]", "anything-but: [${}]"),
  word("test", "numeric", "One comparison, or two from low to high: =, <, <=, >, >=.", '[{ numeric: [">=", 0, "<", 10] }]', 'numeric: [">", ${}]'),
  word("test", "exists", "true: there is any value. false: there is none; [], {} and objects are no value.", "[{ exists: false }]", "exists: true${}"),
  word("test", "cidr", "A text that is an address in the block, IPv4 or IPv6.", '[{ cidr: "10.0.0.0/8" }]', 'cidr: "${}"'),
  word("test", "exactly", "This text, and no other spelling of an address.", '[{ exactly: "::1" }]', 'exactly: "${}"'),
  word("test", "all-of", "A field that has every one of the listed entries. Turnout's own, not EventBridge's.",
       "[{ all-of: [vip, { prefix: eu- }] }]", "all-of: [${}]"),
  word("test", "contains-all", "The same as all-of.", "[{ contains-all: [a, b] }]", "contains-all: [${}]"),
  word("test", "regex", "A text in which the expression finds something, by RE2's syntax; ^...$ for the whole. Turnout's own.",
       '[{ regex: "^[A-Z]{3}-[0-9]{4}$" }]', 'regex: "^${}$"'),
  word("test", "timestamp", "An instant (RFC 3339) within one bound, or two from early to late. Turnout's own.",
       '[{ timestamp: [">=", "2026-01-01"] }]', 'timestamp: [">=", "${}"]'),
  word("test", "length", "A text of so many characters. Turnout's own.", '[{ length: [">=", 3, "<=", 10] }]', 'length: [">=", ${}]'),
  word("match", "$or", "One of the objects in its list must hold; they nest.", "$or: [{ a: [1] }, { b: [2] }]", "$or: [{ ${} }, {  }]"),
  word("match", "$kafka", "Asks the record around the payload: headers, topic, key, partition. A rule that asks for nothing else never reads the payload.",
       "$kafka: { headers: { ce_type: [order.created] } }", "$kafka: { ${} }"),

  word("step", "sample", "That share of keys passes: all events of a key, or none.", "sample: { key: customer.id, percent: 12.5 }", "sample: { key: ${}, percent: 10 }"),
  word("step", "dedup", "An event passes if the last one of its key that passed is this long ago, or more.", "dedup: { key: card.id, for: 1h }", "dedup: { key: ${}, for: 1h }"),
  word("step", "throttle", "So many events of a key pass in each span, counted from the first of them.", "throttle: { key: user.id, limit: 10, per: 1m }", "throttle: { key: ${}, limit: 10, per: 1m }"),
  word("step", "threshold", "The event passes that brings a count, a sum or the number of distinct values of a key there within the span.",
       "threshold: { key: card.id, count: 5, within: 10m }", "threshold: { key: ${}, count: 5, within: 10m }"),
  word("step", "aggregate", "No event passes; a record of each key and window is sent instead. It is the last step.",
       "aggregate: { key: user.id, window: 1h, slide: 5m, fields: { payments: count } }", "aggregate: { key: ${}, window: 1h, fields: { events: count } }"),
  word("step", "for", "How long, such as 10m: a whole number and ms, s, m, h or d; at most 90d."),
  word("step", "limit", "How many events of a key pass in each span."),
  word("step", "per", "The span that limit is about, such as 1m."),
  word("step", "within", "The span that is looked back over, such as 10m."),
  word("step", "count", "How many events of the key."),
  word("step", "sum", "The field whose numbers are added up; with at_least."),
  word("step", "distinct", "The field whose different values are counted; with at_least."),
  word("step", "at_least", "What the sum, or the number of distinct values, must reach."),
  word("step", "emit", "crossing: the event that gets there (the default). every: each event that finds it reached.", "emit: every"),
  word("step", "window", "How long a window of the aggregate is, such as 1h."),
  word("step", "slide", "How far apart windows begin; without it, the window's length."),
  word("step", "fields", "The fields of the record: count, or sum, min, max, avg, distinct of a field.", "fields: { payments: count, total: { sum: amount } }"),

  word("rollout", "percent", "From 0 to 100 with two decimals, by the record key: a larger percent keeps all keys of a smaller one.", "percent: 5"),
  word("rollout", "mode", "live, or shadow: worked out and counted, nothing sent.", "mode: shadow"),

  word("shape", "keep", "These fields and what is in them; without it, everything.", "keep: [type, order.id]", "keep: [${}]"),
  word("shape", "drop", "Of what is left, not these.", "drop: [order.notes]", "drop: [${}]"),
  word("shape", "rename", "A field under another name, or moved to another object.", "rename: { customer.id: customer_id }", "rename: { ${} }"),
  word("shape", "set", "A constant, a text with {field} in it, or a copy: { field: path }.", 'set: { label: "{type}-{order.id}" }', "set: { ${} }"),
  word("shape", "flatten", "Fields of objects become fields of the event, their names joined by _ or the separator.", "flatten: true", "flatten: true${}"),

  word("enrich", "table", "The table, by the name it has in the pipeline's config."),
  word("enrich", "into", "Where in the output the value goes.", "into: merchant"),
  word("enrich", "missing", "What if there is no such key: null (the default), drop the match, or park the event.", "missing: park"),
];

const BY_WORD = new Map<string, Word[]>();
for (const one of WORDS) BY_WORD.set(one.word, [...(BY_WORD.get(one.word) ?? []), one]);

export function wordsNamed(name: string): Word[] {
  return BY_WORD.get(name) ?? [];
}
