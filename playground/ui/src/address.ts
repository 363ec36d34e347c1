// The address of a connection: parameters, tokens and what a close code means.

import type { Channel, Contract, Param, TokenPlace } from './contract.ts';
import { parse, type Json } from './json.ts';
import { field, isInteger, type Root } from './schema.ts';
import { validate, type Problem } from './validate.ts';

export type Values = { [name: string]: string }; // by key, as typed

export const paramKey = (p: Param): string => `${p.in}.${p.name}`;

/** Reads what was typed as the type of a parameter; undefined: left out. */
export function paramValue(root: Root, p: Param, typed: string | undefined): Json | undefined {
  const f = field(root, p.schema);
  if (f.kind === 'list') {
    const parts = (typed ?? '').split(',').map((s) => s.trim()).filter(Boolean);
    return parts.length ? parts.map((s) => scalar(root, p, s)) : undefined;
  }
  return typed === undefined || typed === '' ? undefined : scalar(root, p, typed);
}

function scalar(root: Root, p: Param, typed: string): Json {
  let f = field(root, p.schema);
  if (f.kind === 'list') f = field(root, f.schema.items ?? {});
  const literal = f.kind === 'number' ? /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(typed) : f.kind === 'boolean' ? /^(true|false)$/.test(typed) : false;
  if (literal) return parse(typed) ?? typed;
  return f.kind === 'enum' ? (f.schema.enum!.find((e) => String(e) === typed) ?? typed) : typed;
}

/** Says what is wrong with the parameters of a channel. */
export function checkParams(contract: Contract, channel: Channel, values: Values): Problem[] {
  return channel.params.flatMap((p) => {
    const value = paramValue(contract.root, p, values[paramKey(p)]);
    const loc = [p.in, p.name];
    if (value === undefined) return p.required ? [{ type: 'missing', loc, msg: 'Field required' }] : [];
    if (p.in === 'path' && (value === '.' || value === '..')) return [{ type: 'value_error', loc, msg: 'Browsers drop this from addresses' }];
    return validate(contract.root, p.schema, value).map((e) => ({ ...e, loc }));
  });
}

/** The path of a connection, with its query. Values are one segment each, but for {rest...}. */
export function pathOf(contract: Contract, channel: Channel, values: Values): string {
  const encode = (p: Param, v: string) => (p.rest ? v.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(v));
  let path = contract.base + channel.address;
  const query: string[] = [];
  for (const p of channel.params) {
    const value = paramValue(contract.root, p, values[paramKey(p)]);
    if (p.in === 'path') {
      path = path.replaceAll(`{${p.name}}`, encode(p, String(value ?? ''))).replaceAll(`{${p.name}...}`, encode(p, String(value ?? '')));
    } else if (value !== undefined) {
      for (const v of [value].flat()) query.push(`${encodeURIComponent(p.name)}=${encodeURIComponent(String(v))}`);
    }
  }
  return query.length ? `${path}?${query.join('&')}` : path;
}

export interface Credential extends TokenPlace {
  token: string;
}

/** What a browser is given to connect. The URL has the token if that travels in the query. */
export function dialing(contract: Contract, path: string, origin: string, c: Credential | undefined): { url: string; protocols: string[] } {
  let url = origin.replace(/^http/, 'ws') + path;
  const protocols = [...contract.subprotocols];
  if (c?.token && c.in === 'query') url += `${path.includes('?') ? '&' : '?'}${encodeURIComponent(c.name)}=${encodeURIComponent(c.token)}`;
  if (c?.token && c.in === 'subprotocol') protocols.splice(1, protocols.length, protocols[0] ?? c.prefix, c.prefix + c.token);
  if (c?.token && c.in === 'subprotocol' && contract.subprotocols.length) protocols.shift();
  return { url, protocols };
}

export const widgetOf = (root: Root, p: Param): 'enum' | 'boolean' | 'number' | 'text' => {
  const f = field(root, p.schema);
  if (f.kind === 'number') return isInteger(f.schema) ? 'number' : 'text';
  return f.kind === 'enum' || f.kind === 'boolean' ? f.kind : 'text';
};

const meanings: { [code: number]: string } = {
  1000: 'Done',
  1001: 'The server is shutting down',
  1002: 'The page broke the protocol',
  1003: 'The server does not take this kind of data',
  1005: 'Closed without a code',
  1006: 'The connection was lost',
  1007: 'Text that is not UTF-8',
  1008: 'A limit was exceeded',
  1009: 'The message was too long',
  1011: 'The server failed',
  1012: 'The server restarts',
  1013: 'The server is overloaded, or this client was too slow',
  4400: 'The parameters are not valid',
  4401: 'Not logged in, or the login has expired',
  4403: 'Not allowed',
  4404: 'There is nothing at this address',
  4408: 'The server waited too long',
  4425: 'Too early',
  4429: 'Too many connections or requests',
};

const rule = (channel: Channel, code: number) => channel.closes.find((c) => c.code <= code && code <= c.to);

/** A close code in words. */
export function closeWords(channel: Channel, code: number): string {
  const told = rule(channel, code)?.meaning;
  if (told) return told;
  if (meanings[code]) return meanings[code];
  if (code >= 4500 && code < 4600) return 'The server failed';
  return code >= 4400 && code < 4500 ? `Refused with status ${code - 4000}` : 'Closed by the application';
}

/** Says whether to connect again makes sense. */
export function closeAdvice(channel: Channel, code: number): 'retry' | 'fresh' | 'stop' {
  const told = rule(channel, code)?.then;
  if (told === 'retry' || told === 'fresh' || told === 'stop') return told;
  if (code === 4401) return 'fresh';
  const again = [1001, 1005, 1006, 1011, 1012, 1013, 4408, 4425, 4429].includes(code) || (code >= 4500 && code < 4600);
  return again ? 'retry' : 'stop';
}

/** Reports whether a token must be typed. One in a cookie may be there already. */
export const lacksToken = (channel: Channel, c: Credential | undefined): boolean => {
  const ways = channel.tokens.filter((t) => t.in !== 'header');
  return channel.tokenRequired && ways.length > 0 && !ways.some((t) => t.in === 'cookie') && !c?.token;
};
