// The visible part. Text from other users becomes text nodes only, never markup.

const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const RUN = 5 * 60_000; // ms within which posts of one sender share a heading
const NEAR = 80; // pixels from the end within which the view still follows

export const $ = (id) => document.getElementById(id);

// quoted isolates text of other users, so that right-to-left text does not change the direction of ours.
export const quoted = (text) => element("bdi", text);

// element("p.note", "text", child, …) makes an element with classes.
export function element(spec, ...children) {
  const [tag, ...classes] = spec.split(".");
  const e = document.createElement(tag);
  e.classList.add(...classes);
  e.append(...children); // strings become text nodes
  return e;
}

// dress sets the letter and the hue of an avatar.
export function dress(avatar, name) {
  let hash = 0;
  for (const c of name) hash = (hash * 31 + c.codePointAt(0)) % 360;
  avatar.style.setProperty("--hue", hash);
  avatar.textContent = [...name][0]?.toUpperCase() ?? "?";
  return avatar;
}

export class Log {
  #list;
  #newer;
  #ids = new Set();
  #last = null; // the last thing shown: {day, sender, whose, at}

  constructor(list, newer) {
    this.#list = list;
    this.#newer = newer;
    newer.addEventListener("click", () => this.#toEnd());
    list.addEventListener("scroll", () => (newer.hidden ||= this.#atEnd()), { passive: true });
    new ResizeObserver(() => newer.hidden && this.#toEnd()).observe(list);
  }

  // history adds the new posts of a list: after a reconnection most of them are shown already.
  history(posts) {
    this.#list.setAttribute("aria-busy", "true"); // screen readers should not read out fifty posts
    for (const p of posts) this.post(p, p.is_mine ? "mine" : "other");
    this.#list.setAttribute("aria-busy", "false");
    if (this.#list.childElementCount === 0) this.note("", "Nothing has been said here yet. Be the first!");
    this.#toEnd();
  }

  // post shows one post; whose is "mine", "mine-elsewhere" (from another tab) or "other".
  post(post, whose) {
    if (this.#ids.has(post.id)) return;
    this.#ids.add(post.id);
    const at = new Date(post.timestamp);
    this.#follow(whose === "mine", () => {
      this.#separate(at);
      const l = this.#last;
      const runs = l?.sender === post.sender_name && l.whose === whose && at - l.at < RUN;
      this.#list.append(this.#bubble(post, at, whose, runs));
      this.#last = { day: day.format(at), sender: post.sender_name, whose, at };
    });
  }

  // note shows a line about the room, made of texts and elements; tone is "", "info" or "warning".
  note(tone, ...line) {
    this.#follow(false, () => {
      const item = element("li.note", ...line);
      if (tone) item.classList.add("notice", tone);
      this.#list.append(item);
      if (this.#last) this.#last.sender = null; // the next post gets a heading
    });
  }

  #bubble(post, at, whose, runs) {
    const item = element(`li.post.${whose}${runs ? ".run" : ""}`);
    item.dataset.id = post.id;
    const stamp = element("time", time.format(at));
    stamp.dateTime = post.timestamp;
    stamp.title = at.toLocaleString();
    if (whose === "other") item.append(dress(element("span.avatar"), post.sender_name));
    item.firstChild?.setAttribute("aria-hidden", "true");
    const who = { mine: "You", "mine-elsewhere": "You, in another tab" }[whose] ?? quoted(post.sender_name);
    const head = element("p.head", element("b", who), " ", stamp);
    if (runs) head.classList.add("hidden");
    item.append(element("div.said", head, element("p.text", post.content)));
    return item;
  }

  #separate(at) {
    const today = day.format(at);
    if (this.#last?.day !== today) this.#list.append(element("li.day", element("span", today)));
  }

  // follow keeps the end in view while content is added, unless the user has scrolled up.
  #follow(always, add) {
    const stay = always || this.#atEnd();
    add();
    if (stay) this.#toEnd();
    else this.#newer.hidden = false;
  }

  #atEnd() {
    return this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < NEAR;
  }

  #toEnd() {
    this.#list.scrollTop = this.#list.scrollHeight;
    this.#newer.hidden = true;
  }
}

// Typists shows who is writing, each for a few seconds after the last typing frame.
export class Typists {
  #line;
  #timers = new Map();

  constructor(line) {
    this.#line = line;
  }

  add(name) {
    clearTimeout(this.#timers.get(name));
    this.#timers.set(name, setTimeout(() => this.remove(name), 4_000));
    this.#show();
  }

  remove(name) {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
    this.#show();
  }

  clear() {
    for (const name of this.#timers.keys()) this.remove(name);
  }

  #show() {
    const names = [...this.#timers.keys()].slice(0, 3).map(quoted);
    const line = element("p", ...[
      [],
      [names[0], " is writing…"],
      [names[0], " and ", names[1], " are writing…"],
      ["Several people are writing…"],
    ][names.length]);
    if (this.#line.textContent !== line.textContent) this.#line.replaceChildren(...line.childNodes); // read out once
  }
}
