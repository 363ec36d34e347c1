// A row of the timeline: one line about a frame, and its text when it is opened.

import { signal } from '@preact/signals';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { bytes, duration, itemsOf, preview, type Entry } from './frames.ts';
import { Icon } from './icons.tsx';
import { parse } from './json.ts';
import { pretty } from './jsontext.ts';
import { lazyPart } from './lazy.tsx';
import { Badge, Code, CopyButton, Dot } from './parts.tsx';
import * as s from './state.ts';
import * as w from './work.ts';

const AnswerForm = lazyPart(() => import('./answer.tsx').then((m) => m.AnswerForm), 'answer-wait');

export const opened = signal<ReadonlySet<number>>(new Set()); // entries whose text is shown
export const unfoldedOnes = signal<ReadonlySet<number>>(new Set()); // streams whose items are shown

export const toggle = (set: ReadonlySet<number>, id: number): ReadonlySet<number> => {
  const next = new Set(set);
  if (!next.delete(id)) next.add(id);
  return next;
};

export interface Row {
  entry: Entry;
  item: boolean; // of a stream
}

export const heights = new Map<number, number>();
export const measured = signal(0);

export const unfolded = (e: Entry): boolean => unfoldedOnes.value.has(e.id);

export const frameCount = (e: Entry) => `${(e.items?.length ?? 0).toLocaleString('en')} ${e.items?.length === 1 ? 'frame' : 'frames'}`;

const time = (at: number) => {
  const d = new Date(at);
  const pad = (n: number, to = 2) => String(n).padStart(to, '0');
  return `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}.${pad(d.getMilliseconds(), 3)}`;
};

const arrows = { in: '↓', out: '↑', note: '·' } as const;
const directions = { in: 'received', out: 'sent', note: 'note' } as const;

const isCompletion = (e: Entry) => /^((group|event)_)?complete$/.test(e.action);

export const connectionOf = (id: number) => s.connections.value.find((c) => c.id === id) ?? { name: w.nameOf(id), colour: (id - 1) % 6 };

export function RowView({ row, n, y, focusable }: { row: Row; n: number; y: number; focusable: boolean }) {
  const e = row.entry;
  const open = opened.value.has(e.id);
  const c = connectionOf(e.conn);
  const li = useRef<HTMLLIElement>(null);
  useLayoutEffect(() => {
    if (!open || !li.current) return;
    const watch = new ResizeObserver(([r]) => {
      const height = Math.ceil(r!.borderBoxSize[0]!.blockSize);
      if (heights.get(e.id) === height) return;
      heights.set(e.id, height);
      measured.value++;
    });
    watch.observe(li.current, { box: 'border-box' });
    return () => watch.disconnect();
  }, [open]);
  return (
    <li ref={li} class={`entry ${e.dir} ${e.tone} ${row.item ? 'item' : ''} ${isCompletion(e) ? 'quietly' : ''} ${open ? 'open' : ''}`} style={{ transform: `translateY(${y}px)` }}>
      <div class="head">
        <button
          type="button"
          class="row"
          data-row={n}
          tabIndex={focusable ? 0 : -1}
          aria-expanded={e.dir === 'note' ? undefined : open}
          onClick={() => e.dir !== 'note' && (opened.value = toggle(opened.value, e.id))}
        >
          <time>{time(e.at)}</time>
          <Dot connection={c} />
          <span class="hidden">{`${c.name} ${directions[e.dir]} `}</span>
          <span class="dir" aria-hidden="true">
            {arrows[e.dir]}
          </span>
          {e.action && <span class="action">{e.action}</span>}
          <span class="preview">{preview(s.contract.value!, e)}</span>
          <Marks e={e} />
        </button>
        <StreamTools e={e} />
      </div>
      {open && <Detail e={e} />}
    </li>
  );
}

const progressWords = { waiting: 'waiting', streaming: 'streaming', complete: '', failed: 'failed', lost: 'no answer: the connection ended' } as const;

function Marks({ e }: { e: Entry }) {
  w.tick.value; // the entry of a request changes
  return (
    <span class="marks">
      {e.current ? <Badge tone="in">current</Badge> : e.mine && <Badge>mine</Badge>}
      {e.pos && <Badge>pos</Badge>}
      {e.ask && e.dir === 'in' && <Badge tone="warn">asks</Badge>}
      {e.problems.length > 0 && (
        <span class="badge bad" title={e.problems.map((p) => `${p.loc.join('.') || 'frame'}: ${p.msg}`).join('\n')}>
          <Icon name="warn" />
          {e.dir === 'in' ? 'not as documented' : 'invalid'}
        </span>
      )}
      {e.progress && progressWords[e.progress] && <Badge tone={e.progress === 'lost' || e.progress === 'failed' ? 'bad' : ''}>{progressWords[e.progress]}</Badge>}
      {e.size > 10_000 && <span class="ms">{bytes(e.size)}</span>}
      {e.latency !== undefined && !isCompletion(e) && <span class="ms">{duration(e.latency)}</span>}
    </span>
  );
}

function StreamTools({ e }: { e: Entry }) {
  w.tick.value;
  if (!e.items) return null;
  return (
    <span class="tools">
      <button type="button" class="quiet small" aria-expanded={unfolded(e)} onClick={() => (unfoldedOnes.value = toggle(unfoldedOnes.value, e.id))}>
        {frameCount(e)}
        <Icon name="chevron" />
      </button>
    </span>
  );
}

const shortText = 20_000;
const mostText = 2_000_000;

function Detail({ e }: { e: Entry }) {
  const [all, setAll] = useState(false);
  const whole = w.indented.value && e.size < mostText ? pretty(e.text) : e.text;
  const text = all ? whole : whole.slice(0, shortText);
  const items = itemsOf(parse(e.size < mostText ? e.text : ''));
  const ask = e.ask && e.dir === 'in';
  return (
    <div class="detail">
      {e.problems.length > 0 && (
        <ul class="mismatch">
          {e.problems.slice(0, 8).map((p, i) => (
            <li key={i}>
              <code>{p.loc.join('.') || 'frame'}</code> {p.msg}
            </li>
          ))}
        </ul>
      )}
      {items.length > 0 && e.action === 'error' && (
        <ul class="mismatch">
          {items.map((p, i) => (
            <li key={i}>
              <code>{p.loc.join('.') || 'frame'}</code> {p.msg}
            </li>
          ))}
        </ul>
      )}
      <pre tabIndex={0} aria-label={`Text of ${e.action || 'the frame'}`}>
        {text.length <= shortText ? <Code text={text} /> : <code>{text}</code>}
      </pre>
      <p class="do">
        <CopyButton text={() => whole} />
        <span class="limits">{bytes(e.size)}</span>
        {whole.length > shortText && (
          <button type="button" class="link" onClick={() => setAll(!all)}>
            {all ? 'Show less' : `Show all ${bytes(whole.length)}`}
          </button>
        )}
      </p>
      {ask && <AnswerForm e={e} />}
    </div>
  );
}
