// The page of a room: it passes frames from the socket to the view, and input to the socket.

import { Socket } from "./socket.js";
import { $, Log, Typists, dress, quoted } from "./view.js";

const room = document.body.dataset.room;
const log = new Log($("log"), $("newer"));
const typists = new Typists($("typing"));
const unanswered = new Map(); // ref → text, until the server confirms it
let refs = 0, entered = false, lost = false, typedAt = 0;
let leaving = false; // this page is logging out, and the answer loads another page

for (const avatar of document.querySelectorAll(".avatar[data-name]")) dress(avatar, avatar.dataset.name);

// One entry for each action that the server sends; unknown actions are ignored.
const actions = new Map(Object.entries({
  authentication({ payload }) {
    if (payload.status_code !== 200) problem(payload.data.detail); // the close code that follows decides what to do next
  },
  node({ payload }) {
    $("node").textContent = `on ${payload.name}`;
    $("node").hidden = false;
  },
  history({ payload }) {
    log.history(payload);
    enter();
  },
  chat_group({ payload, is_mine, is_current }) {
    typists.remove(payload.sender_name);
    log.post(payload, is_current ? "mine" : is_mine ? "mine-elsewhere" : "other");
  },
  user_joined({ payload, is_mine }) {
    if (!is_mine) log.note("", quoted(payload.username), " joined");
  },
  user_left({ payload, is_mine }) {
    typists.remove(payload.username);
    if (!is_mine) log.note("", quoted(payload.username), " left");
  },
  user_typing({ payload, is_mine }) {
    if (!is_mine) typists.add(payload.username);
  },
  notification({ payload }) {
    const { sender_name, content, level } = payload;
    log.note(level, ...(sender_name ? [quoted(sender_name), ": "] : []), quoted(content));
  },
  complete({ ref }) {
    unanswered.delete(ref);
  },
  // An error's payload is a list of validation errors, or one object with reason and detail.
  error({ payload, ref }) {
    giveBack([ref]);
    problem(Array.isArray(payload) ? payload.map((item) => item.msg).join(". ") : payload.detail);
  },
}));

const socket = new Socket(`/ws/rooms/${room}`, {
  frame: (frame) => actions.get(frame.action)?.(frame),
  state: (state, { delay, code, reason }) => {
    if (state !== "open") leave();
    show(state, {
      connecting: "Connecting…",
      open: "Entering…",
      waiting: `Trying again in ${Math.ceil(delay / 1000)} s…`,
      closed: "Disconnected",
    }[state]);
    if (state === "closed") closed(code, reason);
  },
});

function show(state, text) {
  $("state").dataset.state = state;
  $("state").textContent = text;
}

function enter() {
  entered = true;
  problem(lost ? "The connection was lost: your last message may not have arrived." : "");
  lost = false;
  show("entered", "Connected");
  update();
}

function leave() {
  entered = false;
  $("node").hidden = true;
  typists.clear();
  lost ||= unanswered.size > 0;
  giveBack([...unanswered.keys()]);
}

function closed(code, reason) {
  if (leaving) return;
  if (code === 4401) return location.assign(`/?room=${encodeURIComponent(room)}`); // log in again
  if ($("problem").hidden) problem(`The server closed the connection: ${reason || code}`);
}

function problem(text) {
  $("problem").textContent = text;
  $("problem").hidden = text === "";
}

// giveBack puts unconfirmed text back into the input, before what has been typed since.
function giveBack(taken) {
  const said = taken.filter((ref) => unanswered.has(ref)).map((ref) => unanswered.get(ref));
  for (const ref of taken) unanswered.delete(ref);
  if (said.length > 0) $("content").value = [...said, $("content").value].filter((text) => text !== "").join("\n");
  update();
}

function update() {
  const box = $("content");
  $("send").disabled = !entered || box.value.trim() === "";
  box.style.height = "auto"; // as high as its text
  box.style.height = `${box.scrollHeight}px`;
}

function say() {
  const content = $("content").value.trim();
  const ref = String(++refs); // requests exactly one answer: complete, or an error
  if (!entered || content === "" || !socket.send({ action: "chat", payload: { content }, ref })) return;
  unanswered.set(ref, content);
  $("content").value = "";
  typedAt = 0;
  problem("");
  update();
}

$("content").addEventListener("input", () => {
  update();
  if (entered && $("content").value !== "" && Date.now() - typedAt > 2_000) {
    typedAt = Date.now();
    socket.send({ action: "typing" });
  }
});

$("content").addEventListener("keydown", (e) => {
  if (e.key !== "Enter" || e.shiftKey || e.isComposing) return; // isComposing: Enter selects a character
  e.preventDefault();
  say();
});

document.querySelector('form[action="/logout"]').addEventListener("submit", () => (leaving = true));

$("composer").addEventListener("submit", (e) => {
  e.preventDefault();
  say();
  $("content").focus();
});

$("announce").addEventListener("click", () => $("notice").showModal());
$("notice-cancel").addEventListener("click", () => $("notice").close());
$("notice-form").addEventListener("submit", async (e) => {
  e.preventDefault();
  const problem = $("notice-problem");
  try {
    const body = new URLSearchParams(new FormData(e.target));
    const response = await fetch(`/rooms/${room}/notify`, { method: "POST", body });
    if (!response.ok) {
      const { error } = await response.json();
      throw new Error(Array.isArray(error) ? error.map((item) => item.msg).join(". ") : error);
    }
    problem.hidden = true;
    e.target.reset();
    $("notice").close();
  } catch (err) {
    problem.textContent = `Not sent: ${err.message}`;
    problem.hidden = false;
  }
});

update();
