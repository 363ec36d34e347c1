// A form that a schema describes, bound to one value.

import { useState } from 'preact/hooks';
import { Icon } from './icons.tsx';
import { isObject, parse, valueAt, type Json, type Loc } from './json.ts';
import { Must, Segments } from './parts.tsx';
import { problemsAt } from './compose.ts';
import { field, initial, isInteger, limits, patternOf, typeWord, variantOf, type Field, type Root, type Schema } from './schema.ts';
import type { Problem } from './validate.ts';

export interface Form {
  root: Root;
  name: string; // of the form: ids begin with it
  value: Json | undefined;
  problems: readonly Problem[]; // by the document
  told: readonly Problem[]; // by the server
  set: (loc: Loc, part: Json | undefined) => void;
}

interface Props {
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
function problemsOf(form: Form, loc: Loc): (Problem & { server: boolean })[] {
  const told = problemsAt(form.told, loc);
  const own = problemsAt(form.problems, loc).filter((p) => !told.some((t) => t.type === p.type));
  return [...told.map((p) => ({ ...p, server: true })), ...own.map((p) => ({ ...p, server: false }))];
}

function Problems({ form, loc }: { form: Form; loc: Loc }) {
  const all = problemsOf(form, loc);
  if (all.length === 0) return null;
  return (
    <div class="problems" id={fieldId(form.name, loc) + '/problems'}>
      {all.map((p, i) => (
        <p key={i}>
          {p.server && <span class="badge bad">Server</span>}
          {p.msg}
        </p>
      ))}
    </div>
  );
}

/** What an input needs to be found and described. */
function wiring(form: Form, loc: Loc) {
  const bad = problemsOf(form, loc).length > 0;
  const id = fieldId(form.name, loc);
  return { id, 'aria-invalid': bad, 'aria-describedby': bad ? id + '/problems' : undefined };
}

function Head({ f, p, value, setNull }: { f: Field; p: Props; value: Json | undefined; setNull?: () => void }) {
  const scalar = !['object', 'list', 'map', 'union'].includes(f.kind);
  const text = (
    <>
      <span class={f.schema.deprecated ? 'name old' : 'name'}>{p.label}</span>
      {p.required && (
        <Must />
      )}
    </>
  );
  const remove = p.onRemove ?? (!p.required && value !== undefined ? () => p.form.set(p.loc, undefined) : undefined);
  return (
    <div class="head">
      {scalar ? <label for={fieldId(p.form.name, p.loc)}>{text}</label> : <span class="label">{text}</span>}
      <span class="type">{typeWord(p.form.root, p.schema)}</span>
      <span class="actions">
        {f.nullable && value !== null && setNull && (
          <button type="button" class="tiny" onClick={setNull} aria-label={`Set ${p.label} to null`}>
            null
          </button>
        )}
        {remove && (
          <button type="button" class="tiny" onClick={remove} aria-label={`Remove ${p.label}`} title="Leave it out">
            <Icon name="close" />
          </button>
        )}
      </span>
    </div>
  );
}

const choices = ['enum', 'boolean'];

function Hint({ f, value }: { f: Field; value: Json | undefined }) {
  const s = f.schema;
  const words = limits(s).filter((w) => !w.startsWith('default '));
  if (choices.includes(f.kind) && value === undefined && s.default !== undefined) words.push(`left out: ${String(s.default)}`);
  const pattern = patternOf(s);
  return (
    <>
      {s.description && <p class="hint">{s.description}</p>}
      {(words.length > 0 || pattern) && (
        <p class="hint limits">
          {words.join(' · ')}
          {words.length > 0 && pattern && ' · '}
          {pattern && <code title={s.pattern}>{pattern}</code>}
        </p>
      )}
    </>
  );
}

/** A field with everything below it. */
export function FieldView(p: Props) {
  const { form, schema, loc } = p;
  const f = field(form.root, schema);
  const value = valueAt(form.value, loc);
  const setNull = () => form.set(loc, null);
  const complex = ['object', 'list', 'map', 'union'].includes(f.kind);
  if (value === undefined && complex && !p.required) return <AddButton p={p} f={f} />;
  if (value === null && f.nullable) return <NullField p={p} f={f} />;
  if (p.bare && f.kind === 'object') return <Members p={p} f={f} value={value} />;
  if (complex) {
    return (
      <div class="field group" role="group" aria-label={p.label} id={fieldId(form.name, loc)} tabIndex={-1}>
        <Head f={f} p={p} value={value} setNull={setNull} />
        <Hint f={f} value={value} />
        <div class="nested">
          <Complex p={p} f={f} value={value} />
        </div>
        {f.kind !== 'object' && <Problems form={form} loc={loc} />}
      </div>
    );
  }
  return (
    <div class="field">
      <Head f={f} p={p} value={value} setNull={setNull} />
      <Scalar p={p} f={f} value={value} />
      <Hint f={f} value={value} />
      <Problems form={form} loc={loc} />
    </div>
  );
}

function AddButton({ p, f }: { p: Props; f: Field }) {
  const { form, loc } = p;
  const add = () => {
    const made = initial(form.root, p.schema);
    form.set(loc, made ?? (f.kind === 'list' ? [] : {}));
  };
  return (
    <div class="field">
      <button type="button" class="add" id={fieldId(form.name, loc)} onClick={add}>
        <Icon name="plus" />
        {p.label}
        <span class="type">{typeWord(form.root, p.schema)}</span>
      </button>
      <Problems form={form} loc={loc} />
    </div>
  );
}

function NullField({ p, f }: { p: Props; f: Field }) {
  const fill = () => p.form.set(p.loc, initial(p.form.root, { ...f.schema, default: undefined } as unknown as Schema) ?? (f.kind === 'number' ? 0 : ''));
  return (
    <div class="field">
      <Head f={f} p={p} value={null} />
      <button type="button" class="null" id={fieldId(p.form.name, p.loc)} onClick={fill}>
        null <span class="type">Press to set a value</span>
      </button>
      <Hint f={f} value={null} />
      <Problems form={p.form} loc={p.loc} />
    </div>
  );
}

function Complex({ p, f, value }: { p: Props; f: Field; value: Json | undefined }) {
  switch (f.kind) {
    case 'list':
      return <List p={p} f={f} value={value} />;
    case 'map':
      return <MapView p={p} f={f} value={value} />;
    case 'union':
      return <Union p={p} f={f} value={value} />;
    default:
      return <Members p={p} f={f} value={value} />;
  }
}

function Members({ p, f, value, skip }: { p: Props; f: Field; value: Json | undefined; skip?: string }) {
  const { form, loc } = p;
  const known = new Set(f.members.map((m) => m.name));
  const others = isObject(value) ? Object.keys(value).filter((n) => !known.has(n)) : [];
  const shown = f.members.filter((m) => m.name !== skip);
  const wrong = value !== undefined && !isObject(value);
  return (
    <>
      {wrong && <p class="hint">The JSON has no object here. Changing a field replaces it.</p>}
      {shown.map((m) => (
        <FieldView key={m.name} form={form} schema={m.schema} loc={[...loc, m.name]} label={m.name} required={m.required} />
      ))}
      {others.map((n) => (
        <FieldView key={n} form={form} schema={{}} loc={[...loc, n]} label={n} required={false} />
      ))}
      {shown.length + others.length === 0 && <p class="hint">Nothing to fill in.</p>}
      <Problems form={form} loc={loc} />
    </>
  );
}

function List({ p, f, value }: { p: Props; f: Field; value: Json | undefined }) {
  const { form, loc } = p;
  const items = Array.isArray(value) ? value : [];
  const item = f.schema.items ?? {};
  const kind = field(form.root, item).kind;
  const add = () => form.set([...loc, items.length], initial(form.root, item) ?? (kind === 'number' ? 0 : null));
  return (
    <>
      {items.map((_, i) => (
        <FieldView key={i} form={form} schema={item} loc={[...loc, i]} label={`${p.label} ${i + 1}`} required onRemove={() => form.set([...loc, i], undefined)} />
      ))}
      <button type="button" class="add" onClick={add} disabled={items.length >= (f.schema.maxItems ?? Infinity)}>
        <Icon name="plus" />
        Add to {p.label}
      </button>
    </>
  );
}

function MapView({ p, f, value }: { p: Props; f: Field; value: Json | undefined }) {
  const { form, loc } = p;
  const [name, setName] = useState('');
  const object = isObject(value) ? value : {};
  const values = f.schema.additionalProperties as Schema;
  const names = field(form.root, f.schema.propertyNames ?? {}).schema.enum;
  const add = () => {
    if (Object.hasOwn(object, name) || (name === '' && names)) return;
    const kind = field(form.root, values).kind;
    form.set([...loc, name], initial(form.root, values) ?? (kind === 'number' ? 0 : null));
    setName('');
  };
  const input = { 'aria-label': `New key of ${p.label}`, value: name, placeholder: 'Key' };
  return (
    <>
      {Object.keys(object).map((n) => (
        <FieldView key={n} form={form} schema={values} loc={[...loc, n]} label={n} required={false} />
      ))}
      <div class="row">
        {names ? (
          <select {...input} onChange={(e) => setName(e.currentTarget.value)}>
            <option value="">Key…</option>
            {names.map((n) => (
              <option key={String(n)}>{String(n)}</option>
            ))}
          </select>
        ) : (
          <input {...input} onInput={(e) => setName(e.currentTarget.value)} onKeyDown={(e) => e.key === 'Enter' && !e.ctrlKey && !e.metaKey && add()} />
        )}
        <button type="button" class="add" onClick={add}>
          <Icon name="plus" />
          Add key
        </button>
      </div>
    </>
  );
}

function Union({ p, f, value }: { p: Props; f: Field; value: Json | undefined }) {
  const { form, loc } = p;
  const chosen = variantOf(form.root, f, value);
  const pick = (tag: string) => {
    const v = f.variants.find((v) => v.tag === tag)!;
    form.set(loc, initial(form.root, v.schema) ?? null);
  };
  const options = f.variants.map((v) => [v.tag, v.tag] as const);
  const label = `${f.tag || 'Kind'} of ${p.label}`;
  const inner = chosen && field(form.root, chosen.schema);
  return (
    <>
      {options.length <= 4 ? (
        <Segments label={label} value={chosen?.tag} options={options} onPick={pick} />
      ) : (
        <select aria-label={label} value={chosen?.tag ?? ''} onChange={(e) => pick(e.currentTarget.value)}>
          {!chosen && <option value="">Choose…</option>}
          {options.map(([v]) => (
            <option key={v}>{v}</option>
          ))}
        </select>
      )}
      {inner?.kind === 'object' && <Members p={p} f={inner} value={value} skip={f.tag} />}
      {inner && inner.kind !== 'object' && <FieldView {...p} schema={chosen.schema} label={chosen.tag} required />}
    </>
  );
}

const leftOut = (s: Schema) => (s.default !== undefined ? `${typeof s.default === 'string' ? s.default || '""' : JSON.stringify(s.default)} (default)` : 'left out');

function Scalar({ p, f, value }: { p: Props; f: Field; value: Json | undefined }) {
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

function Choice({ p, f, value }: { p: Props; f: Field; value: Json | undefined }) {
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

function TextInput({ p, f, value }: { p: Props; f: Field; value: Json | undefined }) {
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
function LiteralInput({ p, f, value }: { p: Props; f: Field; value: Json | undefined }) {
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

/** Says where the form shows a problem: at its place, or at the nearest one that has a field. */
export function focusProblem(form: string, loc: Loc): void {
  for (let n = loc.length; n >= 0; n--) {
    const at = document.getElementById(fieldId(form, loc.slice(0, n)));
    if (!at) continue;
    (at.matches('.segments') ? (at.querySelector<HTMLElement>('input:checked') ?? at.querySelector('input')) : at)?.focus();
    return;
  }
}
