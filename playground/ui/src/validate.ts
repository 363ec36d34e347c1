// Validation as the server does it: the same words and the same loc, so that both kinds of errors look alike.

import { isObject, own, type Json, type Loc } from './json.ts';
import { at, field, variantOf, type Root, type Schema } from './schema.ts';

export interface Problem {
  type: string;
  loc: Loc;
  msg: string;
}

const maxProblems = 50;
const maxDepth = 64;

export function validate(root: Root, schema: Schema, value: Json | undefined): Problem[] {
  const problems: Problem[] = [];
  check(root, schema, value, [], problems, 0);
  return problems.slice(0, maxProblems);
}

type Report = (type: string, msg: string, loc?: Loc) => void;

function check(root: Root, schema: Schema, value: Json | undefined, loc: Loc, out: Problem[], depth: number): void {
  if (depth > maxDepth || out.length > maxProblems) return;
  const report: Report = (type, msg, where = loc) => void out.push({ type, loc: where, msg });
  if (value === undefined) return report('missing', 'Field required');
  const inner = (s: Schema, v: Json | undefined, step?: string | number) =>
    check(root, s, v, step === undefined ? loc : [...loc, step], out, depth + 1);
  if (schema.$ref) return inner((at(root, schema.$ref) as Schema | undefined) ?? {}, value);
  for (const part of schema.allOf ?? []) inner(part, value);
  if (schema.anyOf || schema.oneOf) return alternatives(root, schema, value, inner, report);
  if (value === null && [schema.type ?? []].flat().includes('null')) return;
  if (!ofType(schema, value, report)) return;
  if (schema.const !== undefined && schema.const !== value) return report('literal_error', `Input should be ${quote(schema.const)}`);
  if (schema.enum && !schema.enum.some((e) => same(e, value))) {
    return report('literal_error', `Input should be ${list(schema.enum.map(quote))}`);
  }
  if (typeof value === 'string') text(schema, value, report);
  else if (typeof value === 'number') number(schema, value, report);
  else if (Array.isArray(value)) items(schema, value, inner, report);
  else if (isObject(value)) members(schema, value, loc, inner, report);
}

type Inner = (s: Schema, v: Json | undefined, step?: string | number) => void;

const quote = (v: Json) => (typeof v === 'string' ? `'${v}'` : JSON.stringify(v));
const list = (words: string[]) => (words.length < 2 ? words.join('') : words.slice(0, -1).join(', ') + ' or ' + words.at(-1));
const same = (a: Json, b: Json) => a === b || JSON.stringify(a) === JSON.stringify(b);
const plural = (n: number, word: string) => `${n} ${word}${n === 1 ? '' : 's'}`;

function alternatives(root: Root, schema: Schema, value: Json, inner: Inner, report: Report) {
  const f = field(root, schema);
  if (value === null && f.nullable) return;
  if (f.kind !== 'union') {
    const only = (schema.anyOf ?? schema.oneOf ?? []).find((s) => s.type !== 'null');
    if (only) inner(only, value);
    return;
  }
  const chosen = variantOf(root, f, value);
  if (chosen) return inner(chosen.schema, value);
  if (!f.tag) return report('union', 'Input matches none of the variants');
  if (!isObject(value)) {
    return report('model_attributes_type', 'Input should be a valid dictionary or object to extract fields from');
  }
  const tag = own(value, f.tag);
  if (tag === undefined) return report('union_tag_not_found', `Unable to extract tag using discriminator '${f.tag}'`);
  const known = f.variants.map((v) => `'${v.tag}'`).join(', ');
  report('union_tag_invalid', `Input tag ${quote(tag)} found using '${f.tag}' does not match any of the expected tags: ${known}`);
}

const kinds: { [type: string]: readonly [type: string, word: string, is: (v: Json) => boolean] } = {
  string: ['string_type', 'string', (v) => typeof v === 'string'],
  number: ['float_type', 'number', (v) => typeof v === 'number'],
  integer: ['int_type', 'integer', (v) => Number.isInteger(v)],
  boolean: ['bool_type', 'boolean', (v) => typeof v === 'boolean'],
  array: ['list_type', 'list', Array.isArray],
  object: ['model_type', 'object', isObject],
  null: ['none_required', 'null', (v) => v === null],
};

function ofType(schema: Schema, value: Json, report: Report): boolean {
  const types = [schema.type ?? []].flat();
  if (types.length === 0 || types.some((t) => kinds[t]?.[2](value))) return true;
  const [type, word] = kinds[types[0]!] ?? ['type', types[0]!];
  report(type, `Input should be a valid ${word}`);
  return false;
}

const patterns = new Map<string, RegExp | undefined>();

/** RE2's syntax is nearly that of JavaScript; what JavaScript cannot read is left to the server. */
function expression(pattern: string): RegExp | undefined {
  if (!patterns.has(pattern)) {
    let made: RegExp | undefined;
    try {
      const flags = /^\(\?([is]+)\)/.exec(pattern);
      made = new RegExp(pattern.slice(flags?.[0].length ?? 0).replaceAll('(?P<', '(?<').replaceAll('\\z', '$').replaceAll('\\A', '^'), 'u' + (flags?.[1] ?? ''));
    } catch {}
    patterns.set(pattern, made);
  }
  return patterns.get(pattern);
}

const formats: { [format: string]: readonly [type: string, is: RegExp] } = {
  'date-time': ['datetime_parsing', /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/],
  date: ['date_parsing', /^\d{4}-\d\d-\d\d$/],
  time: ['time_parsing', /^\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/],
  duration: ['time_delta_parsing', /^P(?!$)(\d+W|(\d+Y)?(\d+M)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?)$/],
  email: ['value_error', /^[^@\s"]+@[^@\s.]+(\.[^@\s.]+)+$/],
  uri: ['url_parsing', /^[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+$/],
  uuid: ['uuid_parsing', /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i],
  ipv4: ['ip_v4_address', /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/],
  ipv6: ['ip_v6_address', /^[0-9a-f:.]*:[0-9a-f:.]*$/i],
  hostname: ['value_error', /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*\.?$/],
};

/** Counts code points, but no more than it has to. */
const longer = (s: string, n: number) => s.length > n && (s.length > 2 * n || [...s].length > n);

function text(s: Schema, v: string, report: Report) {
  if (s.minLength !== undefined && [...v.slice(0, 2 * s.minLength)].length < s.minLength) {
    return report('string_too_short', `String should have at least ${plural(s.minLength, 'character')}`);
  }
  if (s.maxLength !== undefined && longer(v, s.maxLength)) {
    return report('string_too_long', `String should have at most ${plural(s.maxLength, 'character')}`);
  }
  const format = s.format && own(formats, s.format);
  if (format && !format[1].test(v)) return report(format[0], `Input should be a valid ${s.format}`);
  if (s.contentEncoding === 'base64' && !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(v)) {
    return report('bytes_invalid_encoding', 'Data should be valid base64');
  }
  if (s.pattern !== undefined && expression(s.pattern)?.test(v) === false) {
    report('string_pattern_mismatch', `String should match pattern '${s.pattern}'`);
  }
}

function number(s: Schema, v: number, report: Report) {
  if (s.minimum !== undefined && v < s.minimum) return report('greater_than_equal', `Input should be greater than or equal to ${s.minimum}`);
  if (s.maximum !== undefined && v > s.maximum) return report('less_than_equal', `Input should be less than or equal to ${s.maximum}`);
  if (s.exclusiveMinimum !== undefined && v <= s.exclusiveMinimum) return report('greater_than', `Input should be greater than ${s.exclusiveMinimum}`);
  if (s.exclusiveMaximum !== undefined && v >= s.exclusiveMaximum) return report('less_than', `Input should be less than ${s.exclusiveMaximum}`);
  if (s.multipleOf === undefined) return;
  const n = v / s.multipleOf;
  if (Math.abs(n - Math.round(n)) > 1e-9 * Math.max(1, Math.abs(n))) report('multiple_of', `Input should be a multiple of ${s.multipleOf}`);
}

function items(s: Schema, v: Json[], inner: Inner, report: Report) {
  if (s.minItems !== undefined && v.length < s.minItems) {
    report('too_short', `List should have at least ${plural(s.minItems, 'item')} after validation, not ${v.length}`);
  }
  if (s.maxItems !== undefined && v.length > s.maxItems) {
    report('too_long', `List should have at most ${plural(s.maxItems, 'item')} after validation, not ${v.length}`);
  }
  if (s.items) v.forEach((item, i) => inner(s.items!, item, i));
  if (s.uniqueItems && new Set(v.map((item) => JSON.stringify(item))).size < v.length) report('unique_items', 'Items should be unique');
}

function members(s: Schema, v: { [name: string]: Json }, loc: Loc, inner: Inner, report: Report) {
  const names = Object.keys(v);
  if (s.minProperties !== undefined && names.length < s.minProperties) {
    report('too_short', `Dictionary should have at least ${plural(s.minProperties, 'item')} after validation, not ${names.length}`);
  }
  if (s.maxProperties !== undefined && names.length > s.maxProperties) {
    report('too_long', `Dictionary should have at most ${plural(s.maxProperties, 'item')} after validation, not ${names.length}`);
  }
  for (const [name, part] of Object.entries(s.properties ?? {})) {
    const has = Object.hasOwn(v, name);
    if (has || s.required?.includes(name)) inner(part, has ? v[name] : undefined, name);
  }
  for (const name of s.required ?? []) {
    if (!own(s.properties, name) && !Object.hasOwn(v, name)) report('missing', 'Field required', [...loc, name]);
  }
  const others = names.filter((n) => !own(s.properties, n));
  if (s.propertyNames) for (const n of others) inner(s.propertyNames, n, n);
  if (s.additionalProperties === false) {
    for (const n of others) report('extra_forbidden', 'Extra inputs are not permitted', [...loc, n]);
  } else if (isObject(s.additionalProperties)) {
    for (const n of others) inner(s.additionalProperties as Schema, v[n], n);
  }
}
