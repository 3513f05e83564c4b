// The page, as a team's engineer uses it, in a real browser: against the manager that TURNOUT names,
// without it against the stand-in.
//
//   tests/manager/page/run page
import assert from "node:assert/strict";
import {readFileSync} from "node:fs";
import {after, before, test} from "node:test";
import {ALICE, BOB, CAROL, DIST, openPage, publish, seed, seedMany, seriousOf, startBrowser, startManager} from "./harness.mjs";
import {answerJobs} from "./jobs.mjs";
import {answerOnboarding} from "./onboarding.mjs";
import {FRAUD} from "./seed.mjs";
import {VIEWS} from "./views.mjs";

let manager, browser;

before(async () => {
  manager = await startManager();
  await seed(manager);
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  manager?.stop();
});

// Runs `steps` in a page of its own, in which the browser found no fault.
async function inPage(options, steps) {
  const {page, faults, close} = await openPage(browser, manager, options);
  page.setDefaultTimeout(30_000);
  try {
    await steps(page);
    assert.deepEqual(faults, []);
  } finally {
    await close();
  }
}

const editor = (page) => page.locator(".cm-content").first();
// As pasted: typing over marked text has the browser itself try to keep that text's colours as inline
// styles, which the policy refuses, rightly, and the browser tells.
async function typeInstead(page, text) {
  await editor(page).click();
  await page.keyboard.press("Control+a");
  await editor(page).evaluate((element, pasted) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", pasted);
    element.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
  }, text);
}
async function publishNow(page, why) {
  await page.keyboard.press("Control+s");
  await page.fill("dialog #why", why);
  await page.locator("dialog button.main:enabled").waitFor();
  await page.keyboard.press("Control+s");
}
const textOf = async (name, kind = "rules") => (await (await fetch(`${manager.url}/v1/services/orders/items/${kind}/${name}`,
    {headers: {Authorization: `Bearer ${ALICE}`}})).json());

for (const [name, at, shows, answer] of VIEWS) {
  for (const [scheme, width] of [["light", 1280], ["dark", 1280], ["light", 390]]) {
    test(`axe finds nothing serious in ${name}, ${scheme}, ${width} px, and nothing is wider than the page`, () =>
        inPage({at, scheme, width, height: 860, answer}, async (page) => {
          await page.waitForSelector(shows);
          assert.deepEqual(await seriousOf(page), []);
          const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          assert.ok(beyond <= 0, `${beyond} px too wide`);
        }));
  }
}

test("a wrong token is told and kept nowhere, the right one opens the rules", () =>
    inPage({token: ""}, async (page) => {
      assert.deepEqual(await seriousOf(page), []);
      await page.fill("input[type=password]", "not-a-token");
      await page.keyboard.press("Enter");
      await page.waitForSelector("[role=alert]");
      assert.equal(await page.evaluate(() => sessionStorage.length + localStorage.length), 0);
      await page.fill("input[type=password]", ALICE);
      await page.keyboard.press("Enter");
      await page.waitForSelector(".row.rule");
      assert.equal(await page.evaluate(() => JSON.stringify(localStorage).includes("alice-token")), false);
    }));

test("rules are found by words of their names, destinations and descriptions", () =>
    inPage({at: "#/orders/rules"}, async (page) => {
      await page.waitForSelector("text=card-testing");
      await page.keyboard.press("/");
      await page.keyboard.type("large alerts");
      await page.waitForSelector("text=1 rule of 1 team");
      assert.equal(await page.locator(".row.rule").count(), 1);
    }));

test("the keyboard alone goes to a rule and opens it at its line", () =>
    inPage({at: "#/orders/history"}, async (page) => {
      await page.waitForSelector("text=Undo this change");
      await page.keyboard.press("g");
      await page.keyboard.press("r");
      await page.waitForSelector(".row.rule");
      await page.locator("[role=listbox]").focus();
      for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowRight");
      await page.keyboard.press("ArrowDown");
      const at = await page.locator(".row[data-at] .name").textContent();
      await page.keyboard.press("Enter");
      await page.waitForSelector(".cm-content");
      await page.waitForFunction((name) => {
        const root = document.querySelector(".code").shadowRoot;
        return root.querySelector(".cm-activeLine")?.textContent.includes(name);
      }, at);
      await page.locator("main").focus();
      await page.keyboard.press("?");
      await page.waitForSelector("dialog >> text=The keyboard");
      assert.deepEqual(await seriousOf(page), []);
      await page.keyboard.press("Escape");
      assert.equal(await page.locator("dialog").count(), 0);
    }));

test("words of the rule language are completed where they may stand, and told on hover", () =>
    inPage({at: "#/orders/rules/fraud"}, async (page) => {
      await page.waitForSelector(".cm-content");
      await typeInstead(page, "team: fraud\nrules:\n  - name: a\n    match:\n      amount: [{ num");
      await page.keyboard.press("Control+Space");
      await page.waitForSelector(".cm-tooltip-autocomplete >> text=numeric");
      assert.equal(await page.locator(".cm-tooltip-autocomplete >> text=dedup").count(), 0);
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => document.querySelector(".code").shadowRoot.querySelector(".cm-content")
          .textContent.includes('numeric: [">", ]'));
      await typeInstead(page, FRAUD(3));
      await page.locator(".cm-line >> text=threshold").hover();
      await page.waitForSelector(".cm-help >> text=brings a count");
    }));

test("a fault is told at its line while one types, and keeps the file from being published", () =>
    inPage({at: "#/orders/rules/fraud"}, async (page) => {
      await page.waitForSelector(".cm-content");
      await typeInstead(page, FRAUD(3).replace("prefix:", "prefx:"));
      await page.waitForSelector(".cm-lintRange-error");
      await page.waitForSelector("aside >> text=can't be published yet");
      await page.locator("aside >> button:has-text('Line 25')").click();
      await page.keyboard.press("Control+s");
      await page.fill("dialog #why", "It should not go");
      assert.equal(await page.locator("dialog button.main").isDisabled(), true);
      assert.deepEqual(await seriousOf(page), []);
      await page.keyboard.press("Escape");
      await page.locator("button:has-text('Discard')").click();
      await page.waitForSelector("aside >> text=as published");
    }));

test("a publish tells which rules it adds, asks why, and is in the history with its diff", () =>
    inPage({at: "#/orders/rules/delivery"}, async (page) => {
      await page.waitForSelector(".cm-content");
      const {text} = await textOf("delivery");
      await typeInstead(page, text + "  - name: lost\n    match:\n      type: [delivery.lost]\n    to: delivery.lost\n");
      await page.waitForSelector("aside li:has-text('added') >> text=delivery/lost");
      await publishNow(page, "Lost parcels, for the new desk");
      await page.waitForSelector(".toast >> text=Published as change");
      assert.match((await textOf("delivery")).text, /delivery\.lost/);
      await page.locator("a:has-text('History'):not(nav a)").click();
      await page.waitForSelector(".change >> text=Lost parcels, for the new desk");
      await page.waitForSelector(".cm-merge-b .cm-changedLine >> text=lost");
    }));

test("a change goes in shadow first, beside what is sent, and then takes its place", () =>
    inPage({at: "#/orders/rules/search"}, async (page) => {
      await page.waitForSelector(".cm-content");
      const {text} = await textOf("search");
      const to = /    to: (\S+)/.exec(text)[1];
      const changed = text.replace(`    to: ${to}`, `    to: ${to}-new`);
      await typeInstead(page, changed);
      await page.waitForSelector("aside >> text=can be published");
      await page.keyboard.press("Control+s");
      await page.selectOption("dialog select", {label: "in shadow: counted, nothing sent"});
      await page.waitForSelector("dialog li:has-text('added') >> text=-next");
      assert.deepEqual(await seriousOf(page), []);
      await page.fill("dialog #why", "The new topic, looked at first");
      await page.locator("dialog button.main:enabled").waitFor();
      await page.keyboard.press("Control+s");
      await page.waitForSelector(".toast >> text=Published as change");
      const staged = (await textOf("search")).text;
      assert.match(staged, /-next\n/);
      assert.match(staged, /rollout: \{ mode: shadow \}/);
      assert.ok(staged.includes(`    to: ${to}\n`));
      await page.waitForSelector("aside >> text=as published");
      assert.deepEqual(await seriousOf(page), []);
      await page.selectOption("aside select", {label: "in full"});
      await publishNow(page, "It sends what it should");
      await page.waitForSelector("aside >> text=as published");
      await page.locator("aside select").waitFor({state: "detached"});
      assert.equal((await textOf("search")).text, changed);
    }));

test("who changes what somebody else has changed meanwhile sees both sides and loses nothing", () =>
    inPage({at: "#/orders/rules/checkout"}, async (page) => {
      await page.waitForSelector(".cm-content");
      const {text} = await textOf("checkout");
      await publish(manager, [["rules", "checkout", {text: text.replace("Carts that were left", "Carts left for an hour")}]], "Said more exactly", BOB);
      await typeInstead(page, text.replace("Orders that are paid", "Paid orders"));
      await page.keyboard.press("Control+s");
      await page.waitForSelector("dialog >> text=Somebody else changed it meanwhile");
      await page.waitForSelector("dialog >> text=Said more exactly");
      await page.waitForSelector(".cm-merge-a >> text=Carts left for an hour");
      await page.waitForSelector(".cm-merge-b >> text=Paid orders");
      assert.deepEqual(await seriousOf(page), []);
      await page.locator(".cm-merge-revert button").first().click();
      await page.locator("dialog button:has-text('Go on with the right side')").click();
      await publishNow(page, "Both of it");
      await page.waitForSelector(".toast >> text=Published as change");
      const now = (await textOf("checkout")).text;
      assert.match(now, /Carts left for an hour/);
      assert.match(now, /Paid orders/);
    }));

test("a replacement over all items is previewed, done in one step and undone in one", () =>
    inPage({at: "#/orders/search?q=oncall"}, async (page) => {
      await page.waitForSelector("text=/1 place in 1 item/");
      await page.check("text=Regular expression");
      await page.fill("#search-text", "(\\w+)-oncall@");
      await page.fill("#replacement", "\\1-pager@");
      await page.waitForSelector("text=/1 place in 1 item/");
      const before = (await textOf("fraud")).text;
      await page.click("button:has-text('Preview')");
      await page.waitForSelector("dialog .cm-merge-b >> text=fraud-pager@");
      assert.deepEqual(await seriousOf(page), []);
      assert.equal((await textOf("fraud")).text, before);
      await page.fill("dialog #why", "Pagers have moved");
      await page.click("dialog button.main");
      await page.waitForSelector(".toast >> text=Replaced in 1 item");
      assert.match((await textOf("fraud")).text, /fraud-pager@/);
      await page.click(".toast button:has-text('Undo')");
      await page.locator("dialog button:has-text('Undo it'):enabled").click();
      await page.waitForSelector(".toast >> text=is undone");
      assert.equal((await textOf("fraud")).text, before);
    }));

test("an older version is put back from the history", () =>
    inPage({at: "#/orders/history/freeze-days/config"}, async (page) => {
      await publish(manager, [["config", "freeze-days", {text: "9", type: "number"}]], "Longer", BOB);
      await page.reload();
      await page.locator(".change").last().click();
      await page.click("text=Put this version back");
      await page.fill("dialog #why", "Three days are enough");
      await page.locator("dialog button.main:enabled").click();
      await page.waitForSelector(".toast >> text=stands again");
      assert.equal((await textOf("freeze-days", "config")).text, "3");
    }));

test("a secret is written and is shown nowhere afterwards", () =>
    inPage({at: "#/orders/secret"}, async (page) => {
      await page.click("button:has-text('New secret')");
      await page.locator("dialog input[type=text]").fill("mail-password");
      await page.locator("dialog input[type=password]").fill("planted-hunter2");
      await page.locator("dialog textarea").first().fill("shop/router");
      await page.fill("dialog #why", "The new mail relay");
      assert.deepEqual(await seriousOf(page), []);
      await page.click("dialog button.main");
      await page.waitForSelector("tbody >> text=mail-password");
      await page.waitForSelector("tbody >> text=shop/router");
      assert.equal((await page.content()).includes("planted-hunter2"), false);
      assert.equal(JSON.stringify(await textOf("mail-password", "secret")).includes("planted-hunter2"), false);
    }));

test("a replay is counted, started, watched by its bar and cancelled", () =>
    inPage({at: "#/orders/rules", answer: answerJobs}, async (page) => {
      await page.waitForSelector(".row.rule");
      await page.keyboard.press("g");
      await page.keyboard.press("b");
      const start = page.getByRole("button", {name: "Replay", exact: true});
      await page.getByLabel("Rule").fill("fraud/card-testing");
      assert.equal(await start.isDisabled(), true, "what was not counted can't be started");
      await page.getByRole("button", {name: "Count"}).click();
      await page.waitForSelector("text=52,310 offsets");
      await page.getByLabel("Why").fill("They lost a week");
      await page.getByLabel("From", {exact: true}).fill("2d");
      assert.equal(await start.isDisabled(), true, "another range is to be counted anew");
      await page.getByRole("button", {name: "Count"}).click();
      await start.click();
      const bar = page.getByRole("progressbar", {name: "replay 5"});
      await bar.waitFor();
      await page.waitForFunction(() => document.querySelector("progress[aria-label='replay 5']").value === 100);
      await page.waitForSelector("text=12 sent");
      assert.match(await page.getByRole("progressbar", {name: "replay 4"}).getAttribute("aria-valuetext"),
                   /16,500 of 40,000 offsets, 850 events a second, about 28 s left/);
      await page.getByRole("button", {name: "Cancel replay 4"}).click();
      await page.getByRole("button", {name: "Go on with replay 4"}).waitFor();
    }));

test("a team is onboarded by a form that tries what is typed and shows what there will be", () => {
  let asked = [];
  return inPage({at: "#/orders/rules", answer: async (page) => { asked = await answerOnboarding(page); }}, async (page) => {
    await page.waitForSelector(".row.rule");
    await page.keyboard.press("g");
    await page.keyboard.press("n");
    const make = page.getByRole("button", {name: "Make it"});
    await page.getByLabel("Team", {exact: true}).fill("fraud");
    await page.getByLabel("Whom to call").fill("fraud@example.com");
    await page.getByLabel("Events a second").fill("2500");
    assert.equal(await make.isDisabled(), true, "it is not whole yet");
    await page.getByLabel("To these topics").fill("growth.a");
    await page.waitForSelector("text=is not the team's");
    assert.equal(await make.isDisabled(), true, "the manager refuses it");
    await page.getByLabel("To these topics").fill("fraud.declined, fraud.own");
    await page.waitForSelector("text=7 of 20 events");
    await page.waitForSelector("text=User:fraud may read topic fraud.declined");
    assert.deepEqual(await seriousOf(page), []);
    assert.equal(asked.some((wish) => !wish.dry_run), false, "nothing is made before somebody says so");
    await page.getByLabel(/as a pattern/).fill("{");
    await page.waitForSelector("text=not valid JSON yet");
    assert.equal(await make.isDisabled(), true);
    await page.getByLabel(/as a pattern/).fill('{"type": ["payment.declined"]}');
    await make.click();
    await page.waitForSelector("text=It is committed");
    assert.equal(await page.getByRole("link", {name: "dashboard"}).getAttribute("href"), "https://grafana.example.com/d/x");
    await page.waitForSelector("text=kubectl -n orders-fraud describe eventroute orders");
    await page.waitForSelector("text=Commit 4b825dc642cb");
    const made = asked.filter((wish) => !wish.dry_run);
    assert.deepEqual(made.map(({team, rate, to, match}) => ({team, rate, to, match})),
                     [{team: "fraud", rate: 2500, to: ["fraud.declined", "fraud.own"], match: {type: ["payment.declined"]}}]);
  });
});

test("what was made for a team is shown before it is taken back, and goes once its name is typed", () => {
  let asked = [];
  const gone = () => asked.filter((one) => one.gone && !one.gone.includes("dry_run"));
  return inPage({at: "#/orders/onboard", answer: async (page) => { asked = await answerOnboarding(page); }}, async (page) => {
    await page.getByRole("button", {name: "Take back search"}).click();
    await page.waitForSelector("dialog >> text=search.all still has 12 records");
    const remove = page.getByRole("button", {name: "Remove it"});
    await page.getByLabel(/With the records/).check();
    await page.waitForSelector("dialog >> text=What will be removed");
    assert.equal(await remove.isDisabled(), true, "its name is not typed yet");
    await page.getByLabel(/to have it removed/).fill("growth");
    assert.equal(await remove.isDisabled(), true, "another team's name");
    assert.deepEqual(await seriousOf(page), []);
    assert.deepEqual(gone(), []);
    await page.getByLabel(/to have it removed/).fill("search");
    await remove.click();
    await page.waitForSelector("dialog >> text=It is undone");
    assert.equal(gone().length, 1);
    assert.match(gone()[0].gone, /search[?]records=delete$/);
    await page.keyboard.press("Escape");
    await page.getByRole("button", {name: "Take back growth"}).click();
    await page.waitForSelector("dialog >> text=goes with a commit");
    await page.getByLabel(/to have it removed/).fill("growth");
    await remove.click();
    await page.waitForSelector("dialog >> text=Ask again once that is applied");
    await page.waitForSelector("dialog >> text=Commit 4b825dc642cb");
  });
});

test("dead letters are looked at, with values where that is asked for, and put back by kind", () =>
    inPage({at: "#/orders/dead-letters", answer: answerJobs}, async (page) => {
      await page.getByRole("button", {name: "Show destination_unavailable of fraud/card-testing"}).click();
      await page.waitForSelector("dialog >> text=2/41");
      assert.equal(await page.locator("dialog >> text=payment.declined").count(), 0);
      await page.getByLabel(/With keys and values/).check();
      await page.waitForSelector("dialog >> text=payment.declined");
      assert.deepEqual(await seriousOf(page), []);
      await page.keyboard.press("Escape");
      await page.getByRole("combobox", {name: "Kind"}).selectOption("destination_unavailable");
      await page.getByRole("button", {name: "Look"}).click();
      await page.getByRole("button", {name: "Put back destination_unavailable of fraud/card-testing"}).click();
      await page.getByRole("button", {name: "Count"}).click();
      await page.waitForSelector("text=1,204 dead letters");
      await page.getByLabel("Why").fill("Its topic is there now");
      await page.getByRole("button", {name: "Put back", exact: true}).click();
      await page.waitForFunction(() => document.querySelector("progress[aria-label='redrive 5']")?.value === 100);
    }));

test("leaving an unpublished text is asked about first", () =>
    inPage({at: "#/orders/rules/search"}, async (page) => {
      await page.waitForSelector(".cm-content");
      await editor(page).click();
      await page.keyboard.insertText("# x\n");
      let asked = "";
      page.once("dialog", (dialog) => { asked = dialog.message(); dialog.dismiss(); });
      await page.click("nav >> text=Audit");
      await page.waitForSelector("text=not published");
      assert.match(asked, /search has changes that are not published/);
    }));

test("the page's files are given without a token, under a policy without inline code, and kept by their ETag", async () => {
  for (const [path, type] of [["/", "text/html"], ["/app.js", "text/javascript"], ["/app.css", "text/css"]]) {
    const answer = await fetch(manager.url + path);
    assert.equal(answer.status, 200);
    assert.ok(answer.headers.get("content-type").startsWith(type));
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
    const policy = answer.headers.get("content-security-policy");
    assert.match(policy, /default-src 'none'.*script-src 'self'; style-src 'self'/);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    const body = await answer.text();
    assert.ok(body === readFileSync(`${DIST}/${path.slice(1) || "index.html"}`, "utf8"), `${path} is not what is built; build the program anew`);
    if (!manager.isReal) continue;
    const again = await fetch(manager.url + path, {headers: {"If-None-Match": answer.headers.get("etag")}});
    assert.equal(again.status, 304);
  }
  assert.equal((await fetch(manager.url + "/v1/services")).status, 401);
});

test("what somebody else proposes is looked at and approved", {skip: !process.env.TURNOUT && "the stand-in has no proposals of its own"}, () =>
    inPage({at: "#/orders/proposals", token: BOB}, async (page) => {
      await publish(manager, [["rules", "delivery", {text: (await textOf("delivery")).text + "    key: parcel.id\n"}]], "Parcels by their id", CAROL);
      await page.reload();
      await page.click("tr:has-text('Parcels by their id') >> text=Look at it");
      await page.waitForSelector("dialog .cm-merge-b .cm-changedLine >> text=parcel.id");
      assert.deepEqual(await seriousOf(page), []);
      await page.locator("dialog button:has-text('Approve and publish'):enabled").click();
      await page.waitForSelector(".toast >> text=Approved; published as change");
      assert.match((await textOf("delivery")).text, /parcel\.id/);
      await page.click("nav >> text=Audit");
      await page.waitForSelector("tbody tr:has-text('approve proposal') >> text=done");
    }));

const needsRouters = {skip: !process.env.TURNOUT && "the stand-in has no routers that tell how they are"};
test("what each rule does a second stands beside it, and how each pod is", needsRouters, () =>
    inPage({at: "#/orders/rules"}, async (page) => {
      await page.waitForSelector(".row.rule:has-text('card-testing') .rate >> text=/4[0-4]\\/s/");
      await page.waitForSelector(".row.rule:has-text('large-orders') .rate >> text=3 errors");
      assert.deepEqual(await seriousOf(page), []);
      await page.click("nav >> text=Routers");
      await page.waitForSelector("tr:has-text('router-1') >> text=1,200 records");
      await page.waitForSelector("tr:has-text('router-2') >> text=the destination fraud.devices does not exist");
      await page.waitForSelector("tr:has-text('router-0') >> text=well");
      assert.deepEqual(await seriousOf(page), []);
    }));

test("an event is tried with the rules as they are typed, and what does not match says why", needsRouters, () =>
    inPage({at: "#/orders/rules/fraud"}, async (page) => {
      await page.waitForSelector(".cm-content");
      await page.click("button:has-text('Try an event')");
      await page.waitForSelector("text=3 rules do not match");
      await page.waitForSelector(".judged li:has-text('large-orders') >> text=total is not there");
      await page.fill("#event", JSON.stringify({type: "order.created", total: 950, country: "NO"}));
      await page.waitForSelector("text=1 rule matches");
      await page.fill("#event", "{");
      await page.waitForSelector("text=/not valid JSON yet/");
      await page.waitForSelector("text=as the event was before");
      await page.fill("#event", JSON.stringify({type: "order.created", total: 950, country: "NO"}));
      await typeInstead(page, FRAUD(3).replace("900", "999"));
      await page.waitForSelector(".judged li:has-text('large-orders') >> text=/total is 950; wanted/");
      await typeInstead(page, FRAUD(3).replace("prefix:", "prefx:"));
      await page.waitForSelector(".tester >> text=can't be tried before this is mended");
      await page.locator("button:has-text('Discard')").click();
      await page.waitForSelector("text=1 rule matches");
      assert.deepEqual(await seriousOf(page), []);
    }));

test("an event that passes just now becomes a rule by the keyboard alone", needsRouters, () =>
    inPage({at: "#/orders/rules/fraud?try=1"}, async (page) => {
      await page.locator("button:has-text('Live events')").focus();
      await page.keyboard.press("Enter");
      await page.waitForSelector(".sample button");
      assert.deepEqual(await seriousOf(page), []);
      await page.locator(".sample button:has-text('order.created')").first().focus();
      await page.keyboard.press("Enter");
      assert.match(await page.inputValue("#event"), /"number": "\*\*\*"/);
      await page.locator("button:has-text('Make a pattern of it')").focus();
      await page.keyboard.press("Enter");
      for (const field of ["type", "total", "card.number", "items.sku"]) {
        await page.locator(`.fields button[data-path="${field}"]`).focus();
        await page.keyboard.press("Space");
      }
      await page.selectOption("[aria-label='How total is compared']", "range");
      await page.fill("[aria-label='total up to']", "5000");
      await page.selectOption("[aria-label='How type is compared']", "prefix");
      await page.fill("[aria-label='What type begins with']", "order.");
      await page.waitForSelector("text=this event matches");
      assert.match(await page.textContent(".yaml"), /type: \[\{ prefix: "order\." \}\]\n {2}total: \[\{ numeric: \[">=", \d+, "<=", 5000\] \}\]\n {2}card\.number: \[\{ exists: true \}\]\n {2}items\.sku: \["a-1"\]/);
      await page.fill("[aria-label='What type begins with']", "refund.");
      await page.waitForSelector("text=does not match: type");
      await page.fill("[aria-label='What type begins with']", "order.");
      await page.waitForSelector("text=this event matches");
      assert.deepEqual(await seriousOf(page), []);
      await page.click("button:has-text('Add as a rule')");
      await page.waitForSelector("aside li:has-text('added') >> text=fraud/picked");
      await page.waitForSelector("aside >> text=can be published");
      await page.waitForSelector(".judged li:has-text('fraud/picked') >> text=matches");
      page.once("dialog", (dialog) => dialog.accept());
    }));

test("rules are listed from every form of a file", () =>
    inPage({at: "#/forms/rules"}, async (page) => {
      await publish(manager, [
        ["rules", "json", {text: JSON.stringify({team: "json", destinations: ["json.*"], rules: [{name: "of-json", match: {a: [1]}, to: ["json.a", "json.b"]}]}, null, 2)}],
        ["rules", "flat", {text: "team: flat\ndestinations: [flat.*]\nrules:\n- match: { a: [1] }\n  to:\n  - flat.a\n  - flat.b\n  name: of-flat\n"}]],
          "Other forms", ALICE, "forms");
      await page.reload();
      await page.waitForSelector(".row.rule:has-text('of-json') >> text=json.a, json.b");
      await page.waitForSelector(".row.rule:has-text('of-flat') >> text=flat.a, flat.b");
    }));

// How long it takes is told; on a quiet machine the first paint comes within 300 ms.
test("10,000 rules are listed by what is seen of them", async (t) => {
  await seedMany(manager);
  await inPage({at: "#/orders/rules"}, async (page) => {
    const paint = await page.evaluate(() => new Promise((done) => new PerformanceObserver((list) =>
        done(list.getEntries()[0].startTime)).observe({type: "paint", buffered: true})));
    t.diagnostic(`first paint after ${Math.round(paint)} ms`);
    await page.goto(`${manager.url}/#/large/rules`);
    await page.waitForSelector("text=10,000 rules of 20 teams");
    assert.ok(await page.locator(".row").count() < 80);
    const took = await page.evaluate(async () => {
      const list = document.querySelector(".rules");
      const start = performance.now();
      list.scrollTop = list.scrollHeight;
      while (!list.textContent.includes("rule-499")) await new Promise(requestAnimationFrame);
      return performance.now() - start;
    });
    t.diagnostic(`the end was there after ${Math.round(took)} ms`);
    const filtered = Date.now();
    await page.fill("#filter", "team-7 rule-123");
    await page.waitForSelector("text=1 rule of 1 team");
    t.diagnostic(`filtered after ${Date.now() - filtered} ms`);
  });
});
