// The upper part of the right column: connections side by side, and the form that opens one.

import { checkParams, closeAdvice, closeWords, lacksToken, paramKey, pathOf, widgetOf, type Credential } from './address.ts';
import type { Channel, Param, TokenPlace } from './contract.ts';
import { Icon } from './icons.tsx';
import { Dot, IconButton, Must, Segments } from './parts.tsx';
import { field, limits } from './schema.ts';
import { connect, disconnect, duplicate, reconnect, remove } from './socket.ts';
import * as s from './state.ts';
import * as w from './work.ts';
import type { Problem } from './validate.ts';

export function Connections() {
  const all = s.connections.value;
  const c = s.channel.value;
  const form = w.connecting.value || all.length === 0;
  return (
    <section class="connections" aria-label="Connections">
      <header>
        <h2>Connections</h2>
        <span class="space" />
        {all.length > 0 && (
          <button type="button" class="quiet small" aria-expanded={form} onClick={() => (w.connecting.value = !w.connecting.value)}>
            <Icon name={form ? 'close' : 'plus'} />
            {form ? 'Cancel' : 'New'}
          </button>
        )}
      </header>
      {all.length > 0 && (
        <ul class="conns">
          {all.map((x) => (
            <ConnectionCard key={x.id} x={x} />
          ))}
        </ul>
      )}
      {form && c && <ConnectForm key={c.id} c={c} />}
    </section>
  );
}

const stateWords = { connecting: 'Connecting…', open: 'Open', closing: 'Closing…', closed: 'Closed' } as const;

function status(x: s.Connection): string {
  if (x.refusal) return `Refused, ${x.refusal.status}: ${x.refusal.detail || closeWords(x.channel, x.code)}`;
  if (x.state !== 'closed') return stateWords[x.state];
  if (x.code === 1000) return 'Closed';
  return x.code === 1006 ? closeWords(x.channel, x.code) : `${closeWords(x.channel, x.code)} (${x.code})`;
}

/** Reports whether words say what a reason says. */
const says = (words: string, reason: string) => words.toLowerCase().includes(reason.toLowerCase());

function ConnectionCard({ x }: { x: s.Connection }) {
  const closed = x.state === 'closed';
  const bad = closed && x.code !== 1000;
  const change = () => {
    if (x.credential) w.credentials.value = { ...w.credentials.value, [x.channel.id]: x.credential };
    w.params.value = { ...w.params.value, [x.channel.id]: x.values };
    location.hash = s.hashOf(x.channel.id, s.channel.value === x.channel ? s.place.value.operation : '');
    w.connecting.value = true;
    queueMicrotask(() => (s.view.value = 'live'));
  };
  return (
    <li class={`conn ${x.state} ${bad ? 'bad' : ''}`}>
      <Dot connection={x} />
      <code title={x.path}>{x.path}</code>
      <span class="tools">
        {closed && !bad && <IconButton icon="again" label={`Connect ${x.name} again`} onClick={() => reconnect(x)} />}
        <IconButton icon="twin" label={`Duplicate ${x.name}`} onClick={() => duplicate(x)} />
        {closed ? (
          <IconButton icon="trash" label={`Remove ${x.name}`} onClick={() => remove(x.id)} />
        ) : (
          <IconButton icon="close" label={`Disconnect ${x.name}`} onClick={() => disconnect(x.id)} />
        )}
      </span>
      <p class="status">
          <span class="lamp" aria-hidden="true" />
          <span class="hidden">Connection {x.name}: </span>
          {status(x)}
          {x.reason && !x.refusal && !says(closeWords(x.channel, x.code), x.reason) && `: ${x.reason}`}
        </p>
        {bad && (
          <p class="do">
            <button type="button" class="link" onClick={() => reconnect(x)}>
              Connect again
            </button>
            {(x.refusal || closeAdvice(x.channel, x.code) !== 'retry') && (
              <button type="button" class="link" onClick={change}>
                Edit
              </button>
            )}
          </p>
        )}
    </li>
  );
}

function ConnectForm({ c }: { c: Channel }) {
  const contract = s.contract.value!;
  const values = w.params.value[c.id] ?? {};
  const problems = checkParams(contract, c, values);
  const refused = s.connections.value.findLast((x) => x.channel === c)?.refusal?.items ?? [];
  const path = pathOf(contract, c, Object.fromEntries(c.params.map((p) => [paramKey(p), values[paramKey(p)] || (p.in === 'path' ? `{${p.name}}` : '')])));
  return (
    <form
      class="connect"
      aria-label={`Connect to ${c.title}`}
      autocomplete="off"
      onSubmit={(e) => {
        e.preventDefault();
        if (connect(c)) return;
        e.currentTarget.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
      }}
    >
      <p class="to">
        <span class="hint">{c.title}</span>
        <code>{decode(path)}</code>
      </p>
      {c.params.map((p) => (
        <ParamField key={paramKey(p)} c={c} p={p} problems={[...refused, ...problems]} />
      ))}
      <TokenField c={c} />
      <button type="submit" class="primary">
        Connect
      </button>
    </form>
  );
}

const decode = (path: string) => {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
};

function ParamField({ c, p, problems }: { c: Channel; p: Param; problems: Problem[] }) {
  const { root } = s.contract.value!;
  const key = paramKey(p);
  const id = `param/${key}`;
  const typed = w.params.value[c.id]?.[key] ?? '';
  const mine = problems.find((q) => q.loc[0] === p.in && q.loc[1] === p.name);
  const shown = mine && (w.tried.value || typed !== '') ? mine : undefined;
  const schema = field(root, p.schema).schema;
  const put = (v: string) => w.setParam(c, key, v);
  const common = { id, 'aria-invalid': !!shown, 'aria-describedby': shown ? `${id}/problem` : undefined, value: typed };
  const placeholder = schema.default !== undefined ? `${schema.default} (default)` : schema.examples?.[0] !== undefined ? String(schema.examples[0]) : p.required ? '' : 'left out';
  const kind = widgetOf(root, p);
  return (
    <div class="field inline">
      <label for={id}>
        <span class="name">{p.name}</span>
        {p.required && (
          <Must />
        )}
      </label>
      <div>
        {kind === 'enum' || kind === 'boolean' ? (
          <select {...common} onChange={(e) => put(e.currentTarget.value)}>
            <option value="">{p.required ? 'Choose…' : placeholder}</option>
            {(kind === 'boolean' ? [true, false] : (schema.enum ?? [])).map((v) => (
              <option key={String(v)}>{String(v)}</option>
            ))}
          </select>
        ) : (
          <input {...common} placeholder={placeholder} inputMode={kind === 'number' ? 'numeric' : 'text'} spellcheck={false} autocomplete="off" onInput={(e) => put(e.currentTarget.value)} />
        )}
        {shown ? (
          <p class="problem" id={`${id}/problem`}>
            {shown.msg}
          </p>
        ) : (
          <p class="hint">{p.description || [schema.type === 'array' ? 'Separated by commas' : '', ...limits(schema).filter((w) => !w.startsWith('default'))].filter(Boolean).join(' · ')}</p>
        )}
      </div>
    </div>
  );
}

const wayWords = { query: 'Query', subprotocol: 'Subprotocol', cookie: 'Cookie', header: 'Header' } as const;
const usual: TokenPlace[] = [
  { in: 'query', name: 'token', prefix: '' },
  { in: 'subprotocol', name: '', prefix: 'bearer.' },
  { in: 'cookie', name: 'session', prefix: '' },
];

function TokenField({ c }: { c: Channel }) {
  const now = w.credentials.value[c.id];
  const told = c.tokens.filter((t) => t.in !== 'header');
  const ways = told.length ? told : usual;
  const way = now ?? { ...ways[0]!, token: '' };
  const put = (part: Partial<Credential>) => (w.credentials.value = { ...w.credentials.value, [c.id]: { ...way, ...part } });
  const missing = w.tried.value && lacksToken(c, now);
  const body = (
    <>
      {ways.length > 1 && (
        <Segments
          label="Send the token as"
          value={String(ways.findIndex((w) => w.in === way.in))}
          options={ways.map((w, i) => [String(i), wayWords[w.in]] as const)}
          onPick={(i) => put(ways[Number(i)]!)}
        />
      )}
      {told.length === 0 && (
        <div class="field inline">
          <label for="token/name">
            <span class="name">{way.in === 'subprotocol' ? 'prefix' : 'name'}</span>
          </label>
          <input
            id="token/name"
            value={way.in === 'subprotocol' ? way.prefix : way.name}
            spellcheck={false}
            onInput={(e) => put(way.in === 'subprotocol' ? { prefix: e.currentTarget.value } : { name: e.currentTarget.value })}
          />
        </div>
      )}
      <div class="field inline">
        <label for="token">
          <span class="name">token</span>
          {c.tokenRequired && told.length > 0 && <Must />}
        </label>
        <div>
          <input id="token" type="password" aria-invalid={missing} aria-describedby="token/about" value={way.token} autocomplete="off" spellcheck={false} placeholder={way.in === 'cookie' ? 'the cookie of this site' : 'none'} onInput={(e) => put({ token: e.currentTarget.value })} />
          <p class={missing ? 'problem' : 'hint'} id="token/about">
            {missing ? 'This endpoint needs a token' : tokenHint(way)}
          </p>
        </div>
      </div>
    </>
  );
  if (told.length > 0) return <div class="token">{body}</div>;
  return (
    <details class="more token" open={!!now?.token}>
      <summary>Token</summary>
      {body}
    </details>
  );
}

function tokenHint(t: Credential): string {
  if (t.in === 'cookie') return `The browser sends its cookies anyway. A token given here is the cookie ${t.name} while connecting.`;
  const how = t.in === 'query' ? `Sent as ?${t.name}=…` : `Offered as ${t.prefix}…`;
  return `${how} It stays in memory, and is never stored or exported.`;
}
