// A schema as a tree. Named types open on demand, so recursion ends where the reader stops.

import { useState } from 'preact/hooks';
import { Icon } from './icons.tsx';
import { isObject } from './json.ts';
import { field, limits, patternOf, typeWord, type Field, type Root, type Schema } from './schema.ts';

const openDepth = 2;

export function SchemaTree({ root, schema }: { root: Root; schema: Schema }) {
  const f = field(root, schema);
  return (
    <div class="tree">
      {f.schema.description && <p class="hint">{f.schema.description}</p>}
      {below(f) ? <Children root={root} f={f} depth={0} /> : <Facts root={root} schema={schema} f={f} />}
    </div>
  );
}

const below = (f: Field) => f.kind === 'union' || f.members.length > 0 || ((f.kind === 'list' || f.kind === 'map') && inner(f) !== undefined);

const inner = (f: Field): Schema | undefined =>
  f.schema.items ?? (isObject(f.schema.additionalProperties) ? (f.schema.additionalProperties as Schema) : undefined);

function Children({ root, f, depth }: { root: Root; f: Field; depth: number }) {
  if (f.kind === 'union') {
    return (
      <ul>
        {f.variants.map((v) => (
          <Node key={v.tag} root={root} schema={v.schema} name={v.tag} depth={depth} variant />
        ))}
      </ul>
    );
  }
  if (f.kind === 'list' || f.kind === 'map') {
    const item = inner(f)!;
    const g = field(root, item);
    if (g.kind === 'object' && g.members.length > 0) return <Children root={root} f={g} depth={depth} />;
    return (
      <ul>
        <Node root={root} schema={item} name={f.kind === 'list' ? 'each item' : 'each value'} depth={depth} variant />
      </ul>
    );
  }
  return (
    <ul>
      {f.members.map((m) => (
        <Node key={m.name} root={root} schema={m.schema} name={m.name} depth={depth} required={m.required} />
      ))}
    </ul>
  );
}

interface NodeProps {
  root: Root;
  schema: Schema;
  name: string;
  depth: number;
  required?: boolean;
  variant?: boolean;
}

function Node({ root, schema, name, depth, required, variant }: NodeProps) {
  const f = field(root, schema);
  const expands = below(f) && !(f.kind === 'list' && !below(field(root, inner(f)!))) && !(f.kind === 'map' && !below(field(root, inner(f)!)));
  const [open, setOpen] = useState(depth < openDepth && f.kind !== 'union');
  const title = (
    <>
      <span class={`${variant ? 'variant' : 'member'} ${f.schema.deprecated ? 'old' : ''}`}>{name}</span>
      <span class="type">{typeWord(root, schema)}</span>
      {required && <span class="must">required</span>}
      {f.schema.deprecated && <span class="badge warn">Deprecated</span>}
    </>
  );
  return (
    <li>
      {expands ? (
        <button type="button" class="node" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name="chevron" />
          {title}
        </button>
      ) : (
        <div class="node leaf">{title}</div>
      )}
      <Facts root={root} schema={schema} f={f} />
      {expands && open && <Children root={root} f={f} depth={depth + 1} />}
    </li>
  );
}

function Facts({ root, schema, f }: { root: Root; schema: Schema; f: Field }) {
  const s = f.schema;
  const each = f.kind === 'list' ? field(root, s.items ?? {}) : f;
  const docs = each.schema['x-chanx']?.enumDocs ?? {};
  const words = [...limits(s), ...(f.kind === 'list' ? limits(each.schema).map((w) => `each ${w}`) : [])];
  return (
    <div class="facts">
      {field(root, schema).schema.description && f.kind !== 'object' && <p>{s.description}</p>}
      {f.kind === 'object' && s.description && <p>{s.description}</p>}
      {each.kind === 'enum' && (
        <p class="values">
          {each.schema.enum!.map((v) => (
            <code key={String(v)} title={docs[String(v)]}>
              {JSON.stringify(v)}
            </code>
          ))}
        </p>
      )}
      {words.length > 0 && <p class="limits">{words.join(' · ')}</p>}
      {patternOf(each.schema) && (
        <p class="limits">
          matches <code title={each.schema.pattern}>{patternOf(each.schema)}</code>
        </p>
      )}
      {s.examples?.[0] !== undefined && (
        <p class="limits">
          such as <code>{JSON.stringify(s.examples[0])}</code>
        </p>
      )}
    </div>
  );
}
