// What generated clients need of the runtime.

export type Off = () => void;

/** A value that changes. `current` is a new object after each change; `initial` is what a server renders. */
export interface Live<T> {
  readonly initial: T;
  readonly current: T;
  readonly subscribe: (fn: (now: T) => void) => Off;
}

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

export declare abstract class ChanxError extends Error {}
export declare class InvalidError extends ChanxError {
  readonly name: 'InvalidError';
  readonly action: string;
  readonly items: readonly Item[];
}
export interface Item { readonly type: string; readonly loc: readonly (string | number)[]; readonly msg: string }
export declare class ReplyError<Reason extends string = string> extends ChanxError {
  readonly name: 'ReplyError';
  readonly action: string;
  readonly reason: Reason;
  readonly detail: string;
}
export type LibraryReason = 'internal' | 'timeout' | 'cancelled' | 'too_busy' | 'rate_limited' | 'duplicate_ref';
export declare class TimeoutError extends ChanxError {
  readonly name: 'TimeoutError';
  readonly action: string;
  readonly sent: boolean;
}
export declare class DisconnectedError extends ChanxError {
  readonly name: 'DisconnectedError';
  readonly action: string;
  readonly sent: boolean;
  readonly code: number;
  readonly reason: string;
}
export declare class RefusedError extends ChanxError {
  readonly name: 'RefusedError';
  readonly status: number;
  readonly detail: string;
  readonly items: readonly Item[];
}
export declare class QueueFullError extends ChanxError {
  readonly name: 'QueueFullError';
  readonly queue: 'send' | 'receive';
  readonly limit: number;
}
export declare class Decline extends ChanxError {
  constructor(reason: string, detail?: string);
  readonly name: 'Decline';
  readonly reason: string;
  readonly detail: string;
}

export type Token = string | ((why: { readonly fresh: boolean; readonly signal: AbortSignal }) => string | Promise<string>);

export interface Options {
  lazy?: boolean;
  timeout?: number;
  queue?: number;
  reconnect?: false | { min?: number; max?: number };
  heartbeat?: false | { idle?: number; answer?: number };
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
  connect(): void;
  close(code?: number, reason?: string): void;
  send<A extends Kind<C, 'send'>>(action: A, ...args: Args<C['calls'][A], {}>): void;
  request<A extends Kind<C, 'send' | 'request'>>(action: A, ...args: Args<C['calls'][A], CallOptions>): Promise<C['calls'][A]['answer']>;
  stream<A extends Kind<C, 'stream'>>(action: A, ...args: Args<C['calls'][A], CallOptions>): AsyncIterable<C['calls'][A]['answer']>;
  failed<A extends keyof C['calls'] & string>(error: unknown, action: A): error is ReplyError<C['calls'][A]['fails'] | LibraryReason>;
  on<A extends ActionOf<C>>(action: A, fn: (frame: FrameOf<C, A>) => void): Off;
  once<A extends ActionOf<C>>(action: A, options?: CallOptions): Promise<FrameOf<C, A>>;
  frames(options?: { limit?: number; signal?: AbortSignal }): AsyncIterable<C['frames']>;
  list<A extends ActionOf<C>>(actions: A | readonly A[], limit: number): Live<readonly FrameOf<C, A>[]>;
  answer<A extends keyof C['asks'] & string>(action: A, fn: Answerer<C['asks'][A]>): Off;
  presence(group: [C['card']] extends [never] ? never : string): Live<Roster<C['card']>>;
  onGap(fn: (group: string, reason: GapReason) => void): Off;
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

export declare function connect<T extends Client<any>>(
  channel: Channel, base: string | URL, params: object, options?: Options & { token?: Token },
): T;
