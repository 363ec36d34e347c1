// What is about to be sent: a frame as text, and as a value where it is JSON.

import type { Contract, Operation } from './contract.ts';
import { compact, isObject, own, parse, type Json, type Loc } from './json.ts';
import { pretty, withMember, withValue } from './jsontext.ts';
import { initial, required } from './schema.ts';
import { validate, type Problem } from './validate.ts';

export interface Draft {
  text: string; // what is sent
  value: Json | undefined; // undefined: text is not JSON
  told: Problem[]; // what the server said about it
  ref: string; // of the last sending
}

const draftOf = (value: Json): Draft => ({ text: JSON.stringify(value, null, 2), value, told: [], ref: '' });

/** The frame to begin with: what is required, filled from the example where there is one. */
export function newDraft(contract: Contract, o: Operation): Draft {
  const { root, discriminator } = contract;
  const m = o.message;
  const example = m.examples[0];
  const frame: { [name: string]: Json } = { [discriminator]: m.action };
  const part = (name: string) => (isObject(example) ? own(example, name) : undefined);
  if (m.payload) {
    const given = part('payload');
    const payload = given === undefined ? initial(root, m.payload) : required(root, m.payload, given);
    if (payload !== undefined) frame.payload = payload;
  }
  for (const b of m.beside.filter((b) => b.required)) {
    const v = part(b.name) ?? initial(root, b.schema);
    if (v !== undefined) frame[b.name] = v;
  }
  return draftOf(frame);
}

/** The example of the document, whole. */
export function exampleDraft(contract: Contract, o: Operation): Draft {
  const example = o.message.examples[0];
  if (!isObject(example)) return newDraft(contract, o);
  const { ref: _, ...frame } = example;
  return draftOf(frame);
}

/** The least frame: what is required, empty. */
export function emptyDraft(contract: Contract, o: Operation): Draft {
  return newDraft(contract, { ...o, message: { ...o.message, examples: [] } });
}

const below = (loc: Loc, at: Loc) => at.every((step, i) => loc[i] === step);

/** Changes one part. What the server said about that part is outdated. */
export function edit(d: Draft, loc: Loc, part: Json | undefined): Draft {
  const value = withValue(d.value ?? {}, loc, part) ?? {};
  return { text: JSON.stringify(value, null, 2), value, told: d.told.filter((p) => !below(p.loc, loc)), ref: d.ref };
}

export const editText = (d: Draft, text: string): Draft => ({ text, value: parse(text), told: [], ref: d.ref });

/** What is wrong by the document, then what the server said. */
export function problemsOf(contract: Contract, o: Operation, d: Draft): Problem[] {
  if (d.value === undefined) return [{ type: 'json_invalid', loc: [], msg: 'This is not JSON yet' }];
  return validate(contract.root, o.message.frame, d.value);
}

/** The text that is sent: on one line, with a ref unless it has one. Text that is no object is sent as it is. */
export function outgoing(d: Draft, ref: string): { text: string; ref: string } {
  if (!isObject(d.value)) return { text: d.text, ref: '' };
  const own_ = own(d.value, 'ref');
  const text = compact(d.text);
  if (own_ !== undefined || !ref) return { text, ref: typeof own_ === 'string' ? own_ : '' };
  return { text: withMember(text, 'ref', ref), ref };
}

/** Brings a sent frame back into the composer. */
export function recall(text: string): Draft {
  const value = parse(text);
  if (!isObject(value)) return { text, value, told: [], ref: '' };
  const { ref: _, ...frame } = value;
  return { ...draftOf(frame), text: pretty(JSON.stringify(frame)) };
}

/** The problems at a place. */
export const problemsAt = (all: readonly Problem[], loc: Loc): Problem[] =>
  all.filter((p) => p.loc.length === loc.length && below(p.loc, loc));
