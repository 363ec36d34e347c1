// JSON as text: a parser that keeps positions and tolerates unfinished text, and changes that keep the text of values.

import { isObject, own, parse, type Json, type Loc } from './json.ts';

export interface JsonNode {
  kind: 'object' | 'array' | 'scalar';
  from: number;
  to: number; // behind its last character
  members?: JsonMember[];
  items?: JsonNode[];
}

export interface JsonMember {
  key: string;
  from: number; // of the name
  to: number;
  colon: number; // -1: not there yet
  value?: JsonNode | undefined;
}

const maxDepth = 200;
const unquote = (s: string) => (parse(s) as string | undefined) ?? s.replace(/^"|"$/g, '');

/** Parses text that may be unfinished. Returns undefined if there is no value at all. */
export function tree(text: string): JsonNode | undefined {
  let i = 0;
  const skip = () => {
    while (i < text.length && ' \t\r\n'.includes(text[i]!)) i++;
  };
  const string = () => {
    for (i++; i < text.length && text[i] !== '"' && text[i] !== '\n'; i++) if (text[i] === '\\') i++;
    i = Math.min(i + 1, text.length);
  };
  const value = (depth: number): JsonNode | undefined => {
    skip();
    const from = i;
    const c = text[i];
    if (c === undefined || '}],:'.includes(c) || depth > maxDepth) return undefined;
    if (c === '{') return object(depth);
    if (c === '[') return array(depth);
    if (c === '"') string();
    else while (i < text.length && !' \t\r\n{}[],:"'.includes(text[i]!)) i++;
    return { kind: 'scalar', from, to: i };
  };
  const object = (depth: number): JsonNode => {
    const node: JsonNode = { kind: 'object', from: i++, to: 0, members: [] };
    for (skip(); i < text.length && text[i] !== '}' && text[i] !== ']'; skip()) {
      if (text[i] === ',' || text[i] === ':') {
        i++;
        continue;
      }
      const before = i;
      const name = value(depth + 1);
      if (!name) break;
      const member: JsonMember = { key: unquote(text.slice(name.from, name.to)), from: name.from, to: name.to, colon: -1 };
      node.members!.push(member);
      skip();
      if (text[i] === ':') {
        member.colon = i++;
        member.value = value(depth + 1);
      }
      if (i === before) break;
    }
    node.to = text[i] === '}' ? ++i : i;
    return node;
  };
  const array = (depth: number): JsonNode => {
    const node: JsonNode = { kind: 'array', from: i++, to: 0, items: [] };
    for (skip(); i < text.length && text[i] !== ']' && text[i] !== '}'; skip()) {
      if (text[i] === ',' || text[i] === ':') {
        i++;
        continue;
      }
      const item = value(depth + 1);
      if (!item) break;
      node.items!.push(item);
    }
    node.to = text[i] === ']' ? ++i : i;
    return node;
  };
  return value(0);
}

/** Finds where loc points to: its value, else the innermost value on the way that exists. */
export function locate(root: JsonNode | undefined, loc: Loc): { from: number; to: number } {
  if (!root) return { from: 0, to: 0 };
  let node = root;
  for (const step of loc) {
    const next = node.kind === 'object' ? node.members!.find((m) => m.key === step) : node.items?.[step as number];
    if (!next) return { from: node.from, to: node.kind === 'scalar' ? node.to : node.from + 1 };
    if ('key' in next) {
      if (!next.value) return { from: next.from, to: next.to };
      node = next.value;
    } else {
      node = next;
    }
  }
  return { from: node.from, to: node.kind === 'scalar' ? node.to : node.from + 1 };
}

export interface Place {
  path: Loc; // of the object or value
  key: boolean; // a name is being written, else a value
  from: number; // what a completion replaces
  to: number;
  names: string[]; // that the object has already
}

/** Says what is written at a position: a name of the object at path, or the value at path. */
export function placeAt(root: JsonNode | undefined, at: number): Place {
  const path: (string | number)[] = [];
  const here = (key: boolean, from = at, to = at, names: string[] = []): Place => ({ path, key, from, to, names });
  let node = root;
  while (node) {
    if (node.kind === 'scalar') return at > node.to ? here(false) : here(false, node.from, node.to);
    if (node.kind === 'array') {
      const n: number = node.items!.findIndex((v) => v.from <= at && at <= v.to);
      path.push(n < 0 ? node.items!.length : n);
      if (n < 0) return here(false);
      node = node.items![n];
      continue;
    }
    const members: JsonMember[] = node.members!;
    const names = members.map((m) => m.key);
    const named = members.find((m) => m.from <= at && at <= m.to);
    if (named) return here(true, named.from, named.to, names.filter((n) => n !== named.key));
    const inside: JsonMember | undefined = members.find((m) => m.value && m.value.from <= at && at <= m.value.to);
    const open = members.findLast((m) => m.colon >= 0 && m.colon < at);
    if (!inside) {
      const bare = open && !open.value;
      if (bare) path.push(open.key);
      return bare ? here(false) : here(true, at, at, names);
    }
    path.push(inside.key);
    node = inside.value;
  }
  return here(false);
}

/** Indents valid JSON without changing a value's text; anything else is returned as it is. */
export function pretty(text: string): string {
  if (parse(text) === undefined) return text;
  let out = '';
  let depth = 0;
  const line = () => '\n' + '  '.repeat(depth);
  const short = /^[[{]\s*[\]}]/;
  for (let i = 0; i < text.length; ) {
    const c = text[i]!;
    const empty = (c === '{' || c === '[') && short.exec(text.slice(i, i + 64));
    if (empty) {
      out += c === '{' ? '{}' : '[]';
      i += empty[0].length;
    } else if (c === '"') {
      const from = i;
      for (i++; text[i] !== '"'; i++) if (text[i] === '\\') i++;
      out += text.slice(from, ++i);
    } else {
      if (c === '{' || c === '[') (depth++, (out += c + line()));
      else if (c === '}' || c === ']') (depth--, (out += line() + c));
      else if (c === ',') out += c + line();
      else if (c === ':') out += ': ';
      else if (!' \t\r\n'.includes(c)) out += c;
      i++;
    }
  }
  return out;
}

/** Adds a member at the end of the text of an object. */
export function withMember(text: string, name: string, value: Json): string {
  const end = text.lastIndexOf('}');
  const empty = /^\s*\{\s*$/.test(text.slice(0, end));
  return text.slice(0, end).trimEnd() + (empty ? '' : ',') + JSON.stringify(name) + ':' + JSON.stringify(value) + text.slice(end);
}

/** Returns value with the part at loc replaced; undefined removes it. Containers on the way are copied or made. */
export function withValue(value: Json | undefined, loc: Loc, part: Json | undefined): Json | undefined {
  const [step, ...rest] = loc;
  if (step === undefined) return part;
  if (typeof step === 'number') {
    const list = Array.isArray(value) ? [...value] : [];
    const item = withValue(list[step], rest, part);
    if (item === undefined) list.splice(step, 1);
    else list[step] = item;
    return list;
  }
  const object = isObject(value) ? value : {};
  const member = withValue(own(object, step), rest, part);
  const { [step]: _, ...others } = object;
  if (member === undefined) return others;
  return Object.hasOwn(object, step) ? Object.fromEntries(Object.entries(object).map(([k, v]) => [k, k === step ? member : v])) : { ...object, [step]: member };
}
