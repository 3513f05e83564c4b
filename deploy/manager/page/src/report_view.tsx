// What a change would mean, in words: what keeps it from being published, rules by what becomes of
// them, the tests.

import {Report, RuleChange} from "./api";
import {Mark, Said, Tell} from "./ui";
import {plural} from "./words";

const EFFECTS: [RuleChange["effect"], string, string][] = [
  ["added", "well", "New: nothing was sent for it before."],
  ["widened", "notice", "Everything that it matched it still matches, and more may."],
  ["removed", "harmed", "Gone: nothing is sent for it any more."],
  ["narrowed", "notice", "It matches less than before."],
  ["changed", "", "What it matches or sends is different."],
];
const RULES_SHOWN_MAX = 200;

export function sentenceOf(report: Report): string {
  const parts = EFFECTS.map(([effect]) => {
    const count = report.rules.filter((rule) => rule.effect === effect).length;
    return count ? `${count} ${effect}` : "";
  }).filter(Boolean);
  if (!parts.length && !report.ok) return "Told once the problems are mended.";
  return parts.length ? `Rules: ${parts.join(", ")}.` : "No rule matches or sends anything else than before.";
}

export function ReportView({report, onLine}: {report: Report; onLine?: (line: number) => void}) {
  const failed = report.tests.filter((test) => test.failures.length);
  return (
    <div class="report stack">
      {report.problems.length > 0 && <section class="stack" aria-label="Problems">
        <h3>{plural(report.problems.length, "problem")} to mend first</h3>
        <ul>{report.problems.map((problem, i) => (
          <li key={i}><Tell gravity="harmed">
            {problem.line > 0 && onLine
              ? <button class="plain" onClick={() => onLine(problem.line)}>Line {problem.line}</button>
              : <strong>{problem.line ? `${problem.item.name}, line ${problem.line}` : problem.item.name}</strong>}
            {problem.rule && <span class="quiet"> {problem.rule}</span>}
            <div><Said text={problem.text} /></div>
          </Tell></li>))}</ul>
      </section>}
      <section class="stack" aria-label="Rules">
        <h3>What changes</h3>
        <p class="note">{sentenceOf(report)}</p>
        <ul>{EFFECTS.flatMap(([effect, look, help]) => report.rules
            .filter((rule) => rule.effect === effect)
            .slice(0, RULES_SHOWN_MAX)
            .map((rule) => (
              <li class="entry" key={rule.rule} title={help}>
                <span><Mark look={look}>{effect}</Mark></span>
                <span class="what"><span>{rule.rule}</span>
                  {rule.parts.length > 0 && <span class="note">{rule.parts.join(", ")}</span>}</span>
              </li>)))}</ul>
      </section>
      <section class="stack" aria-label="Tests">
        <h3>Tests</h3>
        {!report.tests.length && <p class="note">{report.ok ? "No test cases ran for this change." : "They run once the problems are mended."}</p>}
        {report.tests.length > 0 && !failed.length &&
          <p><Mark look="well">all pass</Mark> <span class="note">{plural(report.tests.length, "test case")}</span></p>}
        {failed.length > 0 && <ul>{failed.map((test) => (
          <li key={test.name}><Tell gravity="harmed"><strong>{test.name}</strong> fails
            {test.failures.map((failure) => <div><Said text={failure} /></div>)}</Tell></li>))}</ul>}
        {failed.length > 0 && <p class="note">{plural(report.tests.length - failed.length, "other passes", "others pass")}.</p>}
      </section>
    </div>
  );
}
