// The rules of a team's file, as far as a list shows them: name, line, destinations, description. It
// reads block YAML line by line, which is fast for 10,000 rules, and JSON by the browser's parser; a
// file in another form is listed without its rules and is edited all the same.

export interface ListedRule {
  name: string;
  line: number;  // from 1
  to: string;
  about: string;
  rollout: string;
}

export function rulesIn(text: string): ListedRule[] {
  return text.trimStart().startsWith("{") ? rulesInJson(text) : rulesInYaml(text);
}

const unquoted = (text: string) => {
  const plain = text.replace(/\s+#.*$/, "").trim();
  const quoted = /^(["'])(.*)\1$/.exec(plain);
  return quoted ? quoted[2] : plain;
};

function rulesInYaml(text: string): ListedRule[] {
  const rules: ListedRule[] = [];
  let isInRules = false;
  let dash = -1;    // the column of the list's dashes
  let now: ListedRule | null = null;
  let below = "";   // a key of the rule whose value stands in the lines below
  const take = (key: string, value: string) => {
    if (!now) return;
    if (key === "name") now.name = unquoted(value);
    else if (key === "description") now.about = unquoted(value).replace(/^[|>][+-]?$/, "");
    else if (key === "to") now.to = unquoted(value).replace(/^\[(.*)\]$/, "$1").replaceAll('"', "");
    else if (key === "rollout") now.rollout = value.replace(/[{}]/g, "").trim();
    below = value.trim() ? "" : key;
  };
  let number = 0;
  let from = 0;
  while (from <= text.length) {
    let end = text.indexOf("\n", from);
    if (end < 0) end = text.length;
    const line = text.slice(from, end);
    from = end + 1;
    number++;
    const indent = line.search(/\S/);
    if (indent < 0 || line[indent] === "#") continue;
    if (indent === 0 && line[0] !== "-") {
      isInRules = /^rules\s*:/.test(line);
      continue;
    }
    if (!isInRules) continue;
    if (line[indent] === "-" && (dash < 0 || indent <= dash)) {
      dash = indent;
      now = {name: "", line: number, to: "", about: "", rollout: ""};
      rules.push(now);
    }
    if (!now) continue;
    const start = indent === dash ? indent + 1 + line.slice(indent + 1).search(/\S|$/) : indent;
    if (start === dash + 2 || indent === dash) {
      const found = /^([\w-]+)\s*:(?:\s+(.*))?$/.exec(line.slice(start));
      if (found) {
        take(found[1], found[2] ?? "");
        continue;
      }
      const flow = /^\{.*?\bname:\s*([\w.-]+)/.exec(line.slice(start));
      if (flow) now.name = flow[1];
    }
    if (below === "to" && line[indent] === "-")
      now.to += (now.to ? ", " : "") + unquoted(line.slice(indent + 1));
    else if (below === "description" && !now.about) now.about = line.trim();
    else if (below === "rollout") now.rollout += (now.rollout ? ", " : "") + line.trim();
  }
  rules.forEach((rule, i) => { rule.name ||= `#${i + 1}`; });
  return rules;
}

function rulesInJson(text: string): ListedRule[] {
  try {
    const file = JSON.parse(text);
    if (!Array.isArray(file.rules)) return [];
    let from = 0;
    let line = 1;
    return file.rules.map((rule: any, i: number) => {
      const at = text.indexOf(JSON.stringify(rule.name ?? ""), from);
      if (at > from) {
        line += text.slice(from, at).split("\n").length - 1;
        from = at;
      }
      return {name: String(rule.name ?? `#${i + 1}`), line, to: [rule.to ?? []].flat().join(", "),
              about: String(rule.description ?? ""),
              rollout: rule.rollout ? JSON.stringify(rule.rollout).replace(/[{}"]/g, "") : ""};
    });
  } catch {
    return [];
  }
}
