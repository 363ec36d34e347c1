// The state of the workbench: drafts, connections and the timeline. Tokens are in memory only: nothing here writes one
// to a store or an export.

import { signal } from '@preact/signals';
import { pathOf, type Credential, type Values } from './address.ts';
import { newDraft, type Draft } from './compose.ts';
import type { Channel, Operation } from './contract.ts';
import { newTimeline, noFilter, type Filter } from './frames.ts';
import { parse } from './json.ts';
import { connections, contract, type Connection } from './state.ts';
import type { Problem } from './validate.ts';

// What was typed. It survives a reload of the tab.

const storeKey = `playground ${location.pathname}`;

interface Kept {
  drafts: { [key: string]: string };
  params: { [channel: string]: Values };
}

function kept(): Kept {
  try {
    const k = parse(sessionStorage.getItem(storeKey) ?? '') as Partial<Kept> | undefined;
    return { drafts: k?.drafts ?? {}, params: k?.params ?? {} };
  } catch {
    return { drafts: {}, params: {} };
  }
}

const before = kept();
const drafts = signal<{ [key: string]: Draft }>({});
export const params = signal<{ [channel: string]: Values }>(before.params);

let saving: ReturnType<typeof setTimeout> | undefined;
const maxKept = 200_000;

function save() {
  saving ??= setTimeout(store, 300);
}

function store() {
  clearTimeout(saving);
  saving = undefined;
  const texts = Object.entries(drafts.value).map(([k, d]) => [k, d.text] as const);
  const all: Kept = { drafts: { ...before.drafts, ...Object.fromEntries(texts) }, params: params.value };
  const text = JSON.stringify(all);
  try {
    if (text.length < maxKept) sessionStorage.setItem(storeKey, text);
  } catch {} // a browser may have no store for the page
}

addEventListener('pagehide', () => saving && store());

export const draftKey = (c: Channel, o: Operation): string => `${c.id}/${o.id}`;

export function draft(c: Channel, o: Operation): Draft {
  const key = draftKey(c, o);
  const old = before.drafts[key];
  return drafts.value[key] ?? (old === undefined ? newDraft(contract.value!, o) : { text: old, value: parse(old), told: [], ref: '' });
}

export function setDraft(c: Channel, o: Operation, d: Draft): void {
  drafts.value = { ...drafts.value, [draftKey(c, o)]: d };
  save();
}

/** Attaches what the server said to the draft that was sent with a ref. */
export function tellDraft(c: Channel, ref: string, items: Problem[]): void {
  for (const o of c.operations) {
    const d = drafts.value[draftKey(c, o)];
    if (d && d.ref === ref) drafts.value = { ...drafts.value, [draftKey(c, o)]: { ...d, told: items } };
  }
}

export function setParam(c: Channel, key: string, typed: string): void {
  params.value = { ...params.value, [c.id]: { ...params.value[c.id], [key]: typed } };
  save();
}

export const history = signal<{ [key: string]: string[] }>({});
const maxHistory = 20;

export function remember(c: Channel, o: Operation, text: string): void {
  const key = draftKey(c, o);
  const old = (history.value[key] ?? []).filter((t) => t !== text);
  history.value = { ...history.value, [key]: [text, ...old].slice(0, maxHistory) };
}

// Connections

export const target = signal<number>(0); // the connection that sends
export const credentials = signal<{ [channel: string]: Credential }>({});
export const connecting = signal(false); // the form for a connection is open
export const tried = signal(false); // so that the form shows what is missing

/** The connection that a message of a channel goes to. */
export function targetOf(c: Channel): Connection | undefined {
  const open = connections.value.filter((x) => x.channel === c && x.state === 'open');
  return open.find((x) => x.id === target.value) ?? open[0];
}

export const newConnection = (id: number, c: Channel, values: Values, credential: Credential | undefined): Connection => ({
  id,
  name: nameOf(id),
  colour: (id - 1) % 6,
  channel: c,
  values,
  credential,
  path: pathOf(contract.value!, c, values),
  state: 'connecting',
  code: 0,
  reason: '',
  refusal: undefined,
  fresh: true,
});

/** A, B, …, Z, AA, AB, … */
export const nameOf = (id: number): string => {
  const letter = String.fromCharCode(65 + ((id - 1) % 26));
  return id > 26 ? nameOf(Math.floor((id - 1) / 26)) + letter : letter;
};

// The timeline

export const timeline = newTimeline();
export const tick = signal(0); // rises when the timeline changes
export const filter = signal<Filter>(noFilter);
export const pausedAt = signal(0); // the first entry that is not shown; 0: not paused
export const indented = signal(true);

let due = false;

/** Shows changes of the timeline with the next picture: many frames cost one drawing. */
export function changed(): void {
  if (due) return;
  due = true;
  const show = () => {
    if (!due) return;
    due = false;
    tick.value++;
  };
  requestAnimationFrame(show);
  setTimeout(show, 250); // a hidden tab draws no pictures
}
