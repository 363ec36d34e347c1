import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { readContract } from '../src/contract.ts';
import { asGoTest, asJSON, goString, type Party } from '../src/exporting.ts';
import { newTimeline, note, read, received, sent } from '../src/frames.ts';
import { channel, contract } from './helpers.ts';

// The conversation is one with the chat of internal/chat: the Go test that it becomes is compiled, and run against it.
const chat = readContract(JSON.parse(readFileSync(process.env.CHAT_DOCUMENT!, 'utf8')));
const room = chat.channels[0]!;

function conversation() {
  const t = newTimeline();
  const out = (conn: number, text: string) => sent(t, conn, 0, text, read(chat, room, 'out', text), room.operations.find((o) => text.includes(`"action":"${o.message.action}"`)));
  const back = (conn: number, text: string) => received(t, conn, 5, text, read(chat, room, 'in', text));
  note(t, 1, 0, 'Open', 'good');
  note(t, 2, 0, 'Open', 'good');
  out(1, '{"action":"question","payload":{"text":"who?"},"ref":"1"}');
  back(1, '{"action":"answer","payload":{"Text":"WHO?"},"ref":"1"}');
  out(2, '{"action":"question","payload":{"text":"`quoted`"},"ref":"1"}');
  back(2, '{"action":"answer","payload":{"Text":"`QUOTED`"},"ref":"1"}');
  out(2, '{"action":"chat","payload":{"content":"hi\\n<b>","timestamp":"2026-11-30T20:00:00Z"},"ref":"2"}');
  back(2, '{"action":"chat_group","payload":{"content":"hi\\n<b>","sender_name":"Anonymous","timestamp":"2026-11-30T20:00:01Z"},"is_mine":false,"is_current":true}');
  back(1, '{"action":"chat_group","payload":{"content":"hi\\n<b>","sender_name":"Anonymous","timestamp":"2026-11-30T20:00:01Z"},"is_mine":false,"is_current":false}');
  back(2, '{"action":"complete","ref":"2"}');
  out(1, '{"action":"ask","payload":{"Prompt":"a b"},"ref":"3"}');
  back(1, '{"action":"token","payload":{"Text":"a"},"ref":"3"}');
  back(1, '{"action":"token","payload":{"Text":"b"},"ref":"3"}');
  back(1, '{"action":"complete","ref":"3"}');
  out(1, '{"action":"chat","payload":{"content":""},"ref":"4"}');
  back(1, '{"action":"error","payload":[{"type":"string_too_short","loc":["payload","content"],"msg":"String should have at least 1 character"}],"ref":"4"}');
  return t.entries;
}

const parties: Party[] = [1, 2].map((id) => ({ id, name: String.fromCharCode(64 + id), path: '/ws/rooms/lobby', channel: room.id, messages: room.messages }));

test('a conversation becomes a Go test, which is that of the golden file', () => {
  const golden = process.env.GOLDEN!;
  const got = asGoTest(chat, parties, conversation());
  if (process.env.UPDATE) writeFileSync(golden, got);
  assert.equal(got, readFileSync(golden, 'utf8'));
});

test('a conversation without frames is a Go test too', () => {
  assert.match(asGoTest(chat, parties, []), /_ = srv/);
});

test('a JSON export has all frames in their order, and no token', () => {
  const doc = JSON.parse(asJSON(chat, parties, conversation()));
  assert.deepEqual(doc.connections[0], { name: 'A', path: '/ws/rooms/lobby', channel: room.id });
  assert.equal(doc.frames.length, 16);
  assert.equal(doc.frames[2].text, '{"action":"question","payload":{"text":"who?"},"ref":"1"}');
  assert.equal(doc.frames[3].latencyMs, 5);
});

test('every string is a Go literal', () => {
  assert.equal(goString('{"a":1}'), '`{"a":1}`');
  assert.equal(goString('a`b'), '"a`b"');
  assert.equal(goString('`\u00e9👍\ud800'), '"`\\u00e9\\U0001f44d\\ufffd"');
  assert.equal(goString('\r\n'), '"\\r\\n"');
  assert.equal(goString('\u0000'), '"\\u0000"');
});

test('values that differ at each run are masked by their formats', () => {
  const t = newTimeline();
  const text = '{"type":"placed","payload":{"number":1,"at":"2025-01-01T10:00:00Z"}}';
  received(t, 1, 0, text, read(contract, channel, 'in', text));
  const got = asGoTest(contract, [{ ...parties[0]!, messages: channel.messages }], t.entries);
  assert.match(got, /"at":"<any>"/);
});
