// The contract: an AsyncAPI 3 document with the extensions x-chanx, as the page needs it.

import { isObject, own, type Json } from './json.ts';
import { at, resolve, type Root, type Schema } from './schema.ts';

export interface Contract {
  root: Root;
  title: string;
  version: string;
  description: string;
  discriminator: string;
  camelize: boolean;
  subprotocols: string[];
  base: string; // a path before all addresses
  channels: Channel[];
}

export interface Channel {
  id: string;
  title: string;
  description: string;
  address: string;
  params: Param[];
  tokens: TokenPlace[];
  tokenRequired: boolean;
  welcome: boolean; // an authentication message says when it is open
  closes: CloseRule[];
  operations: Operation[]; // what clients send first, then what comes unasked
  messages: Map<string, Message>; // all that the server sends, by action
}

export interface Param {
  in: 'path' | 'query';
  name: string;
  description: string;
  schema: Schema;
  required: boolean;
  rest: boolean; // of {path...}: slashes stay
}

export interface TokenPlace {
  in: 'query' | 'subprotocol' | 'header' | 'cookie';
  name: string;
  prefix: string;
}

export interface CloseRule {
  code: number;
  to: number; // the last code of a range
  meaning: string;
  then: string;
}

export interface Message {
  action: string;
  title: string;
  type: string;
  description: string;
  deprecated: boolean;
  library: boolean;
  flags: string[]; // group, kept, latest, droppable
  frame: Schema;
  payload: Schema | undefined;
  beside: { name: string; schema: Schema; required: boolean }[];
  examples: Json[]; // of the frame
}

export type OperationKind = 'on' | 'request' | 'stream' | 'send' | 'ask';

export interface Operation {
  id: string;
  kind: OperationKind;
  message: Message;
  title: string;
  description: string;
  deprecated: boolean;
  replies: Message[];
  fails: { reason: string; doc: string }[];
}

type Bag = { [name: string]: Json };

const bag = (v: Json | undefined): Bag => (isObject(v) ? v : {});
const list = (v: Json | undefined): Json[] => (Array.isArray(v) ? v : []);
const text = (v: Json | undefined): string => (typeof v === 'string' ? v : '');
const extension = (v: Bag): Bag => bag(v['x-chanx']);

function deref(root: Root, v: Json | undefined): Bag {
  for (let hops = 0; isObject(v) && typeof v.$ref === 'string' && hops < 16; hops++) v = at(root, v.$ref);
  return bag(v);
}

/** Reads a document. An error says in one sentence what is wrong with it. */
export function readContract(root: Json | undefined): Contract {
  if (!isObject(root) || !/^3\./.test(text(root.asyncapi))) throw new Error('It is not an AsyncAPI 3 document.');
  const x = extension(root);
  const info = bag(root.info);
  const server = deref(root, Object.values(bag(root.servers))[0]);
  const contract: Contract = {
    root,
    title: text(info.title) || 'API',
    version: text(info.version) === '0.0.0' ? '' : text(info.version),
    description: text(info.description),
    discriminator: text(x.discriminator) || 'action',
    camelize: x.camelize === true,
    subprotocols: list(x.subprotocols).map(text).filter(Boolean),
    base: text(server.pathname).replace(/\/$/, ''),
    channels: [],
  };
  for (const [id, c] of Object.entries(bag(root.channels))) contract.channels.push(readChannel(contract, id, deref(root, c)));
  return contract;
}

function readChannel(contract: Contract, id: string, c: Bag): Channel {
  const { root } = contract;
  const x = extension(c);
  const channel: Channel = {
    id,
    title: text(c.title) || text(x.name) || id,
    description: text(c.description) || text(c.summary),
    address: text(c.address),
    params: readParams(root, c),
    tokens: list(x.tokens).map((t) => readToken(bag(t))),
    tokenRequired: x.tokenRequired === true,
    welcome: x.welcome === true,
    closes: list(x.closes).map((v) => {
      const b = bag(v);
      return { code: Number(b.code), to: Number(b.to ?? b.code), meaning: text(b.meaning).replace(/\.$/, ''), then: text(b.then) };
    }),
    operations: [],
    messages: new Map(),
  };
  const all = new Map(Object.entries(bag(c.messages)).map(([key, m]) => [key, readMessage(contract, key, deref(root, m))]));
  const named = (refs: Json | undefined) =>
    list(refs).flatMap((r) => all.get(lastStep(text(bag(r).$ref))) ?? []);
  for (const [key, o] of Object.entries(bag(bag(root).operations))) {
    const op = deref(root, o);
    if (lastStep(text(bag(op.channel).$ref)) !== id) continue;
    for (const message of named(op.messages)) channel.operations.push(readOperation(key, op, message, named(bag(op.reply).messages)));
  }
  const sent = new Set(channel.operations.filter((o) => isCall(o)).map((o) => o.message));
  for (const m of all.values()) if (!sent.has(m)) channel.messages.set(m.action, m);
  for (const o of channel.operations) for (const m of isCall(o) ? o.replies : [o.message]) channel.messages.set(m.action, m);
  channel.operations.sort((a, b) => rank(a) - rank(b));
  return channel;
}

const lastStep = (ref: string) => decodeURIComponent(ref.slice(ref.lastIndexOf('/') + 1)).replaceAll('~1', '/').replaceAll('~0', '~');

/** Reports whether clients begin the operation. */
export const isCall = (o: Operation): boolean => o.kind !== 'send' && o.kind !== 'ask';

const rank = (o: Operation) => (isCall(o) ? 0 : 1) + (o.message.library ? 2 : 0);

function readToken(t: Bag): TokenPlace {
  return { in: text(t.in) as TokenPlace['in'], name: text(t.name), prefix: text(t.prefix) };
}

function readParams(root: Root, c: Bag): Param[] {
  const found: Param[] = [];
  for (const [name, p] of Object.entries(bag(c.parameters))) {
    const b = deref(root, p);
    const schema = extension(b).schema as Schema | undefined;
    const plain: Schema = { type: 'string', ...(b.enum && { enum: list(b.enum) }), ...(b.default !== undefined && { default: b.default }) };
    found.push({ in: 'path', name, description: text(b.description), schema: schema ?? plain, required: true, rest: extension(b).rest === true });
  }
  found.sort((a, b) => text(c.address).indexOf(`{${a.name}`) - text(c.address).indexOf(`{${b.name}`));
  const query = bag(bag(bag(c.bindings).ws).query) as Schema;
  for (const [name, s] of Object.entries(query.properties ?? {})) {
    const description = resolve(root, s).description ?? '';
    found.push({ in: 'query', name, description, schema: s, required: !!query.required?.includes(name), rest: false });
  }
  return found;
}

const flags = ['group', 'kept', 'latest', 'droppable'];

function readMessage(contract: Contract, key: string, m: Bag): Message {
  const { root, discriminator } = contract;
  const x = extension(m);
  const frame = bag(m.payload) as Schema;
  const properties = resolve(root, frame).properties ?? {};
  const constant = resolve(root, own(properties, discriminator)).const;
  const beside = list(x.beside).map(text);
  return {
    action: text(constant) || text(m.name) || key,
    title: text(m.title) || text(m.name) || key,
    type: text(x.type),
    description: text(m.description) || text(m.summary),
    deprecated: m.deprecated === true || x.deprecated === true,
    library: x.library === true,
    flags: flags.filter((f) => x[f] === true),
    frame,
    payload: own(properties, 'payload'),
    beside: beside.flatMap((name) => {
      const schema = own(properties, name);
      return schema ? [{ name, schema, required: !!resolve(root, frame).required?.includes(name) }] : [];
    }),
    examples: list(m.examples).map((e) => bag(e).payload ?? null).filter((e) => e !== null),
  };
}

function readOperation(id: string, o: Bag, message: Message, replies: Message[]): Operation {
  const x = extension(o);
  const calls = text(o.action) === 'receive';
  const guess: OperationKind = calls ? (replies.some((r) => !r.library) ? 'request' : 'on') : o.reply ? 'ask' : 'send';
  return {
    id,
    message,
    replies,
    kind: (text(x.kind) as OperationKind) || guess,
    title: text(o.title) || message.title,
    description: text(o.description) || text(o.summary) || message.description,
    deprecated: message.deprecated || o.deprecated === true || x.deprecated === true,
    fails: list(x.fails).map((f) => ({ reason: text(bag(f).reason), doc: text(bag(f).doc) })),
  };
}

/** The operation of clients with an action. */
export const callOf = (c: Channel, action: string): Operation | undefined =>
  c.operations.find((o) => isCall(o) && o.message.action === action);
