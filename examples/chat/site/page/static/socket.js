// A WebSocket that reconnects: after close codes that allow it, and when the connection is dead.

// Codes after which the server, or another one behind the same address, may soon accept connections.
// All others, such as 4401 (log in), 4403 (not allowed) and 1008 (policy), would occur again.
const RETRIABLE = new Set([1001, 1005, 1006, 1011, 1012, 1013, 4408, 4425, 4429]);
const canRetry = (code) => RETRIABLE.has(code) || (code >= 4500 && code < 4600);
const TOO_MANY = 4429, TOO_MANY_DELAY = 5_000; // too many connections: wait at least this many ms
const FIRST_DELAY = 500, LONGEST_DELAY = 15_000; // ms
const SETTLED = 5_000; // ms after which a connection counts as stable, and delays start small again
const SILENCE = 25_000, ANSWER_TIME = 10_000; // ms without a frame before a ping, and for its answer

export class Socket {
  #url;
  #on;
  #ws = null;
  #attempt = 0;
  #openedAt = 0;
  #retry = 0;
  #watch = 0;

  // on.frame(object), on.state("connecting" | "open" | "waiting" | "closed", {delay, code, reason})
  constructor(path, on) {
    this.#url = `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}${path}`;
    this.#on = on;
    addEventListener("online", () => this.#retry && this.#connect());
    this.#connect();
  }

  // send reports whether the socket accepted the frame.
  send(frame) {
    if (this.#ws?.readyState !== WebSocket.OPEN) return false;
    this.#ws.send(JSON.stringify(frame));
    return true;
  }

  #connect() {
    clearTimeout(this.#retry);
    this.#retry = 0;
    this.#on.state("connecting", {});
    const ws = (this.#ws = new WebSocket(this.#url));
    this.#openedAt = Infinity;
    ws.onopen = () => {
      this.#openedAt = Date.now();
      this.#listen();
      this.#on.state("open", {});
    };
    ws.onmessage = (e) => {
      this.#listen();
      this.#on.frame(JSON.parse(e.data));
    };
    ws.onclose = (e) => this.#closed(e.code, e.reason);
  }

  // listen restarts the timer: after a silence it sends a ping, and without an answer it closes the socket
  // rather than wait for the system to detect the loss.
  #listen() {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => {
      this.send({ action: "ping" });
      this.#watch = setTimeout(() => this.#abandon(), ANSWER_TIME);
    }, SILENCE);
  }

  #abandon() {
    this.#ws.onopen = this.#ws.onmessage = this.#ws.onclose = null;
    this.#ws.close();
    this.#closed(1006, "");
  }

  #closed(code, reason) {
    clearTimeout(this.#watch);
    this.#ws = null;
    if (!canRetry(code)) return this.#on.state("closed", { code, reason });
    if (Date.now() - this.#openedAt > SETTLED) this.#attempt = 0;
    const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#attempt++);
    const least = code === TOO_MANY ? TOO_MANY_DELAY : 0;
    const delay = least + (longest / 2) * (1 + Math.random()); // jitter, so that pages do not reconnect at the same time
    this.#on.state("waiting", { delay, code, reason });
    this.#retry = setTimeout(() => this.#connect(), delay);
  }
}
