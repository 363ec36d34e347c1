// Completion in the JSON editor: names of members and values, from the schema.

import { parse, valueAt, type Json } from './json.ts';
import { placeAt, tree, type JsonNode } from './jsontext.ts';
import { field, initial, schemasAt, typeWord, variantOf, type Field, type Root, type Schema } from './schema.ts';

export interface Suggestion {
  label: string;
  apply: string;
  detail: string;
  info: string;
  first: boolean; // a required member
}

export interface Completion {
  from: number;
  to: number;
  options: Suggestion[];
}

/** Reads as much of unfinished text as is clear: enough to know the variants of unions. */
function loose(text: string, n: JsonNode | undefined): Json | undefined {
  if (!n) return undefined;
  if (n.kind === 'scalar') return parse(text.slice(n.from, n.to));
  if (n.kind === 'array') return n.items!.map((i) => loose(text, i) ?? null);
  return Object.fromEntries(n.members!.map((m) => [m.key, loose(text, m.value) ?? null]));
}

export function complete(root: Root, schema: Schema, text: string, at: number): Completion | undefined {
  const node = tree(text);
  const place = placeAt(node, at);
  const value = loose(text, node);
  const found = schemasAt(root, schema, value, place.path);
  const options = new Map<string, Suggestion>();
  for (const f of found) {
    for (const s of place.key ? names(root, f, valueAt(value, place.path), place.names, hasColon(text, place.to)) : values(root, f)) {
      if (!options.has(s.label)) options.set(s.label, s);
    }
  }
  return options.size ? { from: place.from, to: place.to, options: [...options.values()] } : undefined;
}

const hasColon = (text: string, at: number) => /^\s*:/.test(text.slice(at, at + 20));

function names(root: Root, f: Field, value: Json | undefined, has: string[], colon: boolean): Suggestion[] {
  const union = f.kind === 'union' ? variantOf(root, f, value) : undefined;
  const members = union ? field(root, union.schema).members : f.members;
  return members
    .filter((m) => !has.includes(m.name))
    .map((m) => ({
      label: m.name,
      apply: JSON.stringify(m.name) + (colon ? '' : ': ' + sample(root, m.schema)),
      detail: typeWord(root, m.schema) + (m.required ? '' : ', optional'),
      info: field(root, m.schema).schema.description ?? '',
      first: m.required,
    }));
}

const sample = (root: Root, s: Schema): string => {
  const example = field(root, s).schema.examples?.[0];
  return JSON.stringify(initial(root, s) ?? example ?? (field(root, s).kind === 'number' ? 0 : null));
};

function values(root: Root, f: Field): Suggestion[] {
  const s = f.schema;
  const docs = s['x-chanx']?.enumDocs ?? {};
  const literal = (v: Json, detail: string, info = ''): Suggestion => {
    const text = JSON.stringify(v);
    return { label: text, apply: text, detail, info, first: false };
  };
  const all: Suggestion[] = [];
  if (s.default !== undefined) all.push(literal(s.default, 'default'));
  if (s.const !== undefined) all.push(literal(s.const, ''));
  for (const e of s.enum ?? []) all.push(literal(e, '', docs[String(e)] ?? ''));
  if (f.kind === 'boolean') all.push(literal(true, ''), literal(false, ''));
  for (const e of s.examples ?? []) all.push(literal(e, 'example'));
  if (f.nullable) all.push(literal(null, ''));
  if (f.kind === 'object' || f.kind === 'list' || f.kind === 'map') all.push(literal(initial(root, s) ?? null, typeWord(root, s)));
  return all;
}
