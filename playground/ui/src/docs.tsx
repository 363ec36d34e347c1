// The middle column: what the document says about a channel or a message, around the composer.

import { lazyPart, workbench } from './lazy.tsx';
import { isCall, type Channel, type Message, type Operation, type Param } from './contract.ts';
import { Icon } from './icons.tsx';
import { isObject } from './json.ts';
import { Address, Badge, Code, CopyButton, Flags, kindHelp, kindWords } from './parts.tsx';
import { SchemaTree } from './schematree.tsx';
import { limits, resolve, typeWord } from './schema.ts';
import { channel as currentChannel, contract, hashOf, operation as currentOperation } from './state.ts';

const Composer = lazyPart(() => workbench().then((m) => m.Composer), 'composer-wait');
const Snippets = lazyPart(() => import('./snippetsview.tsx').then((m) => m.Snippets), 'wait');

export function Docs() {
  const c = currentChannel.value;
  const o = currentOperation.value;
  if (!contract.value!.channels.length) {
    return (
      <div class="empty big">
        <h1>No endpoints yet</h1>
        <p>The server has nothing registered. Endpoints appear here when the program calls Handle.</p>
      </div>
    );
  }
  if (!c) {
    return (
      <div class="empty big">
        <h1>There is no such endpoint</h1>
        <p>The document may have changed. Choose one from the list.</p>
      </div>
    );
  }
  return o ? <OperationView key={o.id} c={c} o={o} /> : <ChannelView key={c.id} c={c} />;
}

function ChannelView({ c }: { c: Channel }) {
  const shown = c.operations.filter((o) => !o.message.library);
  const built = c.operations.filter((o) => o.message.library);
  return (
    <article>
      <header class="title">
        <h1>{c.title}</h1>
        <Address address={c.address} />
        {c.description && <p class="lead">{c.description}</p>}
      </header>
      <Params c={c} />
      <Operations title="You send" list={shown.filter(isCall)} c={c} />
      <Operations title="The server sends" list={shown.filter((o) => !isCall(o))} c={c} />
      <Access c={c} />
      <Closes c={c} />
      {built.length > 0 && (
        <details class="more">
          <summary>Built-in messages</summary>
          <Operations title="" list={built} c={c} />
        </details>
      )}
    </article>
  );
}

function Params({ c }: { c: Channel }) {
  if (c.params.length === 0) return null;
  const root = contract.value!.root;
  return (
    <section>
      <h2>Parameters</h2>
      <dl class="facts-list">
        {c.params.map((p: Param) => (
          <div key={p.in + p.name}>
            <dt>
              <code>{p.name}</code>
              <span class="type">
                {typeWord(root, p.schema)} in the {p.in}
              </span>
              {p.required && <span class="must">required</span>}
            </dt>
            <dd>
              {p.description && <p>{p.description}</p>}
              {limits(resolve(root, p.schema)).length > 0 && <p class="limits">{limits(resolve(root, p.schema)).join(' · ')}</p>}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Operations({ title, list, c }: { title: string; list: Operation[]; c: Channel }) {
  if (list.length === 0) return null;
  return (
    <section>
      {title && <h2>{title}</h2>}
      <ul class="messages">
        {list.map((o) => (
          <li key={o.id}>
            <a href={hashOf(c.id, o.id)}>
              <span class="kind">
                <Icon name={o.kind} />
              </span>
              <span class="what">
                <code class={o.deprecated ? 'old' : ''}>{o.message.action}</code>
                <span class="summary">{o.description || kindHelp[o.kind]}</span>
              </span>
              <span class="arrow">{answersOf(o).map((r) => r.action).join(', ')}</span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

const answersOf = (o: Operation): Message[] => o.replies.filter((r) => !r.library);

const tokenWords = { query: 'in the query, as', subprotocol: 'as a subprotocol, behind', header: 'in the header', cookie: 'in the cookie' } as const;

function Access({ c }: { c: Channel }) {
  if (c.tokens.length === 0 && !c.tokenRequired) return null;
  return (
    <section>
      <h2>Access</h2>
      <p>
        {c.tokenRequired ? 'You have to say who you are.' : 'You may say who you are.'}
        {c.tokens.length > 0 && ' A token travels:'}
      </p>
      {c.tokens.length > 0 && (
        <ul class="plain">
          {c.tokens.map((t) => (
            <li key={t.in + t.name}>
              {tokenWords[t.in]} <code>{t.in === 'subprotocol' ? t.prefix : t.name}</code>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

const adviceWords = { retry: 'connect again', fresh: 'connect again with a fresh token', stop: 'do not connect again' } as const;

function Closes({ c }: { c: Channel }) {
  if (c.closes.length === 0) return null;
  return (
    <details class="more">
      <summary>Close codes</summary>
      <dl class="facts-list codes">
        {c.closes.map((r) => (
          <div key={r.code}>
            <dt>
              <code>{r.to > r.code ? `${r.code}–${r.to}` : r.code}</code>
            </dt>
            <dd>
              <p>
                {r.meaning} {r.then in adviceWords && <span class="limits">· {adviceWords[r.then as keyof typeof adviceWords]}</span>}
              </p>
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

function OperationView({ c, o }: { c: Channel; o: Operation }) {
  return (
    <article>
      <header class="title">
        <p class="crumb">
          <a href={hashOf(c.id)}>{c.title}</a>
        </p>
        <h1>
          <code>{o.message.action}</code>
        </h1>
        <p class="badges">
          <Badge tone={isCall(o) ? 'out' : 'in'}>
            <Icon name={o.kind} />
            {kindWords[o.kind]}
          </Badge>
          <Flags message={o.message} />
          {o.title !== o.message.action && <span class="type">{o.title}</span>}
        </p>
        <p class="lead">{o.description || kindHelp[o.kind]}</p>
      </header>
      {isCall(o) && <Composer channel={c} operation={o} />}
      <MessageView m={o.message} title={isCall(o) ? 'What you send' : 'What comes'} />
      {answersOf(o).map((r) => (
        <MessageView key={r.action} m={r} title={replyTitle(o)} />
      ))}
      <Fails o={o} />
      {isCall(o) && (
        <section>
          <h2>Code</h2>
          <Snippets channel={c} operation={o} />
        </section>
      )}
    </article>
  );
}

const replyTitle = (o: Operation) => (o.kind === 'stream' ? 'Each item' : o.kind === 'ask' ? 'What you answer' : 'The answer');

function MessageView({ m, title }: { m: Message; title: string }) {
  const root = contract.value!.root;
  const example = m.examples[0];
  return (
    <section>
      <h2>
        {title} <code>{m.action}</code>
      </h2>
      <div class="columns">
        <div>
          {m.payload ? <SchemaTree root={root} schema={m.payload} /> : <p class="hint">It has no content.</p>}
          {m.beside.length > 0 && (
            <>
              <h4>Beside the payload</h4>
              <SchemaTree root={root} schema={{ properties: Object.fromEntries(m.beside.map((b) => [b.name, b.schema])), required: m.beside.filter((b) => b.required).map((b) => b.name) }} />
            </>
          )}
        </div>
        {isObject(example) && (
          <figure class="sample">
            <figcaption>
              Example
              <CopyButton text={() => JSON.stringify(example, null, 2)} />
            </figcaption>
            <pre tabIndex={0}>
              <Code text={JSON.stringify(example, null, 2)} />
            </pre>
          </figure>
        )}
      </div>
    </section>
  );
}

function Fails({ o }: { o: Operation }) {
  if (o.fails.length === 0) return null;
  return (
    <section>
      <h2>Errors</h2>
      <dl class="facts-list codes wide">
        {o.fails.map((f) => (
          <div key={f.reason}>
            <dt>
              <code>{f.reason}</code>
            </dt>
            <dd>
              <p>{f.doc}</p>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
