// Signing in at a provider from the page, in a real browser, for which the provider is another site.
import assert from "node:assert/strict";
import {after, before, test} from "node:test";
import {openPage, publish, seriousOf, startBrowser, startSignInManager} from "./harness.mjs";
import {FRAUD} from "./seed.mjs";

const isReal = !!process.env.TURNOUT;
const NEEDS = {skip: isReal ? false : "TURNOUT names no manager"};
let manager, browser;

before(async () => {
  if (!isReal) return;
  manager = await startSignInManager();
  await publish(manager, [["rules", "fraud", {text: FRAUD(2)}], ["config", "freeze-days", {text: "3", type: "number"}]], "To begin with");
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  manager?.stop();
});

async function inPage(at, steps) {
  const {page, faults, close} = await openPage(browser, manager, {token: "", at});
  page.setDefaultTimeout(20_000);
  try {
    await steps(page);
    assert.deepEqual(faults, []);
  } finally {
    await close();
  }
}

async function signIn(page) {
  await page.click("a:has-text(\"Sign in with Example's accounts\")");
  await page.click("text=Go on as Ada");
}

test("one signs in at the provider, goes on where one was, changes something and signs out", NEEDS, () =>
    inPage("#/orders/config/freeze-days", async (page) => {
      await page.waitForSelector("text=or with a token");
      assert.deepEqual(await seriousOf(page), []);
      await signIn(page);
      await page.waitForSelector("text=Type of the value");
      assert.equal(page.url(), `${manager.url}/#/orders/config/freeze-days`);
      await page.waitForFunction(() => /^ada@example\.com until \d/.test(document.querySelector(".who").textContent));
      assert.deepEqual(await page.evaluate(() => [document.cookie, sessionStorage.length]), ["", 0]);
      await page.locator(".cm-content").first().click();
      await page.keyboard.press("Control+End");
      await page.keyboard.type("0");
      await page.keyboard.press("Control+s");
      await page.fill("dialog #why", "A longer freeze");
      await page.locator("dialog button.main:enabled").waitFor();
      await page.keyboard.press("Control+s");
      await page.waitForSelector(".toast >> text=Published as change");
      // It is a session of the browser's, not of the tab.
      await page.reload();
      await page.waitForSelector("text=Type of the value");
      assert.match(await page.textContent(".cm-content"), /30/);
      await page.goto(`${manager.url}/#/orders/audit`);
      await page.waitForSelector("main table >> text=ada@example.com");
      await page.click("button:has-text('Sign out')");
      await page.waitForSelector("text=or with a token");
      assert.deepEqual(await page.context().cookies(), []);
      await page.reload();
      await page.waitForSelector("text=or with a token");
    }));

test("who comes by another name of the machine signs in under the one that the manager is known by", NEEDS, () =>
    inPage("", async (page) => {
      await page.goto(`${manager.url.replace("127.0.0.1", "localhost")}/#/orders/rules`);
      await signIn(page);
      await page.waitForSelector(".row.rule");
      assert.equal(page.url(), `${manager.url}/#/orders/rules`);
    }));

test("a session that ends is told, and one goes on where one was", NEEDS, () =>
    inPage("#/orders/rules", async (page) => {
      await page.waitForSelector("text=or with a token");
      await signIn(page);
      await page.waitForSelector(".row.rule");
      await page.context().clearCookies();
      await page.goto(`${manager.url}/#/orders/history`);
      await page.waitForSelector("text=Your session has ended");
      assert.deepEqual(await seriousOf(page), []);
      await signIn(page);
      await page.waitForSelector("text=Undo this change");
    }));

test("what came to nothing is told in the page's own words alone", NEEDS, () =>
    inPage("?problem=denied#/orders/rules", async (page) => {
      await page.waitForSelector("[role=alert] >> text=did not let you in");
      assert.equal(page.url(), `${manager.url}/#/orders/rules`);
      await page.goto(`${manager.url}/?problem=%3Cb%3Eevil%3C/b%3E`);
      await page.waitForSelector("text=or with a token");
      assert.equal(await page.locator("[role=alert]").count(), 0);
      assert.equal(await page.locator("text=evil").count(), 0);
      // A return that was begun elsewhere ends here as well.
      await page.goto(`${manager.url}/v1/session/callback?code=x&state=y`);
      await page.waitForSelector("[role=alert] >> text=was not begun in this browser");
    }));
