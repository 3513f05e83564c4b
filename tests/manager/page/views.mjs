// Every place of the page, what says that it is there, and who answers for what is not here.
import {answerJobs} from "./jobs.mjs";
import {answerOnboarding} from "./onboarding.mjs";

export const VIEWS = [
  ["rules", "#/orders/rules", "text=card-testing"],
  ["editor", "#/orders/rules/fraud", "text=as published"],
  ["tester", "#/orders/rules/fraud?try=1", ".tester"],
  ["tests", "#/orders/tests", "text=fraud"],
  ["history", "#/orders/history", "text=Undo this change"],
  ["item-history", "#/orders/history/fraud/rules", "text=INC-4411"],
  ["search", "#/orders/search?q=fraud", "text=/places? in/"],
  ["routers", "#/orders/routers", "main h1"],
  ["replay", "#/orders/replay", "text=delivery/late", answerJobs],
  ["onboard", "#/orders/onboard", "text=Whom to call", answerOnboarding],
  ["dead-letters", "#/orders/dead-letters", "text=unreadable_event >> visible=true", answerJobs],
  ["values", "#/orders/config", "text=freeze-days"],
  ["value", "#/orders/config/freeze-days", "text=Type of the value"],
  ["pipelines", "#/orders/pipeline", "text=No pipeline"],
  ["secrets", "#/orders/secret", "text=never shown again"],
  ["settings", "#/orders/settings/service", "aside h3"],
  ["proposals", "#/orders/proposals", "main h1"],
  ["audit", "#/orders/audit", "main table, main .empty"],
];
