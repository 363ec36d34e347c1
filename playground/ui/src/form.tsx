// A form that a schema describes, bound to one value.

import { useState } from 'preact/hooks';
import { Icon } from './icons.tsx';
import { Scalar, fieldId, problemsOf, type FieldProps, type Form } from './inputs.tsx';
import { isObject, valueAt, type Json, type Loc } from './json.ts';
import { Must, Segments } from './parts.tsx';
import { field, initial, limits, patternOf, typeWord, variantOf, type Field, type Schema } from './schema.ts';

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

function Head({ f, p, value, setNull }: { f: Field; p: FieldProps; value: Json | undefined; setNull?: () => void }) {
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
export function FieldView(p: FieldProps) {
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

function AddButton({ p, f }: { p: FieldProps; f: Field }) {
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

function NullField({ p, f }: { p: FieldProps; f: Field }) {
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

function Complex({ p, f, value }: { p: FieldProps; f: Field; value: Json | undefined }) {
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

function Members({ p, f, value, skip }: { p: FieldProps; f: Field; value: Json | undefined; skip?: string }) {
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

function List({ p, f, value }: { p: FieldProps; f: Field; value: Json | undefined }) {
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

function MapView({ p, f, value }: { p: FieldProps; f: Field; value: Json | undefined }) {
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

function Union({ p, f, value }: { p: FieldProps; f: Field; value: Json | undefined }) {
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

/** Says where the form shows a problem: at its place, or at the nearest one that has a field. */
export function focusProblem(form: string, loc: Loc): void {
  for (let n = loc.length; n >= 0; n--) {
    const at = document.getElementById(fieldId(form, loc.slice(0, n)));
    if (!at) continue;
    (at.matches('.segments') ? (at.querySelector<HTMLElement>('input:checked') ?? at.querySelector('input')) : at)?.focus();
    return;
  }
}
