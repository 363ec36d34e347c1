// Runs the scenarios of testdata/scenarios against the runtime: node scenarios.mjs RUNTIME.js SCENARIO.json...
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [runtimeFile, ...files] = process.argv.slice(2);
const runtime = await import(pathToFileURL(runtimeFile));

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const settle = async () => { for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve)); };

/** A clock that stands still until it is told to go on. */
function fakeClock(rnd) {
  let now = 0;
  let timers = [];
  return {
    now: () => now,
    random: () => rnd,
    setTimeout(fn, ms) {
      const timer = { fn, at: now + ms };
      timers.push(timer);
      return timer;
    },
    clearTimeout: (timer) => { timers = timers.filter((one) => one !== timer); },
    async tick(ms) {
      for (const end = now + ms; ;) {
        const due = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        now = due ? Math.max(now, due.at) : end;
        if (!due) return;
        timers = timers.filter((one) => one !== due);
        due.fn();
        await settle();
      }
    },
    /** All timers fire late, as on a machine that slept. */
    async sleep(ms) {
      now += ms;
      await this.tick(0);
    },
    pending: () => timers.length,
  };
}

class World {
  dials = []; sent = []; hangups = []; states = []; logs = []; asked = []; gives = {}; outcomes = {}; stops = {}; signals = {};
  buffered = 0;

  constructor(scenario) {
    this.clock = fakeClock(scenario.rnd ?? 0.5);
    const world = this;
    this.Socket = class {
      get bufferedAmount() { return world.buffered; }
      constructor(url, protocols) {
        world.dials.push(protocols ? [url, protocols] : [url]);
        world.socket = this;
      }
      send(text) { world.sent.push(text); }
      close(code = 1005) { world.hangups.push(code); }
    };
    const tokens = [...(scenario.tokens ?? [])];
    const token = scenario.tokens && (async ({ fresh }) => {
      this.asked.push(fresh);
      const next = tokens.shift();
      if (next?.never) await new Promise(() => {});
      if (typeof next !== 'string') throw new Error('the token is secret');
      return next;
    });
    const log = (...values) => this.logs.push(values.map(String).join(' '));
    this.options = { clock: this.clock, WebSocket: this.Socket, logger: { debug: log, warn: log }, ...(token && { token }), ...scenario.options };
    this.scenario = scenario;
  }

  make() {
    const { channel = { path: '/room' }, base = 'wss://example.com', params = {} } = this.scenario;
    const value = (v) => (Array.isArray(v) ? v.map(value) : v?.number ? Number(v.number) : v?.codeUnit ? String.fromCharCode(v.codeUnit) : v);
    const given = Object.fromEntries(Object.entries(params).map(([name, v]) => [name, value(v)]));
    this.client = runtime.connect(channel, base, given, this.options);
    this.client.status.subscribe((now) => this.states.push(now));
  }

  follow(id, promise) {
    promise.then((value) => { this.outcomes[id] = { value }; }, (error) => { this.outcomes[id] = { error }; });
  }

  give(id, value) { (this.gives[id] ??= []).push(value); }

  /** Takes n values of an iterator, or all. */
  take(id, n = Infinity) {
    const iterator = this.stops[id];
    this.follow(id, (async () => {
      for (let i = 0; i < n; i++) {
        const { done, value } = await iterator.next();
        if (done) return 'end';
        this.give(id, value);
      }
      return 'taken';
    })());
  }

  callOptions({ signal, ...rest } = {}) {
    if (signal) this.signals[signal] ??= new AbortController();
    return { ...rest, ...(signal && { signal: this.signals[signal].signal }) };
  }

  // Each step is [name, ...arguments].
  async step([name, ...args]) {
    const { client, socket } = this;
    switch (name) {
      case 'make': return this.make();
      // the server and the time
      case 'up':
        this.expect(this.dials.length, 1, 'connections begun');
        this.dials = [];
        socket.onopen({});
        await settle();
        this.states = [];
        return;
      case 'opens': return socket.onopen({});
      case 'says': return socket.onmessage({ data: typeof args[0] === 'string' ? args[0] : JSON.stringify(args[0]) });
      case 'says many': for (let i = 1; i <= args[0]; i++) socket.onmessage({ data: JSON.stringify({ ...args[1], payload: i }) }); return;
      case 'closes': return socket.onclose({ code: args[0], reason: args[1] ?? '' });
      case 'fails': return socket.onerror({ message: args[0] });
      case 'buffers': this.buffered = args[0]; return;
      case 'ticks': return this.clock.tick(args[0]);
      case 'sleeps': return this.clock.sleep(args[0]);
      case 'online': return globalThis.dispatchEvent(new Event('online'));
      // the application
      case 'send': return client.send(...args);
      case 'send many': for (let i = 1; i <= args[0]; i++) client.send(args[1], i); return;
      case 'request': return this.follow(args[0], client.request(args[1], args[2] ?? undefined, this.callOptions(args[3])));
      case 'stream': this.stops[args[0]] = client.stream(args[1], args[2], this.callOptions(args[3]))[Symbol.asyncIterator](); return;
      case 'loop': this.stops[args[0]] = (args[1] ? client.frames(this.callOptions(args[1])) : client)[Symbol.asyncIterator](); return;
      case 'take': return this.take(...args);
      case 'break': return void this.stops[args[0]].return();
      case 'abort': return this.signals[args[0]].abort(new Error(args[1]));
      case 'on': this.stops[args[0]] = client.on(args[1], (frame) => {
        this.give(args[0], frame);
        if (args[2] === 'throws') throw new Error('the handler failed');
        if (args[2]?.off) this.stops[args[2].off]();
      }); return;
      case 'off': return this.stops[args[0]]();
      case 'once': return this.follow(args[0], client.once(args[1], this.callOptions(args[2])));
      case 'onError': client.onError((error) => this.give(args[0], { name: error.name, reason: error.reason, items: error.items })); return;
      case 'list': this.lists = { ...this.lists, [args[0]]: client.list(args[1], args[2]) }; return;
      case 'subscribe': this.lists[args[0]].subscribe((now) => this.give(args[0], now)); return;
      case 'answer': this.stops[args[0]] = client.answer(args[1], (question, { signal }) => {
        this.give(args[0], question);
        this.signals[args[0]] = { signal };
        const { gives, declines, throws } = args[2];
        if (declines) throw new runtime.Decline(...declines);
        if (throws) throw new Error(throws);
        return gives ?? new Promise((resolve) => { this.late = { ...this.late, [args[0]]: resolve }; });
      }); return;
      case 'answers': return this.late[args[0]](args[1]);
      case 'aborted': return this.expect(this.signals[args[0]].signal.aborted, args[1], `aborted of ${args[0]}`);
      case 'presence': client.presence(args[1]).subscribe((now) => this.give(args[0], now)); return;
      case 'roster': return this.expect(client.presence(args[0]).current, args[1], 'roster');
      case 'onGap': client.onGap((group, reason) => this.give(args[0], [group, reason])); return;
      case 'says groups': for (let i = 1; i <= args[0]; i++) socket.onmessage({ data: JSON.stringify({ action: 'said', pos: `g${i}:1` }) }); return;
      case 'failed': return this.expect(client.failed(this.outcomes[args[0]].error, args[1]), args[2], `failed(…, ${args[1]})`);
      case 'connect': return client.connect();
      case 'close': return client.close(...args);
      // what must have happened since the last look
      case 'dials': { const got = this.dials; this.dials = []; return this.expect(got, args, 'connections begun'); }
      case 'sent': { const got = this.sent; this.sent = []; return this.expect(got, args.map((frame) => JSON.stringify(frame)), 'frames sent'); }
      case 'sent many': { const got = this.sent.length; this.sent = []; return this.expect(got, args[0], 'frames sent'); }
      case 'hangs up': { const got = this.hangups; this.hangups = []; return this.expect(got, args, 'sockets closed with'); }
      case 'states': {
        const got = this.states.map(({ error, ...now }, i) => ({ ...now, ...(error && args[i]?.error && { error: this.pick(error, args[i].error) }) }))
          .map((now, i) => this.pick(now, args[i] ?? now));
        this.states = [];
        return this.expect(got, args, 'states');
      }
      case 'tokens': { const got = this.asked; this.asked = []; return this.expect(got, args, 'tokens asked for, fresh'); }
      case 'gives': { const got = this.gives[args[0]] ?? []; delete this.gives[args[0]]; return this.expect(got, args[1], `what ${args[0]} got`); }
      case 'gives many': { const got = this.gives[args[0]].length; delete this.gives[args[0]]; return this.expect(got, args[1], `how many ${args[0]} got`); }
      case 'pending': return this.expect(this.outcomes[args[0]], undefined, `outcome of ${args[0]}`);
      case 'resolves': { const got = this.outcomes[args[0]]; this.claim(args[0]); return this.expect(got && { value: got.value ?? null, error: got.error }, { value: args[1] }, `outcome of ${args[0]}`); }
      case 'rejects': { const got = this.outcomes[args[0]]?.error; this.claim(args[0]); return this.expect(this.pick(got, args[1]), args[1], `error of ${args[0]}`); }
      case 'throws': { const got = this.thrown; this.thrown = undefined; return this.expect(this.pick(got, args[0]), args[0], 'error thrown'); }
      case 'logs': {
        const got = this.logs;
        this.logs = [];
        this.expect(got.some((line) => /secret|token=|since=/.test(line)), false, `secrets in ${got}`);
        return this.expect(got.length, args[0], `logged: ${got}`);
      }
      case 'timers': return this.expect(this.clock.pending(), args[0], 'timers');
      default: throw new Error(`unknown step ${name}`);
    }
  }

  claim(id) { this.claimed = { ...this.claimed, [id]: true }; }

  pick(got, want) {
    if (!got || typeof got !== 'object') return got;
    return Object.fromEntries(Object.keys(want).map((name) => [name, got[name]]));
  }

  expect(got, want, what) {
    if (!same(got, want)) throw new Error(`${what}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
  }

  async run() {
    const steps = this.scenario.steps[0]?.[0] === 'make' ? this.scenario.steps : [['make'], ...this.scenario.steps];
    for (const [i, step] of steps.entries()) {
      if (this.thrown && step[0] !== 'throws') throw this.thrown;
      try {
        await this.step(step);
      } catch (error) {
        if (steps[i + 1]?.[0] !== 'throws') throw new Error(`step ${JSON.stringify(step)}: ${error.stack}`);
        this.thrown = error;
      }
      await settle();
    }
    const left = Object.keys(this.outcomes).filter((id) => !this.claimed?.[id]);
    this.expect([this.dials, this.sent, this.hangups, Object.keys(this.gives), left, this.logs], [[], [], [], [], [], []],
      'what no step has expected (connections, frames, sockets closed, values, outcomes, log)');
    this.client?.close();
  }
}

if (!globalThis.addEventListener) {
  const target = new EventTarget();
  for (const name of ['addEventListener', 'removeEventListener', 'dispatchEvent']) globalThis[name] = target[name].bind(target);
}
let failures = 0;
for (const file of files) {
  for (const scenario of JSON.parse(readFileSync(file, 'utf8'))) {
    try {
      await new World(scenario).run();
      console.log(`ok ${scenario.rules.join(',')} ${scenario.does}`);
    } catch (error) {
      failures++;
      console.log(`FAILED ${scenario.rules.join(',')} ${scenario.does}\n  ${error.message}`);
    }
  }
}
process.exit(failures ? 1 : 0);
