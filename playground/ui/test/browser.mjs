// A visitor tries two servers out, in a real browser. TestBrowser… in ../../browser_test.go runs this: PAGE_URL is the
// server, CHROMIUM the browser, and screenshots are written to the folder PAGE_SCREENSHOTS.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const { PAGE_URL, PAGE_SCREENSHOTS, CHROMIUM } = process.env;
const TIMEOUT = 20_000; // ms for each expected event
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// The browser connects to the server only, not to its vendor.
const flags = [
  "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

const errors = [];
let excused = null; // a pattern of currently expected errors

async function open(path, options = {}) {
  const { ready = true, ...rest } = options;
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce", ...rest });
  context.setDefaultTimeout(TIMEOUT);
  const page = await context.newPage();
  const note = (text) => excused?.test(text) || errors.push(`${path}: ${text}`);
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && note(m.text()));
  page.on("pageerror", (e) => note(String(e)));
  page.on("request", (r) => new URL(r.url()).host === new URL(PAGE_URL).host || r.url().startsWith("blob:") || note(`a request to ${r.url()}`));
  await page.goto(PAGE_URL + path);
  if (ready) await page.locator(".timeline").waitFor();
  return page;
}

const shoot = (page, name) => page.screenshot({ path: join(PAGE_SCREENSHOTS, `${name}.png`) });
const choose = (page, action) => page.locator(".side li a", { has: page.getByText(action, { exact: true }) }).click();
const at = (page, loc) => page.locator(`[id="message/${loc}"]`);
const send = (page) => page.locator(".composer .primary").click();
const rows = (page, action) => page.locator(".entry", { has: page.locator(".action", { hasText: new RegExp(`^${action.replace(".", "\\.")}$`) }) });
const problem = (page, loc) => page.locator(`[id="message/${loc}/problems"]`);
const opened = (page, n) => page.locator(".conn.open").nth(n - 1).waitFor();

/** Fails for whatever axe-core calls serious or critical. */
async function accessible(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"], preload: false }));
  const serious = violations.filter((v) => ["serious", "critical"].includes(v.impact));
  assert.deepEqual(serious.map((v) => `${name}: ${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160)).join(" | ")}`), []);
}

async function looks(page, name) {
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    await accessible(page, `${name} ${colorScheme}`);
    await shoot(page, `${name}-${colorScheme}`);
  }
}

async function load() {
  const page = await open("/docs/", { ready: false });
  await page.locator(".timeline").waitFor();
  console.log(`usable after ${Math.round(await page.evaluate(() => performance.now()))} ms`); // not asserted: the machine may be busy
  await looks(page, "channel");
  await page.context().close();
}

async function chat() {
  const page = await open("/docs/");
  await choose(page, "chat");
  await send(page); // the room is missing: the form says so
  await page.getByText("Field required").waitFor();
  await shoot(page, "missing-parameter");
  await page.getByRole("textbox", { name: "room" }).fill("lobby & <b>");
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await opened(page, 1);
  await page.getByRole("button", { name: "Duplicate A" }).click();
  await opened(page, 2);

  await at(page, "payload/content").fill("");
  await problem(page, "payload/content").getByText("String should have at least 1 character").waitFor();
  await send(page);
  await problem(page, "payload/content").getByText("Server").waitFor();
  await page.getByText("The server refused it: 1 problem").waitFor();
  await looks(page, "refused-message");

  const markup = "<img src=x onerror='window.broken=1'><script>window.broken=1</script>";
  await at(page, "payload/content").fill(markup);
  assert.equal(await problem(page, "payload/content").count(), 0, "the server's error stays when its field has changed");
  await page.keyboard.press("Control+Enter");
  await rows(page, "chat_group").nth(1).waitFor();
  const got = await rows(page, "chat_group").evaluateAll((all) => all.map((e) => [e.querySelector(".dot").textContent, !!e.querySelector(".badge")]));
  assert.deepEqual(new Map(got), new Map([["A", false], ["B", true]]), "the sender's copy alone is marked as current");
  await rows(page, "chat_group").first().locator(".row").click();
  await page.locator(".detail pre", { hasText: markup }).waitFor();
  assert.equal(await page.evaluate(() => window.broken), undefined);
  assert.equal(await page.locator(".rows :is(img, script)").count(), 0);
  await page.getByText("History").click();
  await page.locator(".sheet").getByText("onerror").first().waitFor();
  await page.keyboard.press("Escape");

  await choose(page, "question");
  await at(page, "payload/text").fill("who?");
  await send(page);
  await rows(page, "answer").locator(".ms", { hasText: "ms" }).waitFor();
  await page.reload();
  await page.locator(".timeline").waitFor();
  assert.equal(await at(page, "payload/text").inputValue(), "who?", "what was typed is gone after a reload");
  await page.context().close();
}

async function enter(page, token = "ann") {
  await page.getByRole("textbox", { name: "warehouse" }).fill("berlin");
  await page.locator('[id="param/query.lang"]').selectOption("de");
  await page.locator("#token").fill(token);
  await page.getByRole("button", { name: "Connect", exact: true }).click();
}

async function warehouse() {
  const page = await open("/deep/er/docs/");
  await choose(page, "order.place");
  await looks(page, "form");
  await page.getByRole("textbox", { name: "warehouse" }).fill("Berlin");
  await page.getByText("String should match pattern '^[a-z]+$'").waitFor();
  await enter(page, "<script>");
  await page.getByText("Refused, 401: this token is unknown").waitFor();
  await looks(page, "refused-token");
  await page.getByRole("button", { name: "Edit" }).click();
  assert.equal(await page.getByRole("textbox", { name: "warehouse" }).inputValue(), "berlin");
  await enter(page);
  await opened(page, 1);
  await page.getByRole("button", { name: "Remove A" }).click();

  await at(page, "payload/email").fill("nobody");
  await at(page, "payload/lines/0/sku").fill("<script>");
  await at(page, "payload/weight").fill("much");
  await page.getByRole("radio", { name: "tube" }).check();
  await at(page, "payload/labels").click();
  await page.getByLabel("New key of labels").fill("a b/c");
  await page.getByRole("button", { name: "Add key" }).click();
  await at(page, "payload/tree").click();
  await at(page, "payload/tree/children").click();
  await page.getByRole("button", { name: "Add to children" }).click();
  await send(page);
  for (const loc of ["payload/email", "payload/lines/0/sku", "payload/weight", "payload/shape/radius", "payload/tree/name", "payload/tree/children/0/name"]) {
    await problem(page, loc).getByText("Server").waitFor();
  }
  await page.locator(".verdict").getByRole("button", { name: "shape.radius" }).click();
  assert.equal(await page.evaluate(() => document.activeElement.id), "message/payload/shape/radius");
  await looks(page, "errors");

  await page.getByRole("button", { name: "Example" }).click();
  await send(page);
  await rows(page, "order.accepted").waitFor();
  const kept = await page.evaluate(() => [...Object.values(sessionStorage), ...Object.values(localStorage), document.cookie].join());
  assert.ok(kept.includes("berlin") && !kept.includes('"ann"'), "the token is stored");
  assert.match(await rows(page, "order.accepted").locator(".preview").textContent(), /9007199254740993/, "a digit is lost");
  await page.context().close();
}

async function editor() {
  const page = await open("/deep/er/docs/");
  await choose(page, "order.place");
  await page.locator(".composer").getByText("JSON", { exact: true }).click();
  const content = page.locator(".cm-content");
  await content.waitFor();
  await looks(page, "editor");
  await content.click();
  await page.keyboard.press("Control+A");
  await page.keyboard.type('{"type":"order.place","payload":{"shape":{"kind":"tube",'); // the editor closes brackets
  await page.keyboard.press("Control+Space");
  await page.locator(".cm-tooltip-autocomplete").getByText("radius").waitFor();
  await shoot(page, "completion");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector(".editor").shadowRoot.querySelector(".cm-content").textContent.includes('"radius"'));
  await page.keyboard.type(',"'); // a name begins: the editor offers those that are left
  await page.locator(".cm-tooltip-autocomplete").waitFor({ state: "hidden" }); // a tube has no other
  for (let i = 0; i < 2; i++) await page.keyboard.press("Backspace");
  await page.locator(".composer").getByText("Form", { exact: true }).click();
  await page.getByRole("radio", { name: "tube" }).waitFor();
  assert.ok(await page.getByRole("radio", { name: "tube" }).isChecked(), "the form shows another value than the editor");
  await page.locator(".composer").getByText("JSON", { exact: true }).click();
  await content.click();
  await page.keyboard.press("Control+A");
  await page.keyboard.type('{"type":"order.place","payload":{"');
  await page.locator(".cm-tooltip-autocomplete").locator(".cm-completionLabel", { hasText: "email" }).waitFor();
  await page.keyboard.press("Control+A");
  await page.keyboard.type('{"type":');
  await page.locator(".verdict").getByText("1 problem").waitFor();
  await page.locator(".composer").getByText("Form", { exact: true }).click();
  await page.getByText("The text is not JSON yet").waitFor();
  await page.context().close();
}

async function streams() {
  const page = await open("/deep/er/docs/");
  await enter(page);
  await opened(page, 1);
  await choose(page, "stock.watch");
  await send(page);
  const request = rows(page, "stock.watch");
  await request.getByRole("button", { name: /^[3-9] frames/ }).click();
  await rows(page, "stock.tick").nth(2).waitFor();
  await looks(page, "stream");
  await page.getByRole("button", { name: "Cancel stock.watch" }).click();
  await page.locator(".running").waitFor({ state: "detached" });
  await rows(page, "complete").waitFor();
  await choose(page, "stock.lie");
  await send(page);
  await rows(page, "stock.changed").getByText("not as documented").waitFor();
  await choose(page, "stock.nudge");
  await send(page);
  await rows(page, "stock.changed").getByText("current").waitFor();

  await page.getByLabel("Filter by action").selectOption("stock.changed");
  await rows(page, "authentication").waitFor({ state: "detached" });
  await page.getByLabel("Filter by text").fill("nothing has this");
  await page.getByText("No frame passes the filter.").waitFor();
  await shoot(page, "filtered");
  await page.getByRole("button", { name: "Show all frames" }).click();
  for (const [item, name] of [["JSON", "frames.json"], ["Go test with chanxtest", "recorded_test.go"]]) {
    await page.getByText("Export").click();
    const [file] = await Promise.all([page.waitForEvent("download"), page.locator(".sheet").getByText(item, { exact: true }).click()]);
    assert.equal(file.suggestedFilename(), name);
    const text = readFileSync(await file.path(), "utf8");
    assert.ok(text.includes("stock.changed") && !/token=|"ann"/.test(text), `${name} lacks a frame, or has the token`);
  }
  await page.context().close();
}

async function controls() {
  const page = await open("/docs/");
  await page.getByRole("textbox", { name: "room" }).fill("lobby");
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await opened(page, 1);
  await page.getByRole("button", { name: "Duplicate A" }).click();
  await opened(page, 2);
  await choose(page, "chat");
  await page.getByRole("button", { name: "Pause" }).click();
  await send(page);
  await page.getByRole("button", { name: /^Paused, [1-9]/ }).waitFor();
  assert.equal(await rows(page, "chat").count(), 0, "a paused timeline shows a new frame");
  await page.getByRole("button", { name: /^Paused/ }).click();
  await rows(page, "chat_group").nth(1).waitFor();
  await page.getByRole("button", { name: "Show connection A" }).click();
  await rows(page, "chat_group").nth(1).waitFor({ state: "detached" });
  await page.getByRole("radio", { name: "Out" }).check();
  await rows(page, "chat_group").waitFor({ state: "detached" });
  await rows(page, "chat").waitFor();
  await page.getByRole("button", { name: "Theme: as the system" }).click();
  await page.getByRole("button", { name: "Theme: light" }).click();
  await page.reload();
  await page.getByRole("button", { name: "Theme: dark" }).waitFor();
  const kept = await page.evaluate(() => JSON.stringify([Object.entries(sessionStorage), Object.entries(localStorage)]));
  assert.ok(kept.includes("lobby") && kept.includes("dark"), kept);
  await page.context().close();
}

const asking = {
  asyncapi: "3.0.0",
  info: { title: "Asks", version: "1.0.0" },
  "x-chanx": { wire: 1, discriminator: "action" },
  channels: {
    room: {
      address: "/ws/ask",
      messages: Object.fromEntries(
        [["confirm", "text", "string"], ["confirmed", "yes", "boolean"]].map(([action, name, type]) => [
          action,
          {
            name: action,
            payload: {
              type: "object",
              properties: { action: { const: action }, payload: { type: "object", properties: { [name]: { type } }, required: [name] }, ask: { type: "string" } },
              required: ["action", "payload"],
            },
          },
        ]),
      ),
    },
  },
  operations: {
    confirm: {
      action: "send",
      channel: { $ref: "#/channels/room" },
      messages: [{ $ref: "#/channels/room/messages/confirm" }],
      reply: { messages: [{ $ref: "#/channels/room/messages/confirmed" }] },
      "x-chanx": { kind: "ask" },
    },
  },
};

/** A server that asks is simulated: the form answers in its wire form. */
async function asks() {
  const page = await open("/docs/", { ready: false });
  const heard = [];
  await page.route("**/asyncapi.json", (route) => route.fulfill({ json: asking }));
  await page.routeWebSocket("**/ws/ask", (ws) => {
    ws.onMessage((text) => heard.push(text));
    for (const ask of ["a1", "a2"]) ws.send(JSON.stringify({ action: "confirm", payload: { text: "Sure?" }, ask }));
  });
  await page.reload();
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await rows(page, "confirm").first().getByText("asks").waitFor();
  await rows(page, "confirm").first().locator(".row").click();
  await page.getByRole("radio", { name: "true" }).check();
  await looks(page, "ask");
  await page.getByRole("button", { name: "Answer" }).click();
  await page.getByText("Answered").waitFor();
  await rows(page, "confirm").first().locator(".row").click();
  await rows(page, "confirm").nth(1).locator(".row").click();
  await page.getByRole("button", { name: "Decline" }).click();
  await page.getByText("Declined", { exact: true }).waitFor();
  assert.deepEqual(heard.map((t) => JSON.parse(t)), [
    { action: "confirmed", payload: { yes: true }, ask: "a1" },
    { action: "error", payload: { reason: "declined", detail: "Declined on the page" }, ask: "a2" },
  ]);
  await page.context().close();
}

async function floods() {
  const page = await open("/deep/er/docs/");
  await enter(page);
  await opened(page, 1);
  await choose(page, "report");
  await at(page, "payload/characters").fill("1000000");
  await send(page);
  await rows(page, "report.text").locator(".row").click();
  await page.getByRole("button", { name: /^Show all/ }).click();
  await page.getByRole("button", { name: "Show less" }).click();
  assert.equal(await page.evaluate(() => window.broken), undefined);
  await rows(page, "report.text").locator(".row").click();
  await choose(page, "flood");
  await at(page, "payload/count").fill("11000");
  await send(page);
  await page.getByText(/were dropped to save memory/).waitFor();
  await rows(page, "flood").waitFor({ state: "detached" });
  await rows(page, "complete").waitFor(); // the end is shown
  const drawn = await page.locator(".entry").count();
  assert.ok(drawn < 100, `${drawn} rows are drawn for 10,000 frames`);
  await page.locator(".rows").evaluate((e) => (e.scrollTop = e.scrollHeight / 2));
  await page.getByRole("button", { name: "Latest" }).waitFor();
  await shoot(page, "flood");
  await page.context().close();
}

async function keyboard() {
  const page = await open("/docs/");
  const press = async (...keys) => {
    for (const k of keys) await page.keyboard.press(k);
  };
  const focus = () => page.evaluate(() => (document.activeElement === document.body ? "" : document.activeElement.id || document.activeElement.textContent));
  /** Presses Tab until what has the focus matches. */
  const tabTo = async (what) => {
    const seen = [];
    for (let i = 0; i < 150; i++) {
      seen.push((await focus()).slice(0, 30));
      if (what.test(await focus())) return;
      await press("Tab");
    }
    assert.fail(`Tab never reaches ${what}: ${seen.join(" › ")}`);
  };
  await press("/");
  await page.keyboard.type("question");
  await press("Enter");
  await page.locator(".composer").waitFor();
  await tabTo(/^message\/payload\/text$/);
  await press("Control+A");
  await page.keyboard.type("who?");
  await press("Control+Enter"); // the room is missing
  await tabTo(/^param\/path\.room$/);
  await page.keyboard.type("lobby");
  await press("Enter");
  await opened(page, 1);
  await tabTo(/^question/); // the list of messages follows from the start
  await tabTo(/^message\/payload\/text$/);
  await press("Control+Enter");
  await rows(page, "answer").waitFor();
  await tabTo(/A note|A received/); // a frame; arrows go to others
  await press("End");
  await page.waitForFunction(() => /WHO/.test(document.activeElement.textContent));
  await press("Enter");
  await page.locator(".detail").getByText('"WHO?"').waitFor();
  await press("Home", "ArrowDown");
  await page.waitForFunction(() => /note .*Open/.test(document.activeElement.textContent));
  await page.context().close();
}

async function narrow() {
  const page = await open("/deep/er/docs/", { viewport: { width: 360, height: 640 }, hasTouch: true, ready: false });
  const fits = async (where) => {
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 360, `${where} is ${wide} px wide`);
  };
  await page.locator("h1").waitFor();
  await fits("the channel");
  await looks(page, "narrow-channel");
  const tab = (name) => page.locator(".tabs").getByRole("button", { name }).click();
  await tab("Browse");
  await looks(page, "narrow-browse");
  await choose(page, "order.place");
  await page.locator(".composer").waitFor();
  await fits("the composer");
  await looks(page, "narrow-form");
  await tab("Live");
  await enter(page);
  await opened(page, 1);
  await tab("Message");
  await send(page);
  await page.locator(".count").waitFor();
  await tab("Live");
  await rows(page, "order.accepted").locator(".row").click();
  await fits("the timeline");
  await looks(page, "narrow-live");
  await page.context().close();
}

async function failures() {
  const post = (path) => fetch(PAGE_URL + path, { method: "POST" });
  excused = /502/;
  await post("/down");
  const broken = await open("/flaky/", { ready: false });
  await broken.getByRole("heading", { name: "The server answered 502 Bad Gateway" }).waitFor();
  await broken.getByText("<h1>bad gateway</h1>").waitFor();
  await looks(broken, "no-document");
  await post("/up");
  await broken.getByRole("button", { name: "Try again" }).click();
  await broken.locator(".timeline").waitFor();
  excused = null;
  await broken.context().close();

  const page = await open("/docs/");
  await choose(page, "chat");
  await page.getByRole("textbox", { name: "room" }).fill("lobby");
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await opened(page, 1);
  await at(page, "payload/content").fill("not lost");
  await post("/cut");
  await page.getByText(/The server is shutting down/).first().waitFor();
  await looks(page, "server-gone");
  excused = /WebSocket/;
  await page.getByRole("button", { name: "Connect again" }).click();
  await page.locator(".conn.closed").waitFor();
  assert.equal(await at(page, "payload/content").inputValue(), "not lost");
  excused = null;
  await page.context().close();
}

mkdirSync(PAGE_SCREENSHOTS, { recursive: true });
const browser = await chromium.launch({ executablePath: CHROMIUM, args: flags });
try {
  const scenes = [load, chat, warehouse, editor, streams, controls, asks, floods, keyboard, narrow, failures];
  for (const scene of scenes.filter((s) => !process.env.PAGE_SCENE || s.name === process.env.PAGE_SCENE)) {
    const began = Date.now();
    await scene();
    console.log(`${scene.name}: ${Date.now() - began} ms`);
  }
  assert.deepEqual(errors, [], "errors in the console, or requests to other hosts");
} catch (err) {
  const last = browser.contexts().flatMap((c) => c.pages()).at(-1);
  await last?.screenshot({ path: join(PAGE_SCREENSHOTS, "failed.png") }).catch(() => {});
  console.log("errors:", errors);
  throw err;
} finally {
  await browser.close();
}
