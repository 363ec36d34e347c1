// JSON Schema draft-07 as the documents of chanx use it: what a schema stands for, in words and as a form.

import { isObject, own, valueAt, type Json, type Loc } from './json.ts';

export interface Schema {
  $ref?: string;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  title?: string;
  description?: string;
  deprecated?: boolean;
  type?: string | string[];
  const?: Json;
  enum?: Json[];
  format?: string;
  pattern?: string;
  contentEncoding?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  discriminator?: string;
  properties?: { [name: string]: Schema };
  required?: string[];
  propertyNames?: Schema;
  additionalProperties?: Schema | boolean;
  minProperties?: number;
  maxProperties?: number;
  default?: Json;
  examples?: Json[];
  'x-chanx'?: { enumDocs?: { [value: string]: string }; format?: string; contentEncoding?: string };
}

/** The document that references point into. */
export type Root = Json;

const maxHops = 32;

/** Follows a reference within the document. */
export function at(root: Root, ref: string): Json | undefined {
  const path = ref.replace(/^#\/?/, '').split('/').filter(Boolean);
  return valueAt(root, path.map((k) => decodeURIComponent(k).replaceAll('~1', '/').replaceAll('~0', '~')));
}

export const refName = (ref: string): string => decodeURIComponent(ref.slice(ref.lastIndexOf('/') + 1));

const resolved = new WeakMap<Schema, Schema>();

/** Returns a schema without $ref and allOf at its top: their members are merged, and those beside them win. */
export function resolve(root: Root, schema: Schema | undefined, hops = 0): Schema {
  if (!schema || hops > maxHops) return {};
  if (!schema.$ref && !schema.allOf) return schema;
  const known = resolved.get(schema);
  if (known) return known;
  const { $ref, allOf, ...rest } = schema;
  const parts = $ref ? [at(root, $ref) as Schema | undefined] : (allOf ?? []);
  let whole: Schema = {};
  for (const part of parts) {
    const r = resolve(root, part, hops + 1);
    whole = { ...whole, ...r, ...merged(whole, r) };
  }
  whole = { ...whole, ...rest, ...merged(whole, rest) };
  resolved.set(schema, whole);
  return whole;
}

function merged(a: Schema, b: Schema): Schema {
  const both: Schema = {};
  if (a.properties && b.properties) both.properties = { ...a.properties, ...b.properties };
  if (a.required && b.required) both.required = [...new Set([...a.required, ...b.required])];
  return both;
}

export interface Variant {
  tag: string;
  schema: Schema;
}

export interface Member {
  name: string;
  schema: Schema;
  required: boolean;
}

export type Kind = 'string' | 'number' | 'boolean' | 'enum' | 'const' | 'object' | 'list' | 'map' | 'union' | 'any';

/** One level of a schema, ready to be shown as a field. */
export interface Field {
  kind: Kind;
  schema: Schema; // resolved
  name: string; // of its type, "" if it has none
  nullable: boolean;
  members: Member[]; // of an object
  variants: Variant[]; // of a union
  tag: string; // the member that tells the variants apart, "" if none does
}

const isNull = (s: Schema) => s.type === 'null';

const fields = new WeakMap<Schema, Field>();

/** Describes one level of a schema. */
export function field(root: Root, schema: Schema): Field {
  const known = fields.get(schema);
  if (known) return known;
  const made = describe(root, schema);
  fields.set(schema, made);
  return made;
}

const typeName = (s: Schema): string => {
  if (s.$ref) return refName(s.$ref);
  return s.allOf?.length === 1 ? typeName(s.allOf[0]!) : (s.title ?? '');
};

function describe(root: Root, schema: Schema): Field {
  let s = resolve(root, schema);
  let nullable = Array.isArray(s.type) && s.type.includes('null');
  let name = typeName(schema);
  const options = s.anyOf ?? s.oneOf;
  const others = options?.filter((o) => !isNull(resolve(root, o)));
  if (options && others!.length < options.length) nullable = true;
  if (others?.length === 1 && !s.discriminator) {
    const { anyOf: _, oneOf: __, ...beside } = s;
    name = typeName(others[0]!);
    const inner = field(root, others[0]!);
    const { description, default: def, ...rest } = beside;
    const over = { ...rest, ...(description !== undefined && { description }), ...(def !== undefined && { default: def }) };
    return { ...inner, nullable: nullable || inner.nullable, name, schema: { ...inner.schema, ...over } };
  }
  const made: Field = { kind: 'any', schema: s, name, nullable, members: [], variants: [], tag: '' };
  if (others && others.length > 1) {
    made.kind = 'union';
    made.tag = s.discriminator ?? '';
    made.variants = others.map((o, i) => ({ tag: tagOf(root, o, made.tag) ?? (typeName(o) || `#${i + 1}`), schema: o }));
    return made;
  }
  const type = [s.type ?? []].flat().find((t) => t !== 'null');
  made.kind = kindOf(s, type);
  if (made.kind === 'object') {
    made.members = Object.entries(s.properties ?? {}).map(([n, p]) => ({ name: n, schema: p, required: !!s.required?.includes(n) }));
  }
  return made;
}

function kindOf(s: Schema, type: string | undefined): Kind {
  if (s.const !== undefined) return 'const';
  if (s.enum) return 'enum';
  if (type === 'object' || s.properties) return s.properties || !s.additionalProperties ? 'object' : 'map';
  if (type === 'array') return 'list';
  if (type === 'integer' || type === 'number') return 'number';
  return type === 'string' || type === 'boolean' ? type : 'any';
}

function tagOf(root: Root, variant: Schema, tag: string): string | undefined {
  const c = tag ? own(resolve(root, variant).properties, tag) : undefined;
  const text = c && resolve(root, c).const;
  return typeof text === 'string' ? text : undefined;
}

/** Finds the variant that a value belongs to; undefined if the value does not say. */
export function variantOf(root: Root, f: Field, value: Json | undefined): Variant | undefined {
  if (f.tag) {
    const tag = isObject(value) ? own(value, f.tag) : undefined;
    return f.variants.find((v) => v.tag === tag);
  }
  return f.variants.find((v) => fits(field(root, v.schema), value));
}

function fits(f: Field, value: Json | undefined): boolean {
  switch (f.kind) {
    case 'string':
    case 'boolean':
    case 'number':
      return typeof value === f.kind;
    case 'enum':
      return f.schema.enum!.some((e) => e === value);
    case 'const':
      return f.schema.const === value;
    case 'list':
      return Array.isArray(value);
    case 'object':
      return isObject(value) && f.members.every((m) => !m.required || Object.hasOwn(value, m.name));
    case 'map':
      return isObject(value);
    default:
      return true;
  }
}

export const isInteger = (s: Schema): boolean => [s.type ?? []].flat().includes('integer');

/** The least value of a schema: required members only, and those that a user must fill in are left out. */
export function initial(root: Root, schema: Schema, depth = 0): Json | undefined {
  const f = field(root, schema);
  const s = f.schema;
  if (s.default !== undefined) return structuredClone(s.default);
  if (f.nullable && depth > 0) return null;
  if (depth > 8) return undefined;
  switch (f.kind) {
    case 'const':
      return s.const;
    case 'enum':
      return s.enum![0];
    case 'boolean':
      return false;
    case 'string':
      return '';
    case 'list':
      return Array.from({ length: s.minItems ?? 0 }, () => initial(root, s.items ?? {}, depth + 1) ?? null);
    case 'map':
      return {};
    case 'union':
      return initial(root, f.variants[0]!.schema, depth + 1);
    case 'object': {
      const members = f.members.filter((m) => m.required).map((m) => [m.name, initial(root, m.schema, depth + 1)] as const);
      return Object.fromEntries(members.filter((m): m is [string, Json] => m[1] !== undefined));
    }
    default:
      return undefined;
  }
}

/** Cuts a value down to what its schema requires. */
export function required(root: Root, schema: Schema, value: Json): Json {
  const f = field(root, schema);
  const chosen = f.kind === 'union' ? variantOf(root, f, value) : undefined;
  if (chosen) return required(root, chosen.schema, value);
  if (Array.isArray(value)) return value.map((v) => required(root, f.schema.items ?? {}, v));
  if (f.kind !== 'object' || !isObject(value)) return value;
  const keep = f.members.filter((m) => m.required && Object.hasOwn(value, m.name));
  return Object.fromEntries(keep.map((m) => [m.name, required(root, m.schema, value[m.name]!)]));
}

/** The schemas that a value at loc may have. Where the value does not choose a variant, all of them. */
export function schemasAt(root: Root, schema: Schema, value: Json | undefined, loc: Loc): Field[] {
  let found = spread(root, schema, value);
  let here = value;
  for (const step of loc) {
    here = valueAt(here, [step]);
    found = found.flatMap((f) => {
      const next = childSchema(f, step);
      return next ? spread(root, next, here) : [];
    });
  }
  return found;
}

function childSchema(f: Field, step: string | number): Schema | undefined {
  if (typeof step === 'number') return f.schema.items;
  const named = own(f.schema.properties, step);
  return named ?? (isObject(f.schema.additionalProperties) ? (f.schema.additionalProperties as Schema) : undefined);
}

function spread(root: Root, schema: Schema, value: Json | undefined, depth = 0): Field[] {
  const f = field(root, schema);
  if (f.kind !== 'union' || depth > 4) return [f];
  const chosen = variantOf(root, f, value);
  return (chosen ? [chosen] : f.variants).flatMap((v) => spread(root, v.schema, value, depth + 1));
}

/** A short name for the type of a schema. */
export function typeWord(root: Root, schema: Schema, depth = 0): string {
  const f = field(root, schema);
  const s = f.schema;
  const word = () => {
    switch (f.kind) {
      case 'number':
        return isInteger(s) ? 'integer' : 'number';
      case 'list':
        return depth > 3 ? 'list' : typeWord(root, s.items ?? {}, depth + 1) + '[]';
      case 'map':
        return depth > 3 ? 'map' : 'map of ' + typeWord(root, s.additionalProperties as Schema, depth + 1);
      case 'object':
      case 'union':
      case 'enum':
        return f.name || f.kind;
      case 'const':
        return JSON.stringify(s.const);
      case 'string':
        return s.contentEncoding ?? s.format ?? 'string';
      default:
        return f.kind;
    }
  };
  return word() + (f.nullable ? ' or null' : '');
}

const range = (least: number | undefined, most: number | undefined, unit: string) => {
  if (least === undefined && most === undefined) return [];
  const count = (n: number | undefined) => `${n}${n === 1 ? unit.replace(/s$/, '') : unit}`;
  if (least === most) return [`exactly ${count(least)}`];
  if (least === undefined) return [`at most ${count(most)}`];
  return [most === undefined ? `at least ${count(least)}` : `${least} to ${count(most)}`];
};

/** The constraints of a schema in words. */
export function limits(s: Schema): string[] {
  return [
    ...range(s.minLength, s.maxLength, ' characters'),
    ...range(s.minimum, s.maximum, ''),
    ...(s.exclusiveMinimum !== undefined ? [`more than ${s.exclusiveMinimum}`] : []),
    ...(s.exclusiveMaximum !== undefined ? [`less than ${s.exclusiveMaximum}`] : []),
    ...(s.multipleOf !== undefined ? [`multiple of ${s.multipleOf}`] : []),
    ...range(s.minItems, s.maxItems, ' items'),
    ...range(s.minProperties, s.maxProperties, ' keys'),
    ...(s.uniqueItems ? ['no duplicates'] : []),
    ...(s.additionalProperties === false ? ['no other members'] : []),
    ...(s.default !== undefined ? [`default ${JSON.stringify(s.default)}`] : []),
  ];
}

const longPattern = 48;

/** The pattern of a schema, cut where it is long. A format says the same in a word. */
export function patternOf(s: Schema): string {
  if (s.pattern === undefined || s.format !== undefined) return '';
  return s.pattern.length > longPattern ? s.pattern.slice(0, longPattern) + '…' : s.pattern;
}
