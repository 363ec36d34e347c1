// Two people meet in a room, each in a separate browser, while the server is restarted. TestBrowser… in
// ../browser_test.go runs this: CHAT_URL is the server, CHAT_CONTROL answers POST /stop and /start, CHROMIUM is the
// browser, and screenshots are written to the folder CHAT_SCREENSHOTS.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const { CHAT_URL, CHAT_CONTROL, CHAT_SCREENSHOTS, CHROMIUM } = process.env;
const TIMEOUT = 20_000; // ms for each expected event

// The browser connects to the server only, not to its vendor.
const flags = [
  "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

// Person is a user with a separate browser; it collects errors of its pages.
class Person {
  errors = [];
  excused = null; // a pattern of currently expected errors

  constructor(name, context) {
    this.name = name;
    this.context = context;
  }

  // open opens a tab.
  async open() {
    const page = await this.context.newPage();
    const note = (text) => this.excused?.test(text) || this.errors.push(`${this.name}: ${text}`);
    page.on("console", (m) => m.type() === "error" && note(m.text()));
    page.on("pageerror", (e) => note(String(e)));
    return page;
  }

  async login(path) {
    const response = await this.page.goto(CHAT_URL + path);
    assert.equal(response.status(), 200, "the login form");
    await this.page.getByLabel("Your name").fill(this.name);
    await this.page.getByRole("button", { name: "Enter" }).click();
    await inRoom(this.page);
  }

  async say(text, page = this.page) {
    await page.getByRole("textbox", { name: "Message" }).fill(text);
    await page.keyboard.press("Enter");
  }

  shoot(name) {
    const options = { path: join(CHAT_SCREENSHOTS, `${name}-${this.name.toLowerCase()}.png`) };
    return this.page.screenshot(options).catch(() => this.page.screenshot(options)); // on a busy machine the first one may fail
  }
}

async function arrive(name, options) {
  const p = new Person(name, await browser.newContext(options));
  people.push(p);
  p.context.setDefaultTimeout(TIMEOUT);
  p.page = await p.open();
  return p;
}

const inRoom = (page) => page.locator('#state[data-state="entered"]').waitFor();
const isOn = (page, node) => page.locator("#node", { hasText: new RegExp(`^on ${node}$`) }).waitFor();
const post = (page, text, marks) => page.locator(`.post.${marks}`, { has: page.getByText(text, { exact: true }) });
const sees = (page, text, marks) => post(page, text, marks).waitFor();
const note = (page, text) => page.locator(".note", { hasText: text });
const texts = (page) => page.locator(".post .text").allTextContents();

async function control(what) {
  const response = await fetch(`${CHAT_CONTROL}/${what}`, { method: "POST" });
  assert.ok(response.ok, `${what}: ${await response.text()}`);
}

async function meet(ann, bob) {
  await ann.page.goto(CHAT_URL);
  await ann.shoot("login");
  await ann.login("/");
  assert.equal(new URL(ann.page.url()).pathname, "/rooms/lobby");
  await isOn(ann.page, "node-1");
  await note(ann.page, "Nothing has been said here yet").waitFor();

  await bob.login("/rooms/lobby"); // redirects to the form, and back
  assert.equal(new URL(bob.page.url()).pathname, "/rooms/lobby");
  await note(ann.page, "Bob joined").waitFor();
  assert.equal(await note(bob.page, "Bob joined").count(), 0, "one's own coming is no news");
}

async function talk(ann, bob) {
  await ann.page.getByRole("textbox", { name: "Message" }).pressSequentially("Hello, is anybody here?");
  await bob.page.locator("#typing", { hasText: "Ann is writing…" }).waitFor();
  assert.equal(await ann.page.locator("#typing").textContent(), "", "one's own typing is no news");
  await ann.shoot("typing");
  await bob.shoot("typing");
  await ann.page.keyboard.press("Enter");
  await sees(ann.page, "Hello, is anybody here?", "mine");
  await sees(bob.page, "Hello, is anybody here?", "other");
  assert.equal(await bob.page.locator("#typing").textContent(), "", "who has written writes no more");
  assert.equal(await ann.page.getByRole("textbox", { name: "Message" }).inputValue(), "");

  await bob.say("I am.");
  await sees(bob.page, "I am.", "mine");
  await sees(ann.page, "I am.", "other");
  assert.match(await post(ann.page, "I am.", "other").textContent(), /Bob/);
  await bob.say("And here is a longer one, so that you can see how lines are broken when a message does not fit into one.\nThis is its second line.");
  await ann.page.locator(".post.other.run").waitFor();
  const sides = async (marks) => (await ann.page.locator(`.post.${marks} .text`).first().boundingBox()).x;
  assert.ok((await sides("mine")) > (await sides("other")), "one's own messages stand at the other side");
}

async function staysText(ann, bob) {
  const markup = `<img src=x onerror="window.broken=1"><b>bold</b> & <script>window.broken=1</script>`;
  await ann.say(markup);
  for (const [page, marks] of [[ann.page, "mine"], [bob.page, "other"]]) {
    await sees(page, markup, marks);
    assert.equal(await page.locator(".text :is(img, b, script)").count(), 0, "text became markup");
    assert.equal(await page.evaluate(() => window.broken), undefined, "text was run");
  }
  await ann.say("   "); // blank text is not sent
  await ann.page.getByRole("textbox", { name: "Message" }).fill("");
}

async function twoTabs(ann, bob) {
  const tab = await ann.open();
  await tab.goto(`${CHAT_URL}/rooms/lobby`);
  await inRoom(tab);
  await sees(tab, "Hello, is anybody here?", "mine"); // from the history
  await sees(tab, "I am.", "other");
  await note(bob.page, "Ann joined").waitFor();
  assert.equal(await note(ann.page, "Ann joined").count(), 0);
  await ann.say("From my other tab.", tab);
  await sees(tab, "From my other tab.", "mine");
  await sees(ann.page, "From my other tab.", "mine-elsewhere");
  await sees(bob.page, "From my other tab.", "other");
  await tab.close();
  await note(bob.page, "Ann left").waitFor();
}

async function notices(ann, bob) {
  const response = await ann.context.request.post(`${CHAT_URL}/rooms/lobby/notify`, { data: { content: "The <b>kitchen</b> closes at ten.", level: "warning" } });
  assert.equal(response.status(), 204);
  for (const { page } of [ann, bob]) {
    await page.locator(".notice.warning", { hasText: "Ann: The <b>kitchen</b> closes at ten." }).waitFor();
    assert.equal(await page.locator(".notice b").count(), 0);
  }
  await ann.page.getByRole("button", { name: "Notify" }).click();
  await ann.page.getByLabel("What to say").fill("Tea is ready.");
  await ann.shoot("dialog");
  await ann.page.getByRole("dialog").getByRole("button", { name: "Notify" }).click();
  await bob.page.locator(".notice.info", { hasText: "Ann: Tea is ready." }).waitFor();
  await ann.page.getByRole("dialog").waitFor({ state: "hidden" });
}

async function restart(ann, bob) {
  const both = [ann, bob];
  const before = await texts(ann.page);
  for (const p of both) {
    await p.page.evaluate(() => (window.still = "here"));
    p.excused = /WebSocket connection to .* failed/; // Chromium's message for an unreachable server
  }
  await control("stop");
  for (const { page } of both) await page.locator('#state:not([data-state="entered"])').waitFor();
  await ann.page.locator("#state", { hasText: /Trying again in \d+ s/ }).waitFor();
  await ann.page.getByRole("textbox", { name: "Message" }).fill("Are we back?");
  assert.ok(await ann.page.getByRole("button", { name: "Send" }).isDisabled());
  assert.ok(await ann.page.locator("#node").isHidden(), "on no node");
  await ann.shoot("away");
  await control("start");
  for (const p of both) {
    await inRoom(p.page);
    p.excused = null;
    await isOn(p.page, "node-2"); // the restarted server
    assert.equal(await p.page.evaluate(() => window.still), "here", "the page came back by itself");
    assert.deepEqual(await texts(p.page), before, "nothing is shown twice");
  }
  await ann.page.keyboard.press("Enter");
  await sees(ann.page, "Are we back?", "mine");
  await sees(bob.page, "Are we back?", "other");
}

async function remembers(ann) {
  const cat = await arrive("Cat", { viewport: { width: 900, height: 600 }, colorScheme: "dark" });
  await cat.login("/rooms/lobby");
  await cat.page.locator(".post").first().waitFor();
  assert.deepEqual(await texts(cat.page), await texts(ann.page), "the history is what was said");
  assert.equal(await cat.page.locator(".mine").count(), 0);
  await cat.shoot("room");
}

// reconnection simulates a server that closes connections with each code, and checks which clients reconnect.
async function reconnection(ann) {
  const comesBack = { 1001: true, 1011: true, 1012: true, 1013: true, 1000: false, 1008: false, 4403: false, 4000: false };
  for (const [code, expected] of Object.entries(comesBack)) {
    const page = await ann.open();
    let attempts = 0;
    await page.routeWebSocket(/\/ws\//, (ws) => {
      if (++attempts === 1) ws.close({ code: Number(code), reason: "the end" });
    });
    await page.goto(`${CHAT_URL}/rooms/lobby`);
    await page.locator(`#state[data-state="${expected ? "open" : "closed"}"]`).waitFor();
    assert.equal(attempts, expected ? 2 : 1, `after ${code}`);
    if (!expected) await page.locator("#problem", { hasText: "the end" }).waitFor();
    await page.close();
  }
}

// unanswered simulates a server that is lost before it answers: the text returns to the input.
async function unanswered(ann) {
  const page = await ann.open();
  await page.routeWebSocket(/\/ws\//, (ws) => {
    ws.send(JSON.stringify({ action: "history", payload: [] }));
    ws.onMessage((text) => JSON.parse(text).action === "chat" && ws.close({ code: 1013 }));
  });
  await page.goto(`${CHAT_URL}/rooms/lobby`);
  await inRoom(page);
  await ann.say("Is anyone there?", page);
  await page.locator("#problem", { hasText: "may not have arrived" }).waitFor();
  await inRoom(page);
  assert.equal(await page.getByRole("textbox", { name: "Message" }).inputValue(), "Is anyone there?");
  await page.close();
}

// backoff checks the delays of a socket that fails repeatedly, without waiting for them.
async function backoff(ann) {
  for (const [origin, scheme] of [[CHAT_URL, "ws"], ["https://chat.example", "wss"]]) {
    const page = await ann.open();
    await page.route("https://chat.example/**", async (route) => {
      const { pathname } = new URL(route.request().url());
      await route.fulfill({ response: await route.fetch({ url: CHAT_URL + pathname }) });
    });
    await page.goto(`${origin}/static/socket.js`); // any page without a socket
    const { url, delays } = await page.evaluate(async () => {
      const { Socket } = await import("/static/socket.js");
      let url;
      window.WebSocket = class {
        constructor(u) {
          url = u;
          queueMicrotask(() => this.onclose({ code: 1013, reason: "" }));
        }
      };
      const delays = [];
      await new Promise((done) => {
        window.setTimeout = (again, ms) => (delays.push(ms) < 20 ? queueMicrotask(again) : done());
        new Socket("/ws/rooms/lobby", { frame() {}, state() {} });
      });
      return { url, delays };
    });
    assert.equal(url, `${scheme}://${new URL(origin).host}/ws/rooms/lobby`);
    for (const [n, delay] of delays.entries()) {
      const longest = Math.min(15_000, 500 * 2 ** n);
      assert.ok(delay >= longest / 2 && delay <= longest, `attempt ${n} comes after ${delay} ms`);
    }
    assert.ok(new Set(delays.slice(5)).size > 10, `no jitter: ${delays}`);
    await page.close();
  }
}

// loggedOut simulates a server that no longer accepts the login.
async function loggedOut(ann) {
  const page = await ann.open();
  await page.routeWebSocket(/\/ws\//, async (ws) => {
    await ann.context.clearCookies();
    await ws.close({ code: 4401, reason: "log in first" });
  });
  await page.goto(`${CHAT_URL}/rooms/lobby`);
  await page.getByLabel("Your name").waitFor();
  assert.equal(page.url(), `${CHAT_URL}/?room=lobby`);
  await page.close();
}

// logout closes all tabs of a login. Another browser of the same user stays connected.
async function logout() {
  const options = { viewport: { width: 900, height: 600 } };
  const [dan, elsewhere] = [await arrive("Dan", options), await arrive("Dan", options)];
  await dan.login("/rooms/lobby");
  await elsewhere.login("/rooms/lobby");
  const tab = await dan.open();
  await tab.goto(`${CHAT_URL}/rooms/go`);
  await inRoom(tab);
  await dan.page.getByRole("button", { name: "Log out" }).click();
  for (const page of [dan.page, tab]) await page.getByLabel("Your name").waitFor();
  assert.equal(dan.page.url(), `${CHAT_URL}/`);
  assert.equal(tab.url(), `${CHAT_URL}/?room=go`);
  await inRoom(elsewhere.page);
}

async function pictures(ann, bob) {
  for (const p of [ann, bob]) {
    await p.shoot("room");
    const { width, height } = p.page.viewportSize();
    for (const part of ["header", "#node", "#log", "footer", "#send", "#announce"]) {
      const box = await p.page.locator(`main ${part}`).first().boundingBox();
      assert.ok(box.x >= 0 && box.x + box.width <= width && box.y + box.height <= height, `${part} is not within ${width}x${height}`);
    }
  }
  await bob.page.getByRole("button", { name: "Show the rooms" }).click();
  await bob.page.getByRole("link", { name: "staff" }).waitFor(); // Bob is a member
  await bob.shoot("drawer");
  await bob.page.keyboard.press("Escape");
}

mkdirSync(CHAT_SCREENSHOTS, { recursive: true });
const browser = await chromium.launch({ executablePath: CHROMIUM, args: flags });
const people = [];
try {
  const ann = await arrive("Ann", { viewport: { width: 900, height: 600 } });
  const bob = await arrive("Bob", { viewport: { width: 390, height: 844 }, colorScheme: "dark", hasTouch: true });
  for (const scene of [meet, talk, staysText, twoTabs, notices, restart, remembers, pictures, reconnection, backoff, unanswered, loggedOut, logout]) {
    const began = Date.now();
    console.log(`${scene.name}…`);
    await scene(ann, bob);
    console.log(`${scene.name}: ${Date.now() - began} ms`);
  }
  assert.deepEqual(people.flatMap((p) => p.errors), [], "errors in the console");
} catch (err) {
  for (const p of people) await p.shoot("failed").catch(() => {}); // the first failure is what matters
  throw err;
} finally {
  await browser.close();
}
