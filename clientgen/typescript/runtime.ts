// The runtime beside each generated client: the same for all, without dependencies.

export type Off = () => void;

/** A value that changes. `current` is a new object after each change; `initial` is what a server renders. */
export interface Live<T> {
  readonly initial: T;
  readonly current: T;
  readonly subscribe: (fn: (now: T) => void) => Off;
}

/** How the connection is. `reason` is the server's, or the meaning of `code`; `until` is a time of the clock. */
export type Status =
  | { readonly state: 'connecting'; readonly attempt: number }
  | { readonly state: 'open'; readonly detail: string }
  | { readonly state: 'waiting'; readonly attempt: number; readonly until: number; readonly code: number; readonly reason: string }
  | { readonly state: 'closed'; readonly code: number; readonly reason: string; readonly error?: RefusedError | DisconnectedError };

/** Who is in a group. `live` is false before the first list, and while the connection is away. */
export interface Roster<Card> {
  readonly group: string;
  readonly me: string | undefined;
  readonly members: readonly Member<Card>[];
  readonly count: number;
  readonly complete: boolean;
  readonly live: boolean;
}
export interface Member<Card> { readonly key: string; readonly conns: number; readonly card: Card }

/** Why messages of a group are missing. */
export type GapReason = 'trimmed' | 'unknown' | 'too_many' | 'unavailable' | 'lost' | 'unreadable' | 'new';

export abstract class ChanxError extends Error {
  constructor(message: string, members: object) {
    super(message);
    Object.assign(this, members);
  }
}

/** The message is not valid: one item for each fault. */
export class InvalidError extends ChanxError {
  override readonly name = 'InvalidError';
  declare readonly action: string;
  declare readonly items: readonly Item[];
  constructor(action: string, items: readonly Item[]) {
    super(`chanx: ${action} is invalid: ${items.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; ')}`, { action, items });
  }
}
export interface Item { readonly type: string; readonly loc: readonly (string | number)[]; readonly msg: string }

/** The handler of the message failed. `client.failed(error, action)` knows its reasons. */
export class ReplyError<Reason extends string = string> extends ChanxError {
  override readonly name = 'ReplyError';
  declare readonly action: string;
  declare readonly reason: Reason;
  declare readonly detail: string;
  constructor(action: string, reason: Reason, detail: string) {
    super(`chanx: ${action} failed: ${reason}: ${detail}`, { action, reason, detail });
  }
}
export type LibraryReason = 'internal' | 'timeout' | 'cancelled' | 'too_busy' | 'rate_limited' | 'duplicate_ref';

/** No answer came in time. Unless it was sent, the server has certainly not seen the message. */
export class TimeoutError extends ChanxError {
  override readonly name = 'TimeoutError';
  declare readonly action: string;
  declare readonly sent: boolean;
  constructor(action: string, sent: boolean) {
    super(`chanx: ${action} timed out`, { action, sent });
  }
}

/** The connection is lost or closed. Unless it was sent, the server has certainly not seen the message. */
export class DisconnectedError extends ChanxError {
  override readonly name = 'DisconnectedError';
  declare readonly action: string;
  declare readonly sent: boolean;
  declare readonly code: number;
  declare readonly reason: string;
  constructor(action: string, sent: boolean, code: number, reason: string) {
    super(`chanx: ${action} disconnected: ${code} ${reason}`, { action, sent, code, reason });
  }
}

/** The server does not accept the connection. `items` are the faults of its parameters. */
export class RefusedError extends ChanxError {
  override readonly name = 'RefusedError';
  declare readonly status: number;
  declare readonly detail: string;
  declare readonly items: readonly Item[];
  constructor(status: number, detail: string, items: readonly Item[]) {
    super(`chanx: refused: ${status} ${detail}`, { status, detail, items });
  }
}

/** A bounded queue full: that of messages to send, or that of frames that a loop has not taken. */
export class QueueFullError extends ChanxError {
  override readonly name = 'QueueFullError';
  declare readonly queue: 'send' | 'receive';
  declare readonly limit: number;
  constructor(queue: 'send' | 'receive', limit: number) {
    super(`chanx: ${queue} queue full: ${limit}`, { queue, limit });
  }
}

/** Thrown by a handler of `answer`, it gives the server a reason. Any other error becomes "internal". */
export class Decline extends ChanxError {
  override readonly name = 'Decline';
  declare readonly reason: string;
  declare readonly detail: string;
  constructor(reason: string, detail = '') {
    super(`${reason}: ${detail}`, { reason, detail });
  }
}

/** A token, or a function that is called before each attempt. `fresh`: the server has refused the last one. */
export type Token = string | ((why: { readonly fresh: boolean; readonly signal: AbortSignal }) => string | Promise<string>);

export interface Options {
  lazy?: boolean; // it waits for connect()
  timeout?: number; // of a request: 15_000 ms
  queue?: number; // messages that may wait: 100
  reconnect?: false | { min?: number; max?: number }; // waits of 250 to 15_000 ms
  heartbeat?: false | { idle?: number; answer?: number }; // a ping after 25_000 ms without a frame, a loss 10_000 ms later
  logger?: Pick<Console, 'debug' | 'warn'>;
  WebSocket?: new (url: string, protocols?: string[]) => Socket;
  clock?: Clock;
}
export interface CallOptions { timeout?: number | undefined; signal?: AbortSignal | undefined }

export interface Socket {
  readonly bufferedAmount: number;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}
export interface Clock {
  now(): number;
  random(): number;
  setTimeout(fn: () => void, ms: number): any;
  clearTimeout(timer: any): void;
}

interface Call { kind: 'send' | 'request' | 'stream'; payload: unknown; answer: unknown; fails: string; frame: unknown }
export interface Send<Payload = undefined, Fails extends string = never, Frame = never> extends Call {
  kind: 'send'; payload: Payload; answer: void; fails: Fails; frame: Frame;
}
export interface Request<Payload, Answer, Fails extends string = never, Frame = never> extends Call {
  kind: 'request'; payload: Payload; answer: Answer; fails: Fails; frame: Frame;
}
export interface Stream<Payload, Item, Fails extends string = never, Frame = never> extends Call {
  kind: 'stream'; payload: Payload; answer: Item; fails: Fails; frame: Frame;
}
export interface Ask<Question, Answer> { question: Question; answer: Answer }
export type Answerer<A extends Ask<any, any>> =
  (question: A['question'], context: { readonly signal: AbortSignal }) => A['answer'] | Promise<A['answer']>;

export interface Contract {
  key: string;
  frames: object;
  calls: Record<string, Call>;
  asks: Record<string, Ask<any, any>>;
  card: unknown;
}

type Kind<C extends Contract, K> = keyof { [A in keyof C['calls'] & string as C['calls'][A]['kind'] extends K ? A : never]: A };
type With<O, Frame> = O & ([Frame] extends [never] ? { frame?: never } : {} extends Frame ? { frame?: Frame } : { frame: Frame });
type Args<K, O> = K extends Call ? Tuple<K['payload'], With<O, K['frame']>> : never;
type Tuple<P, O> = {} extends O ? undefined extends P ? [payload?: P, options?: O] : [payload: P, options?: O] : [payload: P, options: O];
type ByAction<C extends Contract> = { [F in C['frames'] as F extends Record<C['key'], infer A extends string> ? A : never]: F };

export type ActionOf<C extends Contract> = keyof ByAction<C>;
export type FrameOf<C extends Contract, A extends ActionOf<C>> = ByAction<C>[A];

/** A connection that comes back by itself. */
export interface Client<C extends Contract> extends AsyncIterable<C['frames']> {
  readonly status: Live<Status>;
  /** Connects, or ends a wait. It does nothing while it is open. */
  connect(): void;
  /** Ends loops, fails what waits, and stays closed until connect(). */
  close(code?: number, reason?: string): void;
  /** Sends at most once. While there is no connection the message waits; if it cannot wait, QueueFullError or DisconnectedError is thrown. */
  send<A extends Kind<C, 'send'>>(action: A, ...args: Args<C['calls'][A], {}>): void;
  /** Resolves with the answer, or once the message has been handled if it has none. */
  request<A extends Kind<C, 'send' | 'request'>>(action: A, ...args: Args<C['calls'][A], CallOptions>): Promise<C['calls'][A]['answer']>;
  /** Sends at the first step of the loop. Leaving the loop cancels the message on the server. */
  stream<A extends Kind<C, 'stream'>>(action: A, ...args: Args<C['calls'][A], CallOptions>): AsyncIterable<C['calls'][A]['answer']>;
  /** Whether the handler of that action failed: then error.reason is one of its reasons. */
  failed<A extends keyof C['calls'] & string>(error: unknown, action: A): error is ReplyError<C['calls'][A]['fails'] | LibraryReason>;
  /** Calls fn for each frame that comes unasked, until the returned function is called. */
  on<A extends ActionOf<C>>(action: A, fn: (frame: FrameOf<C, A>) => void): Off;
  /** The next frame, also after a loss. Without a time-out it may wait for ever. */
  once<A extends ActionOf<C>>(action: A, options?: CallOptions): Promise<FrameOf<C, A>>;
  /** All frames that come unasked, from the beginning of the loop on; at most 1000 wait for it. The signal ends it. */
  frames(options?: { limit?: number; signal?: AbortSignal }): AsyncIterable<C['frames']>;
  /** The newest frames, oldest first, from the first subscriber on. */
  list<A extends ActionOf<C>>(actions: A | readonly A[], limit: number): Live<readonly FrameOf<C, A>[]>;
  /** Answers what the server asks: one handler for each action. The signal is aborted when nobody waits for the answer. */
  answer<A extends keyof C['asks'] & string>(action: A, fn: Answerer<C['asks'][A]>): Off;
  presence(group: [C['card']] extends [never] ? never : string): Live<Roster<C['card']>>;
  /** Messages of a group are missing; what follows is newer. */
  onGap(fn: (group: string, reason: GapReason) => void): Off;
  /** Errors that no request waits for. */
  onError(fn: (error: InvalidError | ReplyError) => void): Off;
}

/** What a generated client tells the runtime. */
export interface Channel {
  readonly path: string; // "/files/{path...}"
  readonly query?: readonly string[];
  readonly key?: string; // the discriminator: "action"
  readonly camel?: boolean; // the library's members are isMine, statusCode
  readonly token?: { readonly query: string; readonly prefix?: string } | { readonly subprotocol: string; readonly beside?: string };
  readonly told?: boolean; // it is open once the server has said so
  readonly closes?: Readonly<Record<number, 'stop' | 'retry' | 'fresh' | number>>; // a number: retry after that many seconds
  readonly events?: readonly string[]; // the actions that come unasked
  readonly framed?: readonly string[]; // answers that resolve with their frame, because it has members beside the payload
  readonly asks?: Readonly<Record<string, string>>; // the action of each question's answer
}

// Addresses

const unfit = (name: string, value: unknown): never => {
  throw new TypeError(`chanx: parameter ${name}: no URL carries ${JSON.stringify(value)}`);
};

const plain = (name: string, value: unknown): string => {
  if (!(typeof value === 'number' ? isFinite(value) : ['string', 'boolean', 'bigint'].includes(typeof value))) unfit(name, `${value}`);
  const text = `${value}`;
  const [, sign = '', digits = '', exponent] = (typeof value === 'number' && /^(-?)([\d.]+)e(.+)$/.exec(text)) || [];
  if (!exponent) return text;
  const bare = digits.replace('.', '');
  return sign + (+exponent < 0 ? `0.${'0'.repeat(-exponent - 1)}${bare}` : bare.padEnd(+exponent + 1, '0'));
};

const encode = (name: string, value: unknown): string => {
  const text = plain(name, value);
  return !/\p{Cs}/u.test(text) ? encodeURIComponent(text) : unfit(name, text);
};

/** A segment that is empty or only dots would be dropped from the URL. */
const segment = (name: string, value: unknown): string => {
  const text = encode(name, value);
  return /^\.{0,2}$/.test(text) ? unfit(name, value) : text;
};

const address = (channel: Channel, base: string | URL, params: Record<string, unknown>): URL => {
  const url = new URL(base);
  url.protocol = url.protocol.replace(/^http/, 'ws');
  if (!/^wss?:$/.test(url.protocol)) throw new TypeError('chanx: base: not http(s) or ws(s)');
  url.hash = '';
  const path = channel.path.replace(/\{(.+?)(\.\.\.)?\}/g, (_, name: string, rest?: string) =>
    rest ? plain(name, params[name]).split('/').map((part) => segment(name, part)).join('/') : segment(name, params[name]));
  url.pathname = url.pathname.replace(/\/$/, '') + path;
  for (const name of channel.query ?? []) {
    for (const value of [params[name]].flat()) if (value != null) addQuery(url, name, encode(name, value));
  }
  return url;
};

const addQuery = (url: URL, name: string, encoded: string): void => {
  url.search += `${url.search ? '&' : ''}${encodeURIComponent(name)}=${encoded}`;
};

// Close codes

type Then = 'stop' | 'retry' | 'fresh' | number;

const usual = (code: number): Then =>
  code === 4401 ? 'fresh' : code === 4429 ? 5
  : /^(100[156]|101[123]|4408|4425|45..)$/.test(`${code}`) ? 'retry' : 'stop';

const meanings: Record<number, string> = { 1000: 'Done', 1001: 'The server stops', 1006: 'Connection lost', 1012: 'The server restarts' };
const meaning = (code: number): string => meanings[code] ?? `Closed with ${code}`;

// Values that change, and queues

const live = <T>(initial: T, begin?: () => void): Live<T> & { set(now: T): void } => {
  const subscribers = new Set<{ fn: (now: T) => void }>();
  let current = initial;
  return {
    initial,
    get current() { return current; },
    subscribe(fn) {
      const off = member(subscribers, fn);
      begin?.();
      return off;
    },
    set(now) {
      current = now;
      for (const one of [...subscribers]) if (subscribers.has(one)) one.fn(now);
    },
  };
};

/** Adds fn to a set, where one function may be several times. */
const member = <F>(all: Set<{ fn: F }>, fn: F): Off => {
  const one = { fn };
  all.add(one);
  return () => void all.delete(one);
};

interface Mailbox {
  push(value: unknown): void;
  end(error?: unknown): void;
  iterator: AsyncIterator<any>;
}

/** What comes until it is taken, at most `limit` values. `start` runs at the first step, `stop` when nobody takes any more. */
const mailbox = (limit: number, stop: () => void, start?: () => void): Mailbox => {
  const values: unknown[] = [];
  let waiting: { resolve(result: IteratorResult<any>): void; reject(error: unknown): void }[] = [];
  let ended: { error?: unknown } | undefined;
  const done = { done: true as const, value: undefined };
  const end = (error?: unknown): void => {
    if (ended) return;
    ended = waiting.length ? {} : { error };
    const [first, ...others] = waiting;
    waiting = [];
    if (error === undefined) first?.resolve(done);
    else first?.reject(error);
    for (const other of others) other.resolve(done);
  };
  return {
    push(value) {
      const first = waiting.shift();
      if (ended) return;
      if (first) first.resolve({ done: false, value });
      else if (values.length < limit) values.push(value);
      else {
        end(new QueueFullError('receive', limit));
        stop();
      }
    },
    end,
    iterator: {
      next: () => new Promise((resolve, reject) => {
        const first = start;
        start = undefined;
        if (!ended) first?.();
        if (values.length) return resolve({ done: false, value: values.shift() });
        if (!ended) return void waiting.push({ resolve, reject });
        const { error } = ended;
        ended = {};
        if (error === undefined) resolve(done);
        else reject(error);
      }),
      return: () => {
        values.length = 0;
        end();
        ended = {};
        stop();
        return Promise.resolve(done);
      },
    },
  };
};

// The client

interface Pending { action: string; sent: boolean; frame(frame: Frame): void; fail(error: unknown): void }
interface Queued { text: string; ref?: string }
interface Frame { [name: string]: any }


/** `base` is http(s): or ws(s):, possibly with a path. A parameter that no URL can carry throws TypeError. */
export const connect = <T extends Client<any>>(
  channel: Channel, base: string | URL, params: object, options: Options & { token?: Token } = {},
): T => {
  const url = address(channel, base, params as Record<string, unknown>);
  const key = channel.key ?? 'action';
  const clock: Clock = options.clock ?? {
    now: Date.now, random: Math.random, setTimeout: (fn, ms) => setTimeout(fn, ms), clearTimeout: (timer) => clearTimeout(timer),
  };
  const logger = options.logger ?? console;
  const limit = options.queue ?? 100;
  const wait = { min: 250, max: 15_000, ...options.reconnect };
  const beat = { idle: 25_000, answer: 10_000, ...options.heartbeat };

  const status = live<Status>({ state: 'connecting', attempt: 0 });
  const pending = new Map<string, Pending>();
  const handlers = new Map<string, Set<{ fn: (frame: any) => void }>>();
  const loops = new Set<Mailbox>();
  const onces = new Set<(error: unknown) => void>();
  const errors = new Set<{ fn: (error: InvalidError | ReplyError) => void }>();
  const gaps = new Set<{ fn: (group: string, reason: GapReason) => void }>();
  const answerers = new Map<string, Answerer<any>>();
  const asked = new Map<string, AbortController>();
  const rosters = new Map<string, ReturnType<typeof live<Roster<any>>>>();
  const positions = new Map<string, string>(); // of each group key, the newest at the end
  const told = new Set<string>();
  let queue: Queued[] = [];
  let refs = 0;
  let socket: Socket | undefined;
  let asking: AbortController | undefined; // of an attempt
  let attempt = 0; // 0: lazy, or closed
  let triedFresh = false;
  let refusal: { status: number; detail: string; items: readonly Item[] } | undefined;
  let heard = 0; // when the last frame came
  const timers: { connect?: any; stable?: any; beat?: any; drain?: any } = {};

  const stopTimers = (): void => {
    for (const timer of Object.values(timers)) clock.clearTimeout(timer);
  };
  const isOpen = (): boolean => status.current.state === 'open';
  const once = (what: string, text: string): void => {
    if (told.has(what) || told.size > 1000) return;
    told.add(what);
    logger.warn(`chanx: ${text}`);
  };
  const guarded = (fn: () => void): void => {
    try {
      fn();
    } catch (error) {
      logger.warn('chanx: handler failed', error);
    }
  };
  const write = (frame: object): void => socket?.send(JSON.stringify(frame));

  // Connecting

  const dial = async (fresh: boolean): Promise<void> => {
    const mine = (asking = new AbortController());
    refusal = undefined;
    timers.connect = clock.setTimeout(() => drop(1006, 'No answer'), 10_000);
    status.set({ state: 'connecting', attempt });
    if (mine !== asking) return;
    let token = options.token;
    if (typeof token === 'function') {
      try {
        token = await token({ fresh, signal: mine.signal });
      } catch {
        if (mine === asking) drop(1006, 'No token');
        return;
      }
      if (mine !== asking) return;
    }
    try {
      socket = new (options.WebSocket ?? globalThis.WebSocket)(...place(token));
    } catch {
      return drop(1006, 'No answer');
    }
    listen(socket);
  };

  /** Puts the token where the document says. */
  const place = (token = ''): [string, string[]?] => {
    const where = channel.token;
    const target = new URL(url);
    for (const pos of [...positions.values()].slice(-64)) addQuery(target, 'chanx.resume', encodeURIComponent(pos));
    if (!where || !token) return [target.href];
    if ('subprotocol' in where) return [target.href, [...(where.beside ? [where.beside] : []), where.subprotocol + token]];
    addQuery(target, where.query, encodeURIComponent((where.prefix ?? '') + token));
    return [target.href];
  };

  const listen = (mine: Socket): void => {
    mine.onopen = () => {
      if (mine === socket && !channel.told) opened('');
    };
    mine.onmessage = ({ data }) => {
      if (mine === socket) receive(data);
    };
    mine.onerror = (event) => {
      const seen = /response: (\d{3})/.exec(event?.message ?? '');
      if (mine === socket && seen) drop(4000 + +seen[1]!, '');
    };
    mine.onclose = ({ code, reason }) => {
      if (mine === socket) lost(code, reason);
    };
  };

  const opened = (detail: string): void => {
    clock.clearTimeout(timers.connect);
    if (channel.told) triedFresh = false;
    timers.stable = clock.setTimeout(() => {
      attempt = 1;
      triedFresh = false;
    }, 5000);
    heard = clock.now();
    if (options.heartbeat !== false) timers.beat = clock.setTimeout(ping, beat.idle);
    flush(true);
    status.set({ state: 'open', detail });
  };

  /** Sends a ping if nothing has come for a while. */
  const ping = (): void => {
    const left = heard + beat.idle - clock.now();
    if (left > 0) return void (timers.beat = clock.setTimeout(ping, left));
    const at = clock.now();
    write({ [key]: 'chanx.ping' });
    timers.beat = clock.setTimeout(() => {
      // A machine that has slept may have missed the answer.
      if (heard >= at || clock.now() > at + beat.answer + 1000) ping();
      else drop(1006, 'No answer');
    }, beat.answer);
  };

  /** Gives the socket up, without waiting for its end. */
  const drop = (code: number, reason: string): void => {
    const old = socket;
    socket = undefined;
    old?.close();
    lost(code, reason);
  };

  const lost = (code: number, reason: string): void => {
    const wasOpen = isOpen();
    release();
    reason ||= meaning(code);
    away();
    for (const { action, sent, fail } of [...pending.values()]) if (sent) fail(new DisconnectedError(action, true, code, reason));
    decide(code, reason, wasOpen);
  };

  const release = (): void => {
    socket = undefined;
    asking?.abort();
    asking = undefined;
    stopTimers();
    for (const control of asked.values()) control.abort();
    asked.clear();
    globalThis.removeEventListener?.('online', again);
  };

  const decide = (code: number, reason: string, wasOpen: boolean): void => {
    const then = channel.closes?.[code] ?? usual(code);
    if (then === 'fresh' && typeof options.token === 'function' && !triedFresh) return void dial((triedFresh = true));
    if (then !== 'stop' && then !== 'fresh' && options.reconnect !== false) return pause(code, reason, then);
    if (code === 1000) return finish(code, reason);
    if (then === 'fresh' || (!wasOpen && code >= 4400 && code < 4600)) refusal ??= { status: code - 4000, detail: reason, items: [] };
    if (refusal) return finish(code, reason, new RefusedError(refusal.status, refusal.detail, refusal.items));
    finish(code, reason, new DisconnectedError('', true, code, reason));
  };

  const pause = (code: number, reason: string, then: Then): void => {
    const ms = Math.max(+then * 1000 || 0, clock.random() * Math.min(wait.max, wait.min * 2 ** (attempt - 1)));
    timers.connect = clock.setTimeout(again, ms);
    globalThis.addEventListener?.('online', again);
    status.set({ state: 'waiting', attempt, until: clock.now() + ms, code, reason });
  };

  const again = (): void => {
    if (status.current.state !== 'waiting') return;
    release();
    attempt++;
    void dial(false);
  };

  const finish = (code: number, reason: string, error?: RefusedError | DisconnectedError): void => {
    attempt = 0;
    triedFresh = false;
    const discarded = queue.filter(({ ref }) => !ref).length;
    if (discarded) logger.warn(`chanx: ${discarded} messages not sent`);
    queue = [];
    for (const { action, sent, fail } of [...pending.values()]) fail(new DisconnectedError(action, sent, code, reason));
    for (const loop of [...loops]) loop.end(error);
    loops.clear();
    for (const fail of [...onces]) fail(error ?? new DisconnectedError('', false, code, reason));
    status.set({ state: 'closed', code, reason, ...(error && { error }) });
  };

  // Sending

  const frameOf = (action: string, payload: unknown, frame: object | undefined, ref?: string): string =>
    JSON.stringify({ [key]: action, payload, ...frame, ref });

  /** Sends a message, or lets it wait its turn. What cannot wait throws. */
  const enqueue = (action: string, item: Queued): void => {
    const now = status.current;
    if (now.state === 'closed') throw new DisconnectedError(action, false, now.code, now.reason);
    if (queue.length >= limit) {
      flush();
      if (queue.length >= limit) throw new QueueFullError('send', limit);
    }
    queue.push(item);
    flush();
  };

  const flush = (opening = isOpen()): void => {
    if (!opening) return;
    clock.clearTimeout(timers.drain);
    while (queue.length && socket && socket.bufferedAmount < 1 << 20) {
      const { text, ref } = queue.shift()!;
      const call = ref && pending.get(ref);
      if (call) call.sent = true;
      socket.send(text);
    }
    if (queue.length && socket) timers.drain = clock.setTimeout(() => flush(), 50);
  };

  /** Forgets a call that nobody waits for any more. The server is told, if it may know of it. */
  const cancel = (ref: string): boolean => {
    const call = pending.get(ref);
    pending.delete(ref);
    queue = queue.filter((item) => item.ref !== ref);
    if (call?.sent) write({ [key]: 'chanx.cancel', ref });
    return !!call?.sent;
  };

  const failure = (action: string, payload: any): InvalidError | ReplyError =>
    Array.isArray(payload) ? new InvalidError(action, payload)
    : new ReplyError(action, payload?.reason, payload?.detail);

  const content = (frame: Frame): unknown => (channel.framed?.includes(frame[key]) ? frame : frame['payload']);

  /** Watches for what ends a call early. It returns what stops watching. */
  const watch = (action: string, ms: number | undefined, signal: AbortSignal | undefined, end: () => boolean, fail: (error: unknown) => void): Off => {
    const expired = (): void => {
      off();
      fail(new TimeoutError(action, end()));
    };
    const aborted = (): void => {
      off();
      end();
      fail(signal!.reason);
    };
    const timer = ms !== undefined && clock.setTimeout(expired, ms);
    const off = (): void => {
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
    };
    signal?.addEventListener('abort', aborted);
    return off;
  };

  type More = CallOptions & { frame?: object };

  interface Taker { item(content: unknown): void; done(): void; fail(error: unknown): void; once: boolean }

  /** Sends a message that is answered. It returns what cancels it. */
  const call = (action: string, payload: unknown, { timeout, signal, frame }: More, to: Taker): Off => {
    const ref = `${++refs}`;
    const off = watch(action, timeout, signal, () => cancel(ref), to.fail);
    const fail = (error: unknown): void => {
      off();
      pending.delete(ref);
      to.fail(error);
    };
    pending.set(ref, {
      action, sent: false, fail,
      frame(got) {
        const kind = got[key];
        if (kind === 'error') return fail(failure(action, got['payload']));
        if (kind === 'complete' || to.once) {
          off();
          pending.delete(ref);
        }
        if (kind === 'complete') to.done();
        else to.item(content(got));
      },
    });
    try {
      enqueue(action, { ref, text: frameOf(action, payload, frame, ref) });
    } catch (error) {
      fail(error);
    }
    return () => {
      off();
      cancel(ref);
    };
  };

  const request = (action: string, payload?: unknown, more: More = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      more.signal?.throwIfAborted();
      const to = { item: resolve, done: () => resolve(undefined), fail: reject, once: true };
      call(action, payload, { ...more, timeout: more.timeout ?? options.timeout ?? 15_000 }, to);
    });

  const stream = (action: string, payload?: unknown, more: More = {}): AsyncIterable<unknown> => ({
    [Symbol.asyncIterator]() {
      let leave: Off | undefined;
      const box = mailbox(1000, () => leave?.(), () => {
        if (more.signal?.aborted) box.end(more.signal.reason);
        else leave = call(action, payload, more, { item: box.push, done: () => box.end(), fail: box.end, once: false });
      });
      return box.iterator;
    },
  });

  // Receiving

  const receive = (data: unknown): void => {
    heard = clock.now();
    let frame: Frame | undefined;
    try {
      frame = JSON.parse(data as string);
    } catch { /* told below */ }
    const action = frame?.[key];
    if (!frame || typeof action !== 'string') return once('', 'a frame is no message');
    if (action === 'authentication') return authenticated(frame['payload']);
    if (frame['ref'] !== undefined) return pending.get(frame['ref'])?.frame(frame);
    if (frame['ask'] !== undefined) return question(action, frame);
    if (action === 'error') return complain(failure('', frame['payload']));
    if (action === 'chanx.presence') return present(frame['payload']);
    if (action === 'chanx.joined' || action === 'chanx.gap') return moved(action === 'chanx.gap', frame);
    if (/^(chanx\.|(group_|event_)?complete$|pong$)/.test(action) && !handlers.has(action)) return;
    if (channel.events && !channel.events.includes(action)) return once(action, `unknown action ${action}`);
    const { pos } = frame;
    if (pos && positions.get(groupKey(pos)) === pos) return;
    for (const handler of [...(handlers.get(action) ?? [])]) {
      if (handlers.get(action)!.has(handler)) guarded(() => handler.fn(frame));
    }
    for (const loop of [...loops]) loop.push(frame);
    hold(pos);
  };

  // History

  const groupKey = (pos: string): string => pos.split(':')[0]!;

  const hold = (pos: string | undefined): void => {
    if (!pos) return;
    positions.delete(groupKey(pos));
    positions.set(groupKey(pos), pos);
    for (const [oldest] of positions) if (positions.size > 128) positions.delete(oldest);
  };

  const moved = (isGap: boolean, { pos, payload }: Frame): void => {
    if (isGap || (!payload.resumed && pos && positions.has(groupKey(pos)))) {
      for (const { fn } of [...gaps]) guarded(() => fn(payload.group, payload.reason));
    }
    hold(pos);
  };

  // Asks

  const question = (action: string, frame: Frame): void => {
    const ask = frame['ask'];
    asked.get(ask)?.abort();
    asked.delete(ask);
    if (action !== 'chanx.cancel') void reply(action, frame['payload'], ask);
  };

  const reply = async (action: string, payload: unknown, ask: string): Promise<void> => {
    const control = new AbortController();
    asked.set(ask, control);
    let out: object;
    try {
      const fn = answerers.get(action);
      if (!fn) throw new Decline('unhandled');
      out = { [key]: channel.asks?.[action], payload: await fn(payload, control), ask };
    } catch (error) {
      if (!(error instanceof Decline)) logger.warn('chanx: handler failed', error);
      const { reason, detail } = error instanceof Decline ? error : new Decline('internal');
      out = { [key]: 'error', payload: { reason, detail }, ask };
    }
    if (control.signal.aborted) return;
    asked.delete(ask);
    write(out);
  };

  const answer = (action: string, fn: Answerer<any>): Off => {
    if (answerers.has(action)) throw new TypeError(`chanx: ${action} has a handler`);
    answerers.set(action, fn);
    return () => void (answerers.get(action) === fn && answerers.delete(action));
  };

  // Presence

  const presence = (group: string) => {
    const roster = rosters.get(group) ?? live<Roster<any>>({ group, me: undefined, members: [], count: 0, complete: false, live: false });
    rosters.set(group, roster);
    return roster;
  };

  const present = ({ group, reset, me, count, complete, members = [], joined = [], changed = [], left = [] }: any): void => {
    const roster = presence(group);
    const now = roster.current;
    if (!reset && (!now.live || (now.count === count && now.complete === complete && !(joined.length + changed.length + left.length)))) return;
    const all = new Map<string, Member<any>>((reset ? members : now.members).map((one: Member<any>) => [one.key, one]));
    for (const one of [...changed, ...joined]) all.set(one.key, one);
    for (const one of left) all.delete(one);
    guarded(() => roster.set({ group, me: me ?? now.me, members: [...all.values()], count, complete, live: true }));
  };

  const away = (): void => {
    for (const roster of rosters.values()) if (roster.current.live) guarded(() => roster.set({ ...roster.current, live: false }));
  };

  const authenticated = (payload: any): void => {
    const code = payload?.[channel.camel ? 'statusCode' : 'status_code'];
    const detail = `${payload?.data?.detail ?? ''}`;
    if (code >= 400) refusal = { status: code, detail, items: payload.data?.errors ?? [] };
    else if (channel.told && status.current.state === 'connecting') opened(detail);
  };

  const complain = (error: InvalidError | ReplyError): void => {
    if (!errors.size) logger.warn(error.message);
    for (const { fn } of [...errors]) guarded(() => fn(error));
  };

  const on = (action: string, fn: (frame: any) => void): Off => {
    const all = handlers.get(action) ?? new Set();
    handlers.set(action, all);
    return member(all, fn);
  };

  const next = (action: string, { timeout, signal }: CallOptions = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const now = status.current;
      if (now.state === 'closed') throw now.error ?? new DisconnectedError(action, false, now.code, now.reason);
      const clean = (): boolean => {
        off();
        stop();
        return onces.delete(fail);
      };
      const fail = (error: unknown): void => {
        clean();
        reject(error);
      };
      onces.add(fail);
      const off = on(action, (frame) => {
        clean();
        resolve(frame);
      });
      const stop = watch(action, timeout, signal, () => false, fail);
    });

  const frames = ({ limit = 1000, signal }: { limit?: number; signal?: AbortSignal } = {}): AsyncIterable<unknown> => ({
    [Symbol.asyncIterator]() {
      const box = mailbox(limit, () => {
        loops.delete(box);
        signal?.removeEventListener('abort', leave);
      });
      const leave = box.iterator.return as () => void;
      const now = status.current;
      if (now.state === 'closed') box.end(now.error);
      else if (signal?.aborted) box.end();
      else {
        loops.add(box);
        signal?.addEventListener('abort', leave);
      }
      return box.iterator;
    },
  });

  const list = (actions: string | readonly string[], most: number): Live<readonly unknown[]> => {
    let begun = false;
    const all = live<readonly unknown[]>([], () => {
      if (begun) return;
      begun = true;
      for (const action of new Set([actions].flat())) on(action, (frame) => all.set([...all.current, frame].slice(-most)));
    });
    return all;
  };

  // Connecting and closing

  const begin = (): void => {
    again();
    if (attempt) return;
    if (!options.WebSocket && !globalThis.WebSocket) throw new TypeError('chanx: give options.WebSocket');
    attempt = 1;
    void dial(false);
  };

  const close = (code = 1000, reason = ''): void => {
    if (status.current.state === 'closed') return;
    const old = socket;
    release();
    try {
      old?.close(code, reason);
    } finally {
      away();
      finish(code, reason || meaning(code));
    }
  };

  if (!options.lazy) begin();
  return {
    status, connect: begin, close, request, stream, on, once: next, frames, list, answer, presence,
    send: (action: string, payload?: unknown, more?: More) => enqueue(action, { text: frameOf(action, payload, more?.frame) }),
    failed: (error: unknown, action: string) => error instanceof ReplyError && error.action === action,
    onError: (fn: (error: InvalidError | ReplyError) => void) => member(errors, fn),
    onGap: (fn: (group: string, reason: GapReason) => void) => member(gaps, fn),
    ...frames(),
  } as unknown as T;
};
