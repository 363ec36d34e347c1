// The inputs of a form: what has no parts.

import { useState } from 'preact/hooks';
import { problemsAt } from './compose.ts';
import { parse, type Json, type Loc } from './json.ts';
import { Segments } from './parts.tsx';
import { isInteger, type Field, type Root, type Schema } from './schema.ts';
import type { Problem } from './validate.ts';

export interface Form {
  root: Root;
  name: string; // of the form: ids begin with it
  value: Json | undefined;
  problems: readonly Problem[]; // by the document
  told: readonly Problem[]; // by the server
  set: (loc: Loc, part: Json | undefined) => void;
}

export interface FieldProps {
  form: Form;
  schema: Schema;
  loc: Loc;
  label: string;
  required: boolean;
  bare?: boolean; // its members stand without a frame
  onRemove?: () => void;
}

export const fieldId = (form: string, loc: Loc): string => [form, ...loc.map(String)].join('/');

/** The problems of a place, the server's first; the document's are left out where the server said the same. */
export function problemsOf(form: Form, loc: Loc): (Problem & { server: boolean })[] {
  const told = problemsAt(form.told, loc);
  const own = problemsAt(form.problems, loc).filter((p) => !told.some((t) => t.type === p.type));
  return [...told.map((p) => ({ ...p, server: true })), ...own.map((p) => ({ ...p, server: false }))];
}

/** What an input needs to be found and described. */
function wiring(form: Form, loc: Loc) {
  const bad = problemsOf(form, loc).length > 0;
  const id = fieldId(form.name, loc);
  return { id, 'aria-invalid': bad, 'aria-describedby': bad ? id + '/problems' : undefined };
}

const leftOut = (s: Schema) => (s.default !== undefined ? `${typeof s.default === 'string' ? s.default || '""' : JSON.stringify(s.default)} (default)` : 'left out');

export function Scalar({ p, f, value }: { p: FieldProps; f: Field; value: Json | undefined }) {
  switch (f.kind) {
    case 'const':
      return <code class="const" id={fieldId(p.form.name, p.loc)}>{JSON.stringify(f.schema.const)}</code>;
    case 'enum':
    case 'boolean':
      return <Choice p={p} f={f} value={value} />;
    case 'string':
      return <TextInput p={p} f={f} value={value} />;
    default:
      return <LiteralInput p={p} f={f} value={value} />;
  }
}

function Choice({ p, f, value }: { p: FieldProps; f: Field; value: Json | undefined }) {
  const { form, loc } = p;
  const values = f.kind === 'boolean' ? [true, false] : f.schema.enum!.filter((v) => v !== null);
  const docs = f.schema['x-chanx']?.enumDocs ?? {};
  const options = values.map((v, i) => [String(i), String(v)] as const);
  const at = values.findIndex((v) => v === value);
  const w = wiring(form, loc);
  const short = options.length <= 4 && options.map((o) => o[1]).join('').length < 36;
  const doc = value !== undefined && docs[String(value)];
  return (
    <>
      {short ? (
        <Segments label={p.label} id={w.id} invalid={w['aria-invalid']} describedBy={w['aria-describedby']} value={at < 0 ? undefined : String(at)} options={options} onPick={(i) => form.set(loc, values[Number(i)])} />
      ) : (
        <select {...w} value={at < 0 ? '' : String(at)} onChange={(e) => form.set(loc, values[Number(e.currentTarget.value)])}>
          {at < 0 && <option value="">{p.required ? 'Choose…' : leftOut(f.schema)}</option>}
          {options.map(([i, text]) => (
            <option key={i} value={i}>
              {text}
            </option>
          ))}
        </select>
      )}
      {doc && <p class="hint">{doc}</p>}
    </>
  );
}

const keyboards: { [format: string]: 'email' | 'url' } = { email: 'email', uri: 'url' };

/** A value that a button can make. */
function maker(s: Schema): readonly [label: string, make: () => string] | undefined {
  switch (s.format) {
    case 'date-time':
      return ['Now', () => new Date().toISOString()];
    case 'date':
      return ['Today', () => new Date().toISOString().slice(0, 10)];
    case 'uuid':
      return ['New', newUUID];
  }
  return undefined;
}

/** crypto.randomUUID exists in secure contexts only. */
function newUUID(): string {
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6]! & 0x0f) | 0x40;
  b[8] = (b[8]! & 0x3f) | 0x80;
  return Array.from(b, (x, i) => ([4, 6, 8, 10].includes(i) ? '-' : '') + x.toString(16).padStart(2, '0')).join('');
}

function TextInput({ p, f, value }: { p: FieldProps; f: Field; value: Json | undefined }) {
  const { form, loc } = p;
  const s = f.schema;
  const shown = typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
  const common = {
    ...wiring(form, loc),
    value: shown,
    placeholder: value === undefined ? leftOut(s) : '',
    required: p.required,
    spellcheck: false,
    autocomplete: 'off',
  };
  const long = (s.maxLength ?? 0) > 120 || shown.includes('\n') || shown.length > 80;
  const make = maker(s);
  if (long) return <textarea {...common} rows={2} onInput={(e) => form.set(loc, e.currentTarget.value)} />;
  return (
    <div class="row">
      <input {...common} inputMode={keyboards[s.format ?? ''] ?? 'text'} onInput={(e) => form.set(loc, e.currentTarget.value)} />
      {make && (
        <button type="button" class="quiet" onClick={() => form.set(loc, make[1]())} aria-label={`${make[0]}: ${p.label}`}>
          {make[0]}
        </button>
      )}
    </div>
  );
}

/** A number, or any JSON. What is not one is sent as a string, so that the server can say what it thinks of it. */
function LiteralInput({ p, f, value }: { p: FieldProps; f: Field; value: Json | undefined }) {
  const { form, loc } = p;
  const [typed, setTyped] = useState<string | undefined>(undefined);
  const stands = value === undefined ? '' : typeof value === 'string' && f.kind === 'number' ? value : JSON.stringify(value);
  const shown = typed !== undefined && same(literal(typed, f), value) ? typed : stands;
  const put = (text: string) => {
    setTyped(text);
    form.set(loc, literal(text, f));
  };
  const common = { ...wiring(form, loc), value: shown, placeholder: value === undefined ? (f.kind === 'any' ? 'Any JSON' : leftOut(f.schema)) : '', spellcheck: false, autocomplete: 'off' };
  if (f.kind === 'any') return <textarea {...common} class="mono" rows={2} onInput={(e) => put(e.currentTarget.value)} />;
  return <input {...common} inputMode={isInteger(f.schema) ? 'numeric' : 'decimal'} onInput={(e) => put(e.currentTarget.value)} />;
}

const same = (a: Json | undefined, b: Json | undefined) => JSON.stringify(a) === JSON.stringify(b);

function literal(text: string, f: Field): Json | undefined {
  if (text.trim() === '') return undefined;
  const value = parse(text);
  if (f.kind === 'number' && typeof value !== 'number') return text;
  return value === undefined ? text : value;
}
