// JSON values, and their text in colours. Frames are shown and sent as text, so that numbers beyond 2^53 keep their
// digits.

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type Loc = readonly (string | number)[];

export const isObject = (v: unknown): v is { [name: string]: Json } => typeof v === 'object' && v !== null && !Array.isArray(v);

/** Looks up a member that the object itself has: "constructor" is none. */
export const own = <T>(o: { [name: string]: T } | undefined, name: string): T | undefined =>
  o !== undefined && Object.hasOwn(o, name) ? o[name] : undefined;

export function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

export type Token = readonly [kind: '' | 'key' | 'string' | 'number' | 'word' | 'mark', text: string];

/** Splits text into tokens for display. What is no JSON becomes plain text. */
export function tokens(text: string): Token[] {
  const found: Token[] = [];
  const each = /"(?:[^"\\\n]|\\.)*"?(\s*:)?|-?\d[\d.eE+-]*|[a-z]+|[{}[\],:]|\s+|[^]/g;
  for (const m of text.matchAll(each)) {
    const t = m[0];
    const c = t[0]!;
    if (c === '"' && m[1]) found.push(['key', t.slice(0, -m[1].length)], ['mark', m[1]]);
    else if (c === '"') found.push(['string', t]);
    else if (/[-\d]/.test(c)) found.push(['number', t]);
    else if (/[a-z]/.test(c)) found.push(['word', t]);
    else found.push([/[{}[\],:]/.test(c) ? 'mark' : '', t]);
  }
  return found;
}

/** Removes the white space between tokens. */
export const compact = (text: string): string =>
  parse(text) === undefined ? text : text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, (_, string: string | undefined) => string ?? '');

export const valueAt = (value: Json | undefined, loc: Loc): Json | undefined =>
  loc.reduce<Json | undefined>(
    (v, step) => (Array.isArray(v) ? v[step as number] : isObject(v) ? own(v, String(step)) : undefined),
    value,
  );
