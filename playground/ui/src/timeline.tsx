// The lower part of the right column: all frames of all connections, as a virtual list.

import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { connectionOf, frameCount, heights, measured, opened, RowView, toggle, unfolded, type Row } from './entryrow.tsx';
import { clear, isFiltering, keeps, noFilter, type Entry, type Filter } from './frames.ts';
import { Icon } from './icons.tsx';
import { Dot, IconButton, Menu, Segments, download } from './parts.tsx';
import { cancel } from './socket.ts';
import * as s from './state.ts';
import * as w from './work.ts';

const verdicts = new WeakMap<Entry, { filter: Filter; items: number; keeps: boolean }>();

function kept(f: Filter, e: Entry): boolean {
  const known = verdicts.get(e);
  const items = e.items?.length ?? 0;
  if (known?.filter === f && known.items === items) return known.keeps;
  const v = { filter: f, items, keeps: keeps(f, e) };
  verdicts.set(e, v);
  return v.keeps;
}

function rowsOf(): Row[] {
  const f = w.filter.value;
  const end = w.pausedAt.value || Infinity;
  const rows: Row[] = [];
  for (const entry of w.timeline.entries) {
    if (entry.id >= end) break;
    if (!kept(f, entry)) continue;
    rows.push({ entry, item: false });
    if (entry.items && unfolded(entry)) for (const i of entry.items) if (i.id < end) rows.push({ entry: i, item: true });
  }
  return rows;
}

export function Timeline() {
  w.tick.value;
  const rows = rowsOf();
  return (
    <section class="timeline" aria-label="Timeline">
      <Toolbar />
      <div class="notices">
        {w.timeline.dropped > 0 && <p class="dropped">The oldest {w.timeline.dropped.toLocaleString('en')} frames were dropped to save memory.</p>}
        <Running />
      </div>
      {rows.length > 0 ? <Virtual rows={rows} /> : <Empty />}
      <Paused />
    </section>
  );
}

/** Streams that run, at hand wherever the list is. */
function Running() {
  w.tick.value;
  const running = [...w.timeline.pending.values()].filter((e) => e.stream);
  if (running.length === 0) return null;
  return (
    <ul class="running" aria-label="Running streams">
      {running.map((e) => (
        <li key={e.id}>
          <Dot connection={connectionOf(e.conn)} />
          <code>{e.action}</code>
          <span class="limits">{frameCount(e)}</span>
          <span class="space" />
          <button type="button" class="quiet small" onClick={() => cancel(e)} aria-label={`Cancel ${e.action}`}>
            <Icon name="stop" />
            Cancel
          </button>
        </li>
      ))}
    </ul>
  );
}

function Empty() {
  if (isFiltering(w.filter.value) && w.timeline.entries.length > 0) {
    return (
      <div class="empty">
        <p>No frame passes the filter.</p>
        <button type="button" class="quiet" onClick={() => (w.filter.value = noFilter)}>
          Show all frames
        </button>
      </div>
    );
  }
  return (
    <div class="empty">
      <svg class="art" viewBox="0 0 120 64" aria-hidden="true">
        <path d="M8 20h60M8 32h84M8 44h40" />
        <path class="lit" d="m84 14 8 6-8 6M58 38l-8 6 8 6" />
      </svg>
      <p>{s.connections.value.length ? 'Frames appear here as they come and go.' : 'Connect, and every frame appears here.'}</p>
    </div>
  );
}

function Paused() {
  w.tick.value;
  if (!w.pausedAt.value) return null;
  const n = w.timeline.next - w.pausedAt.value;
  return (
    <button type="button" class="pill" onClick={() => (w.pausedAt.value = 0)}>
      <Icon name="play" />
      Paused{n > 0 ? `, ${n.toLocaleString('en')} new` : ''}
    </button>
  );
}

function Toolbar() {
  w.tick.value;
  const f = w.filter.value;
  const put = (part: Partial<Filter>) => (w.filter.value = { ...f, ...part });
  const actions = [...w.timeline.actions].sort();
  const all = s.connections.value;
  return (
    <div class="toolbar">
      <div class="line">
        <h2>Timeline</h2>
        <span class="space" />
        <IconButton icon={w.pausedAt.value ? 'play' : 'pause'} label={w.pausedAt.value ? 'Go on' : 'Pause'} pressed={w.pausedAt.value > 0} onClick={() => (w.pausedAt.value = w.pausedAt.value ? 0 : w.timeline.next)} />
        <IconButton icon="indent" label="Indent JSON" pressed={w.indented.value} onClick={() => (w.indented.value = !w.indented.value)} />
        <Menu label="Export" icon="down">
          <button type="button" onClick={() => void exportAs('json')}>
            JSON
          </button>
          <button type="button" onClick={() => void exportAs('go')}>
            Go test with chanxtest
          </button>
        </Menu>
        <IconButton
          icon="trash"
          label="Clear the timeline"
          onClick={() => {
            clear(w.timeline);
            w.pausedAt.value = 0;
            w.tick.value++;
          }}
        />
      </div>
      <div class="line filters">
        <div class="search">
          <Icon name="search" />
          <input type="search" aria-label="Filter by text" placeholder="Filter" value={f.text} onInput={(e) => put({ text: e.currentTarget.value })} />
        </div>
        <select aria-label="Filter by action" value={f.action} onChange={(e) => put({ action: e.currentTarget.value })}>
          <option value="">All actions</option>
          {actions.map((a) => (
            <option key={a}>{a}</option>
          ))}
        </select>
        <Segments label="Direction" value={f.dir} options={[['', 'All'], ['in', 'In'], ['out', 'Out']] as const} onPick={(dir) => put({ dir })} />
        {all.length > 1 && (
          <span class="chips" role="group" aria-label="Connections shown">
            {all.map((c) => (
              <button key={c.id} type="button" aria-label={`Show connection ${c.name}`} aria-pressed={!f.hidden.has(c.id)} onClick={() => put({ hidden: toggle(f.hidden, c.id) })}>
                <Dot connection={c} />
              </button>
            ))}
          </span>
        )}
      </div>
    </div>
  );
}

async function exportAs(form: 'json' | 'go') {
  const { asGoTest, asJSON } = await import('./exporting.ts');
  const contract = s.contract.value!;
  const parties = s.connections.value.map((c) => ({ id: c.id, name: c.name, path: c.path, channel: c.channel.id, messages: c.channel.messages }));
  const entries = w.timeline.entries.filter((e) => keeps(w.filter.value, e));
  if (form === 'json') download('frames.json', asJSON(contract, parties, entries));
  else download('recorded_test.go', asGoTest(contract, parties, entries));
}

// The virtual list: rows have one height, and those that are opened what was measured.

const rowHeight = 32;
const guess = 220;
const overscan = 8;
function offsets(rows: Row[]): Float64Array {
  const at = new Float64Array(rows.length + 1);
  rows.forEach(({ entry }, i) => {
    at[i + 1] = at[i]! + (opened.value.has(entry.id) ? (heights.get(entry.id) ?? guess) : rowHeight);
  });
  return at;
}

/** The last row that begins at or before y. */
function rowAt(at: Float64Array, y: number): number {
  let low = 0;
  let high = at.length - 1;
  while (low < high - 1) {
    const middle = (low + high) >> 1;
    if (at[middle]! <= y) low = middle;
    else high = middle;
  }
  return low;
}

function Virtual({ rows }: { rows: Row[] }) {
  const box = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState({ top: 0, height: 600 });
  const [stuck, setStuck] = useState(true); // to the end
  const cursor = useRef(-1);
  measured.value;
  const at = offsets(rows);
  const total = at[rows.length]!;
  const top = stuck ? Math.max(0, total - seen.height) : seen.top;
  const first = Math.max(0, rowAt(at, top) - overscan);
  const last = Math.min(rows.length, rowAt(at, top + seen.height) + overscan + 1);

  useLayoutEffect(() => {
    const el = box.current!;
    if (stuck && el.scrollTop < el.scrollHeight - el.clientHeight - 1) el.scrollTop = el.scrollHeight;
    if (el.clientHeight !== seen.height) setSeen({ top: el.scrollTop, height: el.clientHeight });
  });
  useLayoutEffect(() => {
    const watch = new ResizeObserver(() => box.current && setSeen({ top: box.current.scrollTop, height: box.current.clientHeight }));
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, []);

  const before = useRef({ top: 0, height: 0 });
  const scrolled = () => {
    const el = box.current!;
    // Only the reader leaves the end: while frames arrive, the end moves away from the place of the list.
    const up = el.scrollTop < before.current.top - 1 && el.scrollHeight >= before.current.height;
    before.current = { top: el.scrollTop, height: el.scrollHeight };
    if (el.scrollTop + el.clientHeight >= el.scrollHeight - 4) setStuck(true);
    else if (up) setStuck(false);
    setSeen({ top: el.scrollTop, height: el.clientHeight });
  };
  const move = (to: number) => {
    const n = Math.max(0, Math.min(rows.length - 1, to));
    cursor.current = n;
    const el = box.current!;
    setStuck(n === rows.length - 1);
    if (at[n]! < el.scrollTop) el.scrollTop = at[n]!;
    else if (at[n]! + rowHeight > el.scrollTop + el.clientHeight) el.scrollTop = at[n]! + rowHeight - el.clientHeight;
    scrolled();
    requestAnimationFrame(() => el.querySelector<HTMLElement>(`[data-row="${n}"]`)?.focus());
  };
  const keys = (e: KeyboardEvent) => {
    if ((e.target as HTMLElement).dataset.row === undefined) return;
    const n = cursor.current; // the focus follows it, with the next picture
    const to = { ArrowDown: n + 1, ArrowUp: n - 1, Home: 0, End: rows.length - 1, PageDown: n + 10, PageUp: n - 10 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    move(to);
  };
  const focused = (e: FocusEvent) => {
    const row = (e.target as HTMLElement).dataset.row;
    if (row !== undefined) cursor.current = Number(row);
  };
  const focusable = cursor.current >= first && cursor.current < last ? cursor.current : last - 1;
  return (
    <div class="scroll">
      <div class="rows" ref={box} onScroll={scrolled} onKeyDown={keys} onFocusIn={focused}>
        <ol style={{ height: `${total}px` }} aria-label={`${rows.length} frames`}>
          {rows.slice(first, last).map((row, i) => {
            const n = first + i;
            return <RowView key={row.entry.id} row={row} n={n} y={at[n]!} focusable={n === Math.min(focusable, rows.length - 1)} />;
          })}
        </ol>
      </div>
      {!stuck && (
        <button type="button" class="pill" onClick={() => setStuck(true)}>
          <Icon name="down" />
          Latest
        </button>
      )}
    </div>
  );
}
