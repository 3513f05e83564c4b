// Pictures of every place, at 1280 and 390 px, light and dark, into the directory given: to be looked at.
import {mkdirSync} from "node:fs";
import {BOB, openPage, publish, seed, startBrowser, startManager} from "./harness.mjs";
import {answerJobs} from "./jobs.mjs";
import {FRAUD, TEAMS} from "./seed.mjs";
import {VIEWS} from "./views.mjs";

const into = process.argv[2] ?? "shots";
const only = process.argv[3];
mkdirSync(into, {recursive: true});
const manager = await startManager();
await seed(manager);
const browser = await startBrowser();
for (const [width, height, scheme] of [[1280, 860, "light"], [1280, 860, "dark"], [390, 844, "light"]]) {
  for (const [name, at, shows, answer] of VIEWS) {
    if (only && !name.includes(only)) continue;
    const {page, faults, close} = await openPage(browser, manager, {at, width, height, scheme, answer});
    await page.waitForSelector(shows).catch((error) => console.log(name, String(error).slice(0, 200)));
    await page.waitForLoadState("networkidle");
    await page.screenshot({path: `${into}/${name}-${width}-${scheme}.png`});
    if (faults.length) console.log(name, faults.slice(0, 3));
    await close();
  }
}
const SCENES = {
  async "publish-dialog"(page) {
    await page.goto(`${manager.url}/#/orders/rules/fraud`);
    await paste(page, FRAUD(8).replace("to: fraud.devices", "to: [fraud.devices, alerts]")
        + "  - name: refunds\n    match:\n      type: [refund.created]\n    to: fraud.refunds\n");
    await page.waitForSelector("aside >> text=fraud/refunds");
    await page.keyboard.press("Control+s");
    await page.fill("dialog #why", "Tiny amounts go up to eight, refunds are watched too");
    await page.waitForSelector("dialog >> text=fraud/refunds");
  },
  async "redrive"(page) {
    await answerJobs(page);
    await page.goto(`${manager.url}/#/orders/dead-letters`);
    await page.getByRole("button", {name: /Put back destination/}).click();
    await page.getByRole("button", {name: "Count"}).click();
    await page.waitForSelector("text=1,204 dead letters");
  },
  async "fault"(page) {
    await page.goto(`${manager.url}/#/orders/rules/fraud`);
    await paste(page, FRAUD(3).replace("prefix:", "prefx:").replace("count: 5", "count: five"));
    await page.waitForSelector(".cm-lintRange-error");
    await page.locator(".cm-lintRange-error").first().hover();
    await page.waitForSelector(".cm-diagnostic");
  },
  async "completion"(page) {
    await page.goto(`${manager.url}/#/orders/rules/fraud`);
    await paste(page, FRAUD(3) + "  - name: more\n    match:\n      amount: [{ ");
    await page.keyboard.press("Control+Space");
    await page.waitForSelector(".cm-completionInfo");
  },
  async "replace-dialog"(page) {
    await page.goto(`${manager.url}/#/orders/search?q=example`);
    await page.fill("#replacement", "example.org");
    await page.fill("#search-text", "example.com");
    await page.waitForSelector("text=/places? in/");
    await page.click("button:has-text('Preview')");
    await page.waitForSelector("dialog .diff");
    await page.waitForLoadState("networkidle");
  },
  async "conflict"(page) {
    await page.goto(`${manager.url}/#/orders/rules/delivery`);
    await page.waitForSelector(".cm-content");
    await publish(manager, [["rules", "delivery", {text: TEAMS.delivery.replace("What came back", `Parcels that came back ${page.viewportSize().width}`)}]], "Said more exactly", BOB);
    await paste(page, TEAMS.delivery.replace("Baskets that are picked", "Picked baskets"));
    await page.keyboard.press("Control+s");
    await page.waitForSelector("dialog .cm-merge-a");
  },
  async "proposal"(page) {
    await page.goto(`${manager.url}/#/orders/proposals`);
    await page.click("text=Look at it");
    await page.waitForSelector("dialog .diff");
    await page.waitForLoadState("networkidle");
  },
  async "help"(page) {
    await page.goto(`${manager.url}/#/orders/history`);
    await page.waitForSelector("text=Undo this change");
    await page.keyboard.press("?");
  },
  async "sign-in"(page) { await page.click("text=Sign out"); },
};
async function paste(page, text) {
  await page.waitForSelector(".cm-content");
  await page.click(".cm-content");
  await page.keyboard.press("Control+a");
  await page.locator(".cm-content").first().evaluate((element, pasted) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", pasted);
    element.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
  }, text);
}
for (const [width, height, scheme] of [[1280, 860, "light"], [390, 844, "dark"]]) {
  for (const [name, play] of Object.entries(SCENES)) {
    if (only && !name.includes(only)) continue;
    const {page, close} = await openPage(browser, manager, {at: "#/orders/rules", width, height, scheme});
    page.setDefaultTimeout(8000);
    await page.waitForSelector(".row");
    await play(page).catch((error) => console.log(name, String(error).slice(0, 200)));
    await page.screenshot({path: `${into}/${name}-${width}-${scheme}.png`});
    await close();
  }
}
await browser.close();
manager.stop();
