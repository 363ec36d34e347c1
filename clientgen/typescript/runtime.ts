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

export interface Roster<Card> {
  readonly group: string;
  readonly me: string | undefined;
  readonly members: readonly Member<Card>[];
  readonly count: number;
  readonly complete: boolean;
  readonly live: boolean;
}
export interface Member<Card> { readonly key: string; readonly conns: number; readonly card: Card }

export type GapReason = 'trimmed' | 'unknown' | 'too_many' | 'unavailable' | 'lost' | 'unreadable' | 'new';

export abstract class ChanxError extends Error {}

/** The message is not valid: one item for each fault. */
export class InvalidError extends ChanxError {
  override readonly name = 'InvalidError';
  readonly action: string;
  readonly items: readonly Item[];
  constructor(action: string, items: readonly Item[]) {
    super(`chanx: ${action} is not valid: ${items.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; ')}`);
    this.action = action;
    this.items = items;
  }
}
export interface Item { readonly type: string; readonly loc: readonly (string | number)[]; readonly msg: string }

/** The handler of the message failed. `client.failed(error, action)` knows its reasons. */
export class ReplyError<Reason extends string = string> extends ChanxError {
  override readonly name = 'ReplyError';
  readonly action: string;
  readonly reason: Reason;
  readonly detail: string;
  constructor(action: string, reason: Reason, detail: string) {
    super(`chanx: ${action} failed: ${reason}: ${detail}`);
    this.action = action;
    this.reason = reason;
    this.detail = detail;
  }
}
export type LibraryReason = 'internal' | 'timeout' | 'cancelled' | 'too_busy' | 'rate_limited' | 'duplicate_ref';

/** No answer came in time. Unless it was sent, the server has certainly not seen the message. */
export class TimeoutError extends ChanxError {
  override readonly name = 'TimeoutError';
  readonly action: string;
  readonly sent: boolean;
  constructor(action: string, sent: boolean) {
    super(`chanx: ${action} had no answer in time`);
    this.action = action;
    this.sent = sent;
  }
}

/** The connection is lost or closed. Unless it was sent, the server has certainly not seen the message. */
export class DisconnectedError extends ChanxError {
  override readonly name = 'DisconnectedError';
  readonly action: string;
  readonly sent: boolean;
  readonly code: number;
  readonly reason: string;
  constructor(action: string, sent: boolean, code: number, reason: string) {
    super(`chanx: ${action || 'connection'} is disconnected: ${code} ${reason}`);
    this.action = action;
    this.sent = sent;
    this.code = code;
    this.reason = reason;
  }
}

/** The server does not accept the connection. `items` are the faults of its parameters. */
export class RefusedError extends ChanxError {
  override readonly name = 'RefusedError';
  readonly status: number;
  readonly detail: string;
  readonly items: readonly Item[];
  constructor(status: number, detail: string, items: readonly Item[]) {
    super(`chanx: the server refused the connection: ${status} ${detail}`);
    this.status = status;
    this.detail = detail;
    this.items = items;
  }
}

/** A bounded queue is full: that of messages to send, or that of frames that a loop has not taken. */
export class QueueFullError extends ChanxError {
  override readonly name = 'QueueFullError';
  readonly queue: 'send' | 'receive';
  readonly limit: number;
  constructor(queue: 'send' | 'receive', limit: number) {
    super(`chanx: the queue to ${queue} is full: ${limit} wait`);
    this.queue = queue;
    this.limit = limit;
  }
}

/** Thrown by a handler of `answer`, it gives the server a reason. Any other error becomes "internal". */
export class Decline extends ChanxError {
  override readonly name = 'Decline';
  readonly reason: string;
  readonly detail: string;
  constructor(reason: string, detail = '') {
    super(`${reason}: ${detail}`);
    this.reason = reason;
    this.detail = detail;
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

const plain = (name: string, value: unknown): string => {
  if (typeof value === 'number' ? !Number.isFinite(value) : !['string', 'boolean', 'bigint'].includes(typeof value)) {
    throw new TypeError(`chanx: parameter ${name}: no URL can carry ${value}`);
  }
  const text = `${value}`;
  const [, sign = '', digits = '', exponent] = (typeof value === 'number' && /^(-?)([\d.]+)e(.+)$/.exec(text)) || [];
  if (!exponent) return text;
  const bare = digits.replace('.', '');
  return sign + (+exponent < 0 ? `0.${'0'.repeat(-exponent - 1)}${bare}` : bare.padEnd(+exponent + 1, '0'));
};

const encode = (name: string, value: unknown): string => {
  try {
    return encodeURIComponent(plain(name, value));
  } catch (error) {
    if (error instanceof TypeError) throw error;
    throw new TypeError(`chanx: parameter ${name}: it is not valid Unicode`);
  }
};

/** A segment that is empty or only dots would be dropped from the URL. */
const segment = (name: string, value: unknown): string => {
  const text = encode(name, value);
  if (/^\.{0,2}$/.test(text)) throw new TypeError(`chanx: parameter ${name}: it must not be '', '.' or '..'`);
  return text;
};

const address = (channel: Channel, base: string | URL, params: Record<string, unknown>): URL => {
  const url = new URL(base);
  url.protocol = url.protocol.replace(/^http/, 'ws');
  if (!/^wss?:$/.test(url.protocol)) throw new TypeError('chanx: the base must begin with http:, https:, ws: or wss:');
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
  : [1001, 1005, 1006, 1011, 1012, 1013, 4408, 4425].includes(code) || (code >= 4500 && code < 4600) ? 'retry' : 'stop';

const meanings: Record<number, string> = {
  1000: 'Done', 1001: 'The server is shutting down', 1005: 'The connection ended', 1006: 'The connection was lost', 1008: 'A limit was exceeded',
  1009: 'The message is too long', 1011: 'Internal error', 1012: 'The server restarts', 1013: 'The server is overloaded',
  4401: 'The credentials are missing or have expired', 4429: 'Too many requests',
};
const meaning = (code: number): string => meanings[code] ?? `Closed with ${code}`;

// Values that change, and queues

const live = <T>(initial: T, begin?: () => void): Live<T> & { set(now: T): void } => {
  const subscribers = new Set<{ fn: (now: T) => void }>();
  let current = initial;
  return {
    initial,
    get current() { return current; },
    subscribe(fn) {
      const one = { fn };
      subscribers.add(one);
      begin?.();
      return () => void subscribers.delete(one);
    },
    set(now) {
      current = now;
      for (const one of [...subscribers]) if (subscribers.has(one)) one.fn(now);
    },
  };
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

interface Pending { action: string; sent: boolean; frame(frame: Frame): boolean; fail(error: unknown): void }
interface Queued { text: string; ref?: string }
interface Frame { [name: string]: any }

const fullBuffer = 1 << 20;

/** `base` is http(s): or ws(s):, possibly with a path. A parameter that no URL can carry throws TypeError. */
export const connect = <T extends Client<any>>(
  channel: Channel, base: string | URL, params: object, options: Options & { token?: Token } = {},
): T => {
  const url = address(channel, base, params as Record<string, unknown>);
  const key = channel.key ?? 'action';
  const statusCode = channel.camel ? 'statusCode' : 'status_code';
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
  const told = new Set<string>();
  let queue: Queued[] = [];
  let refs = 0;
  let socket: Socket | undefined;
  let asking: AbortController | undefined; // of an attempt
  let attempt = 0;
  let triedFresh = false;
  let refusal: { status: number; detail: string; items: readonly Item[] } | undefined;
  let heard = 0; // when the last frame came
  const timers: { connect?: any; stable?: any; beat?: any; drain?: any } = {};
  let idleNow = true; // nothing has been started: lazy, or closed

  const stopTimers = (): void => {
    for (const timer of Object.values(timers)) clock.clearTimeout(timer);
    for (const name of Object.keys(timers)) delete timers[name as keyof typeof timers];
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
      logger.warn('chanx: a handler failed', error);
    }
  };
  const write = (frame: object): void => socket?.send(JSON.stringify(frame));

  // Connecting

  const dial = async (fresh: boolean): Promise<void> => {
    const mine = (asking = new AbortController());
    refusal = undefined;
    timers.connect = clock.setTimeout(() => drop(1006, 'The server did not answer in time'), 10_000);
    status.set({ state: 'connecting', attempt });
    if (mine !== asking) return;
    let token = options.token;
    if (typeof token === 'function') {
      try {
        token = await token({ fresh, signal: mine.signal });
      } catch {
        if (mine === asking) drop(1006, 'No token could be had');
        return;
      }
      if (mine !== asking) return;
    }
    const { target, protocols } = place(token);
    try {
      socket = new (options.WebSocket ?? globalThis.WebSocket)(target, protocols);
    } catch {
      return drop(1006, 'No socket could be made');
    }
    listen(socket);
  };

  /** Puts the token where the document says. */
  const place = (token: string | undefined): { target: string; protocols?: string[] } => {
    const where = channel.token;
    const target = new URL(url);
    if (!where || token === undefined) return { target: target.href };
    if ('query' in where) {
      addQuery(target, where.query, encodeURIComponent((where.prefix ?? '') + token));
      return { target: target.href };
    }
    return { target: target.href, protocols: [...(where.beside ? [where.beside] : []), where.subprotocol + token] };
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
      const late = clock.now() > at + beat.answer + 1000; // this machine slept: it may have missed the answer
      if (heard >= at || late) ping();
      else drop(1006, 'The server does not answer');
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
    for (const [ref, call] of [...pending]) {
      if (!call.sent) continue;
      pending.delete(ref);
      call.fail(new DisconnectedError(call.action, true, code, reason));
    }
    decide(code, reason, wasOpen);
  };

  const release = (): void => {
    socket = undefined;
    asking?.abort();
    asking = undefined;
    stopTimers();
    globalThis.removeEventListener?.('online', again);
  };

  const decide = (code: number, reason: string, wasOpen: boolean): void => {
    const then = channel.closes?.[code] ?? usual(code);
    if (then === 'fresh' && typeof options.token === 'function' && !triedFresh) {
      triedFresh = true;
      return void dial(true);
    }
    if ((then === 'retry' || typeof then === 'number') && options.reconnect !== false) return pause(code, reason, then);
    if (code === 1000) return finish(code, reason);
    if (then === 'fresh' || (!wasOpen && code >= 4400 && code < 4600)) refusal ??= { status: code - 4000, detail: reason, items: [] };
    if (refusal) return finish(code, reason, new RefusedError(refusal.status, refusal.detail, refusal.items));
    finish(code, reason, new DisconnectedError('', true, code, reason));
  };

  const pause = (code: number, reason: string, then: Then): void => {
    const after = typeof then === 'number' ? then * 1000 : 0;
    const ms = Math.max(after, clock.random() * Math.min(wait.max, wait.min * 2 ** (attempt - 1)));
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
    idleNow = true;
    triedFresh = false;
    const discarded = queue.filter(({ ref }) => !ref).length;
    if (discarded) logger.warn(`chanx: ${discarded} messages were not sent`);
    queue = [];
    for (const [ref, call] of [...pending]) {
      pending.delete(ref);
      call.fail(new DisconnectedError(call.action, call.sent, code, reason));
    }
    for (const loop of [...loops]) loop.end(error);
    loops.clear();
    for (const fail of [...onces]) fail(error ?? new DisconnectedError('', false, code, reason));
    status.set(error ? { state: 'closed', code, reason, error } : { state: 'closed', code, reason });
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
    while (queue.length && socket && socket.bufferedAmount < fullBuffer) {
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
    : new ReplyError(action, `${payload?.reason ?? ''}`, `${payload?.detail ?? ''}`);

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
    const timer = ms === undefined ? undefined : clock.setTimeout(expired, ms);
    const off = (): void => {
      if (timer !== undefined) clock.clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
    };
    signal?.addEventListener('abort', aborted);
    return off;
  };

  type More = CallOptions & { frame?: object };

  const request = (action: string, payload?: unknown, { timeout = options.timeout ?? 15_000, signal, frame }: More = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const ref = `${++refs}`;
      const off = watch(action, timeout, signal, () => cancel(ref), reject);
      pending.set(ref, {
        action, sent: false,
        frame(got) {
          off();
          if (got[key] === 'error') reject(failure(action, got['payload']));
          else resolve(got[key] === 'complete' ? undefined : content(got));
          return true;
        },
        fail(error) {
          off();
          reject(error);
        },
      });
      try {
        enqueue(action, { ref, text: frameOf(action, payload, frame, ref) });
      } catch (error) {
        off();
        pending.delete(ref);
        throw error;
      }
    });

  const stream = (action: string, payload?: unknown, { timeout, signal, frame }: More = {}): AsyncIterable<unknown> => ({
    [Symbol.asyncIterator]() {
      let ref = '';
      let off: Off | undefined;
      const start = (): void => {
        if (signal?.aborted) return box.end(signal.reason);
        const mine = (ref = `${++refs}`);
        off = watch(action, timeout, signal, () => cancel(mine), box.end);
        pending.set(mine, {
          action, sent: false,
          frame(got) {
            if (got[key] !== 'complete' && got[key] !== 'error') {
              box.push(content(got));
              return false;
            }
            off?.();
            box.end(got[key] === 'error' ? failure(action, got['payload']) : undefined);
            return true;
          },
          fail(error) {
            off?.();
            box.end(error);
          },
        });
        try {
          enqueue(action, { ref: mine, text: frameOf(action, payload, frame, mine) });
        } catch (error) {
          off();
          pending.delete(mine);
          box.end(error);
        }
      };
      const box = mailbox(1000, () => {
        off?.();
        cancel(ref);
      }, start);
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
    if (!frame || typeof action !== 'string') return once('', 'the server sent a frame that is no message');
    if (action === 'authentication') return authenticated(frame['payload']);
    if (frame['ref'] !== undefined) {
      const call = pending.get(frame['ref']);
      if (call?.frame(frame)) pending.delete(frame['ref']);
      return;
    }
    if (action === 'error') return complain(failure('', frame['payload']));
    if (/^(chanx\.|(group_|event_)?complete$|pong$)/.test(action) && !handlers.has(action)) return;
    if (channel.events && !channel.events.includes(action)) return once(action, `the server sent ${action}, which this client does not know`);
    for (const handler of [...(handlers.get(action) ?? [])]) {
      if (handlers.get(action)!.has(handler)) guarded(() => handler.fn(frame));
    }
    for (const loop of [...loops]) loop.push(frame);
  };

  const authenticated = (payload: any): void => {
    const code = payload?.[statusCode];
    const detail = `${payload?.data?.detail ?? ''}`;
    if (code >= 400) refusal = { status: code, detail, items: payload.data?.errors ?? [] };
    else if (channel.told && status.current.state === 'connecting') opened(detail);
  };

  const complain = (error: InvalidError | ReplyError): void => {
    if (!errors.size) logger.warn(error.message);
    for (const one of [...errors]) guarded(() => one.fn(error));
  };

  const on = (action: string, fn: (frame: any) => void): Off => {
    const one = { fn };
    const all = handlers.get(action) ?? new Set();
    handlers.set(action, all.add(one));
    return () => void all.delete(one);
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
      const leave = (): void => {
        loops.delete(box);
        signal?.removeEventListener('abort', aborted);
      };
      const aborted = (): void => {
        leave();
        box.end();
      };
      const box = mailbox(limit, leave);
      const now = status.current;
      if (now.state === 'closed') box.end(now.error);
      else if (signal?.aborted) box.end();
      else {
        loops.add(box);
        signal?.addEventListener('abort', aborted);
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
    if (!idleNow) return;
    if (!options.WebSocket && !globalThis.WebSocket) throw new TypeError('chanx: there is no WebSocket here: give options.WebSocket');
    idleNow = false;
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
      finish(code, reason || meaning(code));
    }
  };

  if (!options.lazy) begin();
  return {
    status, connect: begin, close, request, stream, on, once: next, frames, list,
    send: (action: string, payload?: unknown, more?: More) => enqueue(action, { text: frameOf(action, payload, more?.frame) }),
    failed: (error: unknown, action: string) => error instanceof ReplyError && error.action === action,
    onError(fn: (error: InvalidError | ReplyError) => void) {
      const one = { fn };
      errors.add(one);
      return () => void errors.delete(one);
    },
    [Symbol.asyncIterator]: () => frames()[Symbol.asyncIterator](),
  } as unknown as T;
};
