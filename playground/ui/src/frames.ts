// Frames as the timeline shows them: what a text is by the contract, which belong together, and what a filter keeps.

import { callOf, type Channel, type Contract, type Message, type Operation } from './contract.ts';
import { compact, isObject, own, parse, valueAt, type Json } from './json.ts';
import { tree, type JsonMember } from './jsontext.ts';
import { validate, type Problem } from './validate.ts';

export type Direction = 'in' | 'out' | 'note';
export type Progress = 'waiting' | 'streaming' | 'complete' | 'failed' | 'lost';

export interface Entry {
  id: number;
  conn: number;
  at: number; // ms since 1970
  dir: Direction;
  text: string;
  action: string;
  ref: string;
  ask: string;
  problems: Problem[]; // where it does not match the document
  tone: '' | 'good' | 'bad';
  mine: boolean;
  current: boolean;
  pos: string;
  size: number; // in characters
  latency?: number; // ms from the request to this frame
  progress?: Progress; // of a request
  stream?: boolean;
  items?: Entry[]; // of a stream
  call?: Operation | undefined;
}

export interface Reading {
  frame: Json | undefined;
  action: string;
  ref: string;
  ask: string;
  message: Message | undefined;
  problems: Problem[];
}

const string = (v: Json | undefined) => (typeof v === 'string' ? v : '');

/** Reads a frame and compares it with the document. */
export function read(contract: Contract, channel: Channel, dir: 'in' | 'out', text: string): Reading {
  const frame = parse(text);
  const reading: Reading = { frame, action: '', ref: '', ask: '', message: undefined, problems: [] };
  const fail = (type: string, msg: string) => reading.problems.push({ type, loc: [], msg });
  if (frame === undefined) return fail('json_invalid', 'This is not JSON'), reading;
  if (!isObject(frame)) return fail('model_type', 'This is not an object'), reading;
  const action = own(frame, contract.discriminator);
  reading.action = string(action);
  reading.ref = string(own(frame, 'ref'));
  reading.ask = string(own(frame, 'ask'));
  if (typeof action !== 'string') return fail('union_tag_not_found', `It has no ${contract.discriminator}`), reading;
  if (/^chanx\.(cancel|ping)$/.test(action) && dir === 'out') return reading;
  reading.message = dir === 'in' ? channel.messages.get(action) : callOf(channel, action)?.message;
  const answers = dir === 'out' && reading.ask !== '';
  if (reading.message) reading.problems = validate(contract.root, reading.message.frame, frame);
  else if (!answers && !action.startsWith('chanx.')) fail('union_tag_invalid', `The document has no message "${action}" in this direction`);
  return reading;
}

export interface Timeline {
  entries: Entry[];
  dropped: number;
  next: number;
  chars: number;
  pending: Map<string, Entry>; // requests that have no final answer, by connection and ref
  actions: Set<string>; // that were seen
}

export const maxEntries = 10_000;
export const maxChars = 64 << 20;

export const newTimeline = (): Timeline => ({ entries: [], dropped: 0, next: 1, chars: 0, pending: new Map(), actions: new Set() });

const key = (conn: number, ref: string) => `${conn} ${ref}`;

function append(t: Timeline, e: Entry) {
  t.entries.push(e);
  t.chars += e.size;
  let cut = 0;
  while (t.entries.length - cut > maxEntries || (t.chars > maxChars && t.entries.length - cut > 1)) t.chars -= weight(t.entries[cut++]!);
  // Cutting one at a time would copy the list for each frame.
  if (cut > 0) {
    const more = Math.min(t.entries.length - 1, Math.max(cut, maxEntries / 20));
    for (let i = cut; i < more; i++) t.chars -= weight(t.entries[i]!);
    t.entries.splice(0, more);
    t.dropped += more;
  }
}

const weight = (e: Entry): number => e.size + (e.items ?? []).reduce((sum, i) => sum + i.size, 0);

function entry(t: Timeline, conn: number, at: number, dir: Direction, text: string, r?: Reading): Entry {
  const frame = r && isObject(r.frame) ? r.frame : {};
  if (r?.action) t.actions.add(r.action);
  const flag = (snake: string, camel: string) => own(frame, snake) === true || own(frame, camel) === true;
  return {
    id: t.next++,
    conn,
    at,
    dir,
    text,
    action: r?.action ?? '',
    ref: r?.ref ?? '',
    ask: r?.ask ?? '',
    problems: r?.problems ?? [],
    tone: r && isBad(r) ? 'bad' : '',
    mine: flag('is_mine', 'isMine'),
    current: flag('is_current', 'isCurrent'),
    pos: string(own(frame, 'pos')),
    size: text.length,
  };
}

const isBad = (r: Reading) =>
  r.action === 'error' || (r.action === 'authentication' && Number(valueAt(r.frame, ['payload', 'status_code']) ?? valueAt(r.frame, ['payload', 'statusCode'])) >= 400);

/** Records what happened to a connection. */
export function note(t: Timeline, conn: number, at: number, text: string, tone: Entry['tone']): void {
  append(t, { ...entry(t, conn, at, 'note', text), tone });
}

/** Records a frame that was sent. */
export function sent(t: Timeline, conn: number, at: number, text: string, r: Reading, call: Operation | undefined): Entry {
  const e = entry(t, conn, at, 'out', text, r);
  e.call = call;
  if (e.ref && !e.action.startsWith('chanx.')) {
    e.progress = 'waiting';
    if (call?.kind === 'stream') {
      e.stream = true;
      e.items = [];
    }
    t.pending.set(key(conn, e.ref), e);
  }
  append(t, e);
  return e;
}

const finals = new Set(['complete', 'error']);

/** Records a frame that came. Items of a stream are folded under their request, whose entry is returned with it. */
export function received(t: Timeline, conn: number, at: number, text: string, r: Reading): { entry: Entry; request?: Entry } {
  const e = entry(t, conn, at, 'in', text, r);
  const request = e.ref ? t.pending.get(key(conn, e.ref)) : undefined;
  if (!request) return append(t, e), { entry: e };
  e.latency = at - request.at;
  const final = finals.has(e.action) || !request.stream;
  if (request.items) {
    request.items.push(e);
    t.chars += e.size;
    request.progress = 'streaming';
  } else {
    append(t, e);
  }
  if (final) {
    request.progress = e.action === 'error' ? 'failed' : 'complete';
    request.latency = e.latency;
    t.pending.delete(key(conn, e.ref));
  }
  return { entry: e, request };
}

/** Ends the requests of a connection that has ended. */
export function lost(t: Timeline, conn: number): void {
  for (const [k, e] of t.pending) {
    if (e.conn !== conn) continue;
    e.progress = 'lost';
    t.pending.delete(k);
  }
}

export function clear(t: Timeline): void {
  t.entries = [];
  t.dropped = 0;
  t.chars = 0;
  t.actions.clear();
}

export interface Filter {
  hidden: ReadonlySet<number>; // connections
  dir: '' | 'in' | 'out';
  action: string;
  text: string;
}

export const noFilter: Filter = { hidden: new Set(), dir: '', action: '', text: '' };
export const isFiltering = (f: Filter): boolean => f.hidden.size > 0 || !!f.dir || !!f.action || !!f.text;

/** Reports whether a filter keeps an entry. A request is kept for its items too. */
export function keeps(f: Filter, e: Entry): boolean {
  if (f.hidden.has(e.conn)) return false;
  const one = (x: Entry) =>
    (!f.dir || x.dir === f.dir) && (!f.action || x.action === f.action) && (!f.text || x.text.toLowerCase().includes(f.text.toLowerCase()));
  return one(e) || !!e.items?.some(one);
}

const previewLength = 240;

/** One line about an entry: its payload, or the items of an error. */
export function preview(contract: Contract, e: Entry): string {
  if (e.dir === 'note') return e.text;
  if (e.size > 50_000) return e.text.slice(0, previewLength);
  const frame = tree(e.text);
  if (!frame?.members) return e.text.slice(0, previewLength);
  const part = (m: JsonMember) => compact(e.text.slice(m.value?.from, m.value?.to));
  if (e.action === 'error') return errorWords(own(parse(e.text) as { [name: string]: Json }, 'payload')).slice(0, previewLength);
  const shown = frame.members.filter((m) => m.key !== contract.discriminator && !marked.has(m.key));
  return shown.map((m) => (m.key === 'payload' ? part(m) : `${m.key}: ${part(m)}`)).join(' ').slice(0, previewLength);
}

/** Members that a row shows otherwise. */
const marked = new Set(['ref', 'is_mine', 'is_current', 'isMine', 'isCurrent', 'pos', 'ask']);

function errorWords(payload: Json | undefined): string {
  if (Array.isArray(payload)) {
    return payload.map((i) => `${string(valueAt(i, ['msg']))} at ${[valueAt(i, ['loc']) ?? []].flat().join('.') || 'the frame'}`).join(' · ');
  }
  return `${string(valueAt(payload, ['reason']))}: ${string(valueAt(payload, ['detail']))}`;
}

/** The items of a validation error. */
export function itemsOf(frame: Json | undefined): Problem[] {
  const payload = valueAt(frame, ['payload']);
  const items = Array.isArray(payload) ? payload : valueAt(frame, ['payload', 'data', 'errors']);
  if (!Array.isArray(items)) return [];
  return items.filter(isObject).map((i) => ({
    type: string(own(i, 'type')),
    msg: string(own(i, 'msg')),
    loc: (Array.isArray(i.loc) ? i.loc : []).filter((s): s is string | number => typeof s === 'string' || typeof s === 'number'),
  }));
}

export function duration(ms: number): string {
  if (ms < 1) return '<1 ms';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}

export function bytes(n: number): string {
  if (n < 1024) return `${n} B`;
  return n < 1 << 20 ? `${(n / 1024).toFixed(1)} KB` : `${(n / (1 << 20)).toFixed(1)} MB`;
}
