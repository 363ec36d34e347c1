// The page of the assistant: it asks, shows tokens as they arrive, and cancels.

const $ = (id) => document.getElementById(id);
// Close codes after which the page reconnects. 4429 means too many connections: wait at least 5 s.
const RETRIABLE = new Set([1001, 1005, 1006, 1011, 1012, 1013, 4408, 4425, 4429]);
const canRetry = (code) => RETRIABLE.has(code) || (code >= 4500 && code < 4600);

let ws = null;
let attempt = 0;
let asked = 0; // number of the last message; in text, it is the ref
let current = null; // the turn of the running answer: its ref and its elements

function connect() {
  ws = new WebSocket(`${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws`);
  ws.onopen = () => {
    attempt = 0;
    show("Ready");
  };
  ws.onmessage = (e) => received(JSON.parse(e.data));
  ws.onclose = (e) => {
    if (current) finish("The connection was lost.", true);
    ws = null;
    if (!canRetry(e.code)) return show(`Closed: ${e.reason || e.code}`);
    show("Connecting… (the assistant has forgotten what was said)");
    const least = e.code === 4429 ? 5_000 : 0;
    setTimeout(connect, least + Math.min(15_000, 500 * 2 ** attempt++) * (0.5 + Math.random() / 2)); // jitter, so that pages do not reconnect at the same time
  };
}

function send(frame) {
  ws.send(JSON.stringify(frame));
}

// received shows a frame of the server. Usage carries no ref, but only one answer runs at a time.
function received({ action, payload, ref }) {
  switch (action) {
    case "token":
      if (current?.ref === ref) current.answer.append(payload.text);
      break;
    case "usage":
      if (current) current.usage = `${payload.finish}: ${payload.answer_tokens} tokens, after reading ${payload.prompt_tokens}`;
      break;
    case "complete":
      if (current?.ref === ref) finish(current.usage ?? "");
      break;
    case "error":
      if (current?.ref === ref) finish(Array.isArray(payload) ? payload.map((i) => i.msg).join("; ") : payload.detail, true);
      break;
  }
  $("log").scrollTop = $("log").scrollHeight;
}

function ask(prompt) {
  const turn = document.createElement("li");
  const add = (name, text) => {
    const p = document.createElement("p");
    p.className = name;
    p.textContent = text;
    turn.append(p);
    return p;
  };
  add("prompt", prompt);
  current = { ref: String(++asked), answer: add("answer", ""), note: add("note", "") };
  $("log").append(turn);
  send({ action: "ask", payload: { prompt }, ref: current.ref });
  show("Answering…");
}

function finish(note, isProblem = false) {
  current.note.textContent = note;
  current.note.classList.toggle("problem", isProblem);
  current = null;
  show("Ready");
}

function show(state) {
  const open = ws?.readyState === WebSocket.OPEN;
  $("state").textContent = state;
  $("stop").hidden = !current;
  $("ask").hidden = Boolean(current);
  $("ask").disabled = !open;
  $("forget").disabled = !open || Boolean(current);
}

$("composer").onsubmit = (e) => {
  e.preventDefault();
  const prompt = $("prompt").value.trim();
  if (!prompt || current || ws?.readyState !== WebSocket.OPEN) return;
  $("prompt").value = "";
  ask(prompt);
};
$("stop").onclick = () => {
  send({ action: "chanx.cancel", ref: current.ref });
  $("prompt").focus();
};
$("forget").onclick = () => {
  send({ action: "forget" });
  $("log").replaceChildren();
};

connect();
