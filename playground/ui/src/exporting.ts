// Exports of what the timeline shows: as JSON, and as a Go test with chanxtest. Tokens are not known here.

import type { Contract } from './contract.ts';
import type { Entry } from './frames.ts';
import { compact, isObject, parse, type Json } from './json.ts';
import { resolve, schemasAt, type Schema } from './schema.ts';

export interface Party {
  id: number;
  name: string; // a letter
  path: string; // without a token
  channel: string;
  messages: Map<string, { frame: Schema }>;
}

/** All frames in the order of their arrival: the items of streams where they came. */
export const flat = (entries: readonly Entry[]): Entry[] =>
  entries.flatMap((e) => [e, ...(e.items ?? [])]).sort((a, b) => a.id - b.id);

export function asJSON(contract: Contract, parties: readonly Party[], entries: readonly Entry[]): string {
  const names = new Map(parties.map((p) => [p.id, p.name]));
  const doc = {
    title: contract.title,
    version: contract.version,
    connections: parties.map((p) => ({ name: p.name, path: p.path, channel: p.channel })),
    frames: flat(entries).map((e) => ({
      at: new Date(e.at).toISOString(),
      connection: names.get(e.conn) ?? String(e.conn),
      direction: e.dir,
      ...(e.dir === 'note' ? { note: e.text } : { text: e.text }),
      ...(e.latency !== undefined && { latencyMs: Math.round(e.latency) }),
      ...(e.problems.length > 0 && { problems: e.problems }),
    })),
  };
  return JSON.stringify(doc, null, 2) + '\n';
}

const any = '<any>';

/** Replaces what differs at each run: times and ids, by their formats. */
function masked(contract: Contract, frame: Schema, value: Json, whole: Json, loc: (string | number)[] = []): Json {
  const fields = loc.length ? schemasAt(contract.root, frame, whole, loc) : [];
  const format = fields[0]?.schema.format ?? '';
  if (loc.at(-1) === 'pos' || (typeof value === 'string' && ['date-time', 'date', 'time', 'uuid'].includes(format))) return any;
  if (Array.isArray(value)) return value.map((v, i) => masked(contract, frame, v, whole, [...loc, i]));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, masked(contract, frame, v, whole, [...loc, k])]));
}

/** Go's form of a string: raw where that is possible, else interpreted, in ASCII. */
export function goString(s: string): string {
  if (!/[`\r\ufeff\ufffd]/.test(s) && !/[\x00-\x08\x0b-\x1f\x7f]/.test(s) && s.isWellFormed()) return '`' + s + '`';
  const escaped = JSON.stringify(s).replace(/[\x7f-\uffff]/g, (c) => {
    const code = c.charCodeAt(0);
    return code >= 0xd800 && code <= 0xdfff ? c : '\\u' + code.toString(16).padStart(4, '0');
  });
  return escaped.replace(/[\ud800-\udbff][\udc00-\udfff]/g, (c) => '\\U' + c.codePointAt(0)!.toString(16).padStart(8, '0')).replace(/\\ud[89a-f][0-9a-f]{2}/gi, '\\ufffd');
}

const head = `package recorded_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/chanx-go/chanx/chanxtest"
)

// TestRecorded replays a conversation that was recorded on the page. Write newServer(t), which returns your server.
// "${any}" stands for a value that differs at each run: put it where your server makes ids or times.
func TestRecorded(t *testing.T) {
	srv := newServer(t)
`;

const tail = `}

// expect fails unless the next frame is the wanted one.
func expect(t *testing.T, c *chanxtest.Conn, want string) {
	t.Helper()
	got := c.Next()
	var a, b any
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatalf("%v in %s", err, want)
	}
	if !matches(a, b) {
		t.Errorf("got  %s\\nwant %s", got, want)
	}
}

func matches(got, want any) bool {
	switch want := want.(type) {
	case string:
		return want == "${any}" || got == want
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok || len(object) != len(want) {
			return false
		}
		for name, v := range want {
			if got, ok := object[name]; !ok || !matches(got, v) {
				return false
			}
		}
		return true
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return false
		}
		for i, v := range want {
			if !matches(list[i], v) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(got, want)
}
`;

/** A Go test that replays the conversation. Connections are opened where they were opened. */
export function asGoTest(contract: Contract, parties: readonly Party[], entries: readonly Entry[]): string {
  const lines: string[] = [];
  const opened = new Set<number>();
  const variable = (p: Party) => 'conn' + p.name;
  for (const e of flat(entries)) {
    const p = parties.find((p) => p.id === e.conn);
    if (!p || (e.dir === 'note' && !e.text.startsWith('Open'))) continue;
    if (!opened.has(p.id)) {
      opened.add(p.id);
      lines.push(`\n\t${variable(p)} := chanxtest.Dial(t, srv, ${goString(p.path)}, nil)`);
    }
    if (e.dir === 'note') continue;
    if (e.dir === 'out') lines.push(`\n\t${variable(p)}.SendText(${goString(e.text)})`);
    else lines.push(`\texpect(t, ${variable(p)}, ${goString(wanted(contract, p, e))})`);
  }
  const body = lines.length ? lines.join('\n').replace(/^\n/, '') + '\n' : '\t_ = srv\n';
  return head + body + tail;
}

function wanted(contract: Contract, p: Party, e: Entry): string {
  const frame = parse(e.text);
  const message = p.messages.get(e.action);
  if (frame === undefined || !message) return e.text;
  const hidden = masked(contract, resolve(contract.root, message.frame), frame, frame);
  return JSON.stringify(hidden) === JSON.stringify(frame) ? compact(e.text) : JSON.stringify(hidden);
}
