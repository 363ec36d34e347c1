// The connections of the page. What arrives goes to the timeline, and errors to the draft that caused them.

import { batch } from '@preact/signals';
import { checkParams, closeWords, dialing, lacksToken, type Credential, type Values } from './address.ts';
import { outgoing, type Draft } from './compose.ts';
import { callOf, type Channel, type Operation } from './contract.ts';
import { isObject, valueAt, type Json } from './json.ts';
import { itemsOf, lost, note, read, received, sent, type Entry } from './frames.ts';
import * as s from './state.ts';
import * as w from './work.ts';

const sockets = new Map<number, WebSocket>();
const waiting = new Map<number, () => void>(); // what to do when a connection opens
let connectionIds = 0;
let refs = 0;

const update = (id: number, part: Partial<s.Connection>) => {
  s.connections.value = s.connections.value.map((c) => (c.id === id ? { ...c, fresh: false, ...part } : c));
};

const find = (id: number) => s.connections.value.find((c) => c.id === id);

function log(id: number, text: string, tone: Entry['tone'] = '') {
  note(w.timeline, id, Date.now(), text, tone);
  w.changed();
}

/** Connects to a channel with what was typed. Returns 0 if that is not valid. */
export function connect(channel: Channel, then?: () => void): number {
  const values = w.params.value[channel.id] ?? {};
  const credential = w.credentials.value[channel.id];
  if (checkParams(s.contract.value!, channel, values).length > 0 || lacksToken(channel, credential)) {
    batch(() => {
      w.tried.value = true;
      w.connecting.value = true;
      s.view.value = 'live';
    });
    return 0;
  }
  w.tried.value = false;
  return open(channel, values, credential, then);
}

function open(channel: Channel, values: Values, credential: Credential | undefined, then?: () => void): number {
  const c = w.newConnection(++connectionIds, channel, values, credential);
  batch(() => {
    s.connections.value = [...s.connections.value, c];
    w.connecting.value = false;
    w.target.value = c.id;
  });
  if (then) waiting.set(c.id, then);
  dial(c);
  return c.id;
}

/** Opens another connection with the same parameters and token. */
export const duplicate = (c: s.Connection): number => open(c.channel, c.values, c.credential);

/** Connects a closed connection again. */
export function reconnect(c: s.Connection): void {
  update(c.id, { state: 'connecting', code: 0, reason: '', refusal: undefined });
  dial(c);
}

const cookieOf = (c: Credential | undefined) => (c?.in === 'cookie' && c.token ? c : undefined);

function dial(c: s.Connection) {
  const { url, protocols } = dialing(s.contract.value!, c.path, location.origin, c.credential);
  const cookie = cookieOf(c.credential);
  // The cookie exists while the handshake lasts. One that is HttpOnly cannot be replaced, and need not be.
  const setCookie = (value: string, age: number) => {
    if (cookie) document.cookie = `${cookie.name}=${value}; path=/; max-age=${age}; samesite=strict`;
  };
  if (cookie) setCookie(cookie.token, 15);
  let socket: WebSocket;
  try {
    socket = new WebSocket(url, protocols);
  } catch (err) {
    update(c.id, { state: 'closed', code: 1006, reason: err instanceof Error ? err.message : String(err) });
    return log(c.id, 'The browser refused to connect', 'bad');
  }
  sockets.set(c.id, socket);
  log(c.id, `Connecting to ${c.path}`);
  socket.onopen = () => {
    setCookie('', 0);
    if (!c.channel.welcome) opened(c.id, '');
  };
  socket.onmessage = (m) => message(c.id, typeof m.data === 'string' ? m.data : '(binary)');
  socket.onclose = (e) => {
    setCookie('', 0);
    closed(c.id, socket, e);
  };
}

function opened(id: number, detail: string) {
  update(id, { state: 'open' });
  log(id, detail ? `Open: ${detail}` : 'Open', 'good');
  s.say(`Connection ${find(id)?.name} is open`);
  waiting.get(id)?.();
  waiting.delete(id);
}

function closed(id: number, socket: WebSocket, e: CloseEvent) {
  if (sockets.get(id) !== socket) return;
  sockets.delete(id);
  waiting.delete(id);
  lost(w.timeline, id);
  const c = find(id);
  if (!c) return;
  const never = c.state === 'connecting' && e.code === 1006;
  const words = never ? 'No connection could be made' : closeWords(c.channel, e.code);
  update(id, { state: 'closed', code: e.code, reason: e.reason });
  log(id, `Closed ${e.code}: ${words}${e.reason ? `, "${e.reason}"` : ''}`, e.code === 1000 ? '' : 'bad');
  s.say(`Connection ${c.name} is closed: ${words}`);
}

function message(id: number, text: string) {
  const c = find(id);
  if (!c) return;
  const r = read(s.contract.value!, c.channel, 'in', text);
  const { entry } = received(w.timeline, id, Date.now(), text, r);
  if (s.view.value !== 'live') s.unseen.value++;
  w.changed();
  if (r.action === 'authentication') return welcome(c, r.frame);
  if (r.action === 'error' && entry.ref) w.tellDraft(c.channel, entry.ref, itemsOf(r.frame));
}

function welcome(c: s.Connection, frame: Json | undefined) {
  const payload = valueAt(frame, ['payload']);
  const status = Number(valueAt(payload, ['status_code']) ?? valueAt(payload, ['statusCode']) ?? 0);
  const detail = String(valueAt(payload, ['data', 'detail']) ?? '');
  if (status === 200) return c.state === 'connecting' ? opened(c.id, detail) : undefined;
  update(c.id, { refusal: { status, detail, items: itemsOf(frame) } });
}

/** Ends a connection from this side. */
export function disconnect(id: number): void {
  update(id, { state: 'closing' });
  sockets.get(id)?.close(1000);
}

/** Removes a connection from the page. Its frames stay. */
export function remove(id: number): void {
  const socket = sockets.get(id);
  sockets.delete(id);
  socket?.close(1000);
  lost(w.timeline, id);
  s.connections.value = s.connections.value.filter((c) => c.id !== id);
  w.changed();
}

/** Sends text as it is. */
export function transmit(id: number, text: string, call?: Operation): boolean {
  const c = find(id);
  const socket = sockets.get(id);
  if (!c || !socket || socket.readyState !== WebSocket.OPEN) return false;
  const r = read(s.contract.value!, c.channel, 'out', text);
  sent(w.timeline, id, Date.now(), text, r, call ?? callOf(c.channel, r.action));
  socket.send(text);
  w.changed();
  return true;
}

/** Sends a draft; without an open connection it connects first. */
export function send(channel: Channel, o: Operation, d: Draft): void {
  const to = w.targetOf(channel);
  if (!to) {
    connect(channel, () => send(channel, o, w.draft(channel, o)));
    return;
  }
  const out = outgoing(d, String(++refs));
  w.setDraft(channel, o, { ...d, told: [], ref: out.ref });
  if (!transmit(to.id, out.text, o)) return;
  w.remember(channel, o, d.text);
  s.say(`Sent ${o.message.action} on connection ${to.name}`);
}

const library = (members: { [name: string]: Json }, action: string) => JSON.stringify({ [s.contract.value!.discriminator]: action, ...members });

/** Cancels the request of an entry. */
export const cancel = (e: Entry): boolean => transmit(e.conn, library({ ref: e.ref }, 'chanx.cancel'));

/** Answers an ask of the server. */
export function answer(e: Entry, action: string, payload: Json | undefined): boolean {
  return transmit(e.conn, library({ ...(payload !== undefined && { payload }), ask: e.ask }, action));
}

export const decline = (e: Entry): boolean => answer(e, 'error', { reason: 'declined', detail: 'Declined on the page' });

/** The payload of a frame, for a form that begins with it. */
export const payloadOf = (frame: Json | undefined): Json | undefined => (isObject(frame) ? frame.payload : undefined);
