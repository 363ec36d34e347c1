// The left column: endpoints and their messages, with a search over all words of the document.

import { signal } from '@preact/signals';
import { isCall, type Channel, type Operation } from './contract.ts';
import { Icon } from './icons.tsx';
import { Address, kindWords } from './parts.tsx';
import { connections, contract, hashOf, place } from './state.ts';

const search = signal('');

const words = (o: Operation) =>
  [o.message.action, o.title, o.message.type, o.description, ...o.replies.map((r) => r.action)].join(' ').toLowerCase();

function matches(c: Channel, query: string): Operation[] {
  const all = c.operations.filter((o) => !o.message.library);
  if (!query) return all;
  const parts = query.toLowerCase().split(/\s+/);
  const channel = [c.title, c.address].join(' ').toLowerCase();
  return all.filter((o) => parts.every((w) => words(o).includes(w) || channel.includes(w)));
}

export function Sidebar() {
  const channels = contract.value!.channels;
  const found = channels.map((c) => [c, matches(c, search.value)] as const).filter(([c, ops]) => ops.length > 0 || !search.value || c.title.toLowerCase().includes(search.value.toLowerCase()));
  return (
    <nav class="side" aria-label="Endpoints and messages">
      <div class="search">
        <Icon name="search" />
        <input
          id="search"
          type="search"
          placeholder="Search"
          aria-label="Search messages"
          value={search.value}
          onInput={(e) => (search.value = e.currentTarget.value)}
          onKeyDown={(e) => {
            if (e.key === 'Escape') search.value = '';
            if (e.key === 'Enter') e.currentTarget.closest('nav')?.querySelector<HTMLElement>('ul a')?.click();
          }}
        />
        <kbd aria-hidden="true">/</kbd>
      </div>
      {found.map(([c, ops]) => (
        <Group key={c.id} c={c} ops={ops} />
      ))}
      {found.length === 0 && (
        <div class="empty">
          <p>Nothing matches “{search.value}”.</p>
          <button type="button" class="quiet" onClick={() => (search.value = '')}>
            Clear the search
          </button>
        </div>
      )}
    </nav>
  );
}

function Group({ c, ops }: { c: Channel; ops: Operation[] }) {
  const here = place.value;
  const open = connections.value.filter((x) => x.channel === c && x.state === 'open');
  const section = (title: string, list: Operation[]) =>
    list.length > 0 && (
      <>
        <h3>{title}</h3>
        <ul>
          {list.map((o) => (
            <li key={o.id}>
              <a href={hashOf(c.id, o.id)} aria-current={here.channel === c.id && here.operation === o.id ? 'page' : undefined} title={kindWords[o.kind]}>
                <Icon name={o.kind} />
                <span class={o.deprecated ? 'action old' : 'action'}>{o.message.action}</span>
                <span class="hidden">, {kindWords[o.kind]}</span>
              </a>
            </li>
          ))}
        </ul>
      </>
    );
  return (
    <section>
      <a class="channel" href={hashOf(c.id)} aria-current={here.channel === c.id && !here.operation ? 'page' : undefined}>
        <span class="title">
          {c.title}
          {open.length > 0 && (
            <span class="live-dot" title={`${open.length} open`}>
              <span class="hidden">{open.length} open</span>
            </span>
          )}
        </span>
        <Address address={c.address} />
      </a>
      {section('You send', ops.filter(isCall))}
      {section('The server sends', ops.filter((o) => !isCall(o)))}
    </section>
  );
}
