// The state of the page. Tokens are in memory only: nothing here writes one to a store or an export.

import { batch, computed, signal, type Signal } from '@preact/signals';
import type { Credential, Values } from './address.ts';
import { readContract, type Channel, type Contract, type Operation } from './contract.ts';
import { parse } from './json.ts';
import type { Problem } from './validate.ts';

export const contract = signal<Contract | undefined>(undefined);
export const failure = signal<{ title: string; detail: string } | undefined>(undefined);

// Reading the document

export async function load(): Promise<void> {
  failure.value = undefined;
  try {
    const response = await fetch('asyncapi.json', { credentials: 'same-origin' });
    const text = await response.text();
    if (!response.ok) return fail(`The server answered ${response.status} ${response.statusText}`, text);
    const root = parse(text);
    if (root === undefined) return fail('The document is not JSON', text);
    accept(readContract(root));
  } catch (err) {
    fail(err instanceof TypeError ? 'The server cannot be reached' : 'The document cannot be read', err instanceof Error ? err.message : String(err));
  }
}

function fail(title: string, detail: string) {
  failure.value = { title, detail: detail.slice(0, 400) };
}

function accept(c: Contract) {
  batch(() => {
    contract.value = c;
    document.title = c.title;
    if (!c.channels.some((ch) => ch.id === place.value.channel)) {
      const first = c.channels[0];
      place.value = { channel: first?.id ?? '', operation: '' };
    }
  });
}

// The place on the page, which is the fragment of its address

export interface Place {
  channel: string;
  operation: string;
}

const fromHash = (): Place => {
  const decode = (s: string | undefined) => {
    try {
      return decodeURIComponent(s ?? '');
    } catch {
      return '';
    }
  };
  const [channel, operation] = location.hash.replace(/^#\/?/, '').split('/');
  return { channel: decode(channel), operation: decode(operation) };
};

export const place = signal<Place>(fromHash());
export const hashOf = (channel: string, operation = ''): string =>
  `#/${encodeURIComponent(channel)}${operation ? '/' + encodeURIComponent(operation) : ''}`;

export type View = 'browse' | 'doc' | 'live';
export const view = signal<View>('doc');

addEventListener('hashchange', () => {
  batch(() => {
    place.value = fromHash();
    view.value = 'doc';
  });
});

export const channel = computed<Channel | undefined>(() => contract.value?.channels.find((c) => c.id === place.value.channel));
export const operation = computed<Operation | undefined>(() => channel.value?.operations.find((o) => o.id === place.value.operation));

// Connections

export interface Connection {
  id: number;
  name: string;
  colour: number;
  channel: Channel;
  values: Values;
  credential: Credential | undefined;
  path: string;
  state: 'connecting' | 'open' | 'closing' | 'closed';
  code: number;
  reason: string;
  refusal: { status: number; detail: string; items: Problem[] } | undefined;
  fresh: boolean; // nothing has happened to it yet
}

export const connections = signal<Connection[]>([]);
export const unseen = signal(0); // frames that came while the timeline was out of sight

// What is said to screen readers

export const said = signal('');
export const say = (text: string): void => void (said.value = text);

// Light and dark

export type Theme = '' | 'light' | 'dark';

function stored(): Theme {
  try {
    const t = localStorage.getItem('playground theme');
    return t === 'light' || t === 'dark' ? t : '';
  } catch {
    return '';
  }
}

export const theme: Signal<Theme> = signal(stored());

export function setTheme(t: Theme): void {
  theme.value = t;
  try {
    localStorage.setItem('playground theme', t);
  } catch {}
}

theme.subscribe((t) => {
  if (t) document.documentElement.dataset.theme = t;
  else delete document.documentElement.dataset.theme;
});
