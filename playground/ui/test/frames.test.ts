import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clear, duration, itemsOf, keeps, lost, maxEntries, newTimeline, noFilter, note, preview, read, received, sent, type Timeline } from '../src/frames.ts';
import { channel, contract, operation } from './helpers.ts';

const comes = (t: Timeline, text: string, at = 0, conn = 1) => received(t, conn, at, text, read(contract, channel, 'in', text));
const goes = (t: Timeline, action: string, text: string, at = 0, conn = 1) => sent(t, conn, at, text, read(contract, channel, 'out', text), operation(action));

test('frames are compared with the document', () => {
  const of = (dir: 'in' | 'out', text: string) => read(contract, channel, dir, text).problems.map((p) => `${p.type} ${p.loc.join('.')}`);
  assert.deepEqual(of('in', '{"type":"tick","payload":{"n":1},"ref":"1"}'), []);
  assert.deepEqual(of('in', '{"type":"tick","payload":{"n":"1"}}'), ['int_type payload.n']);
  assert.deepEqual(of('in', '{"type":"tick"}'), ['missing payload']);
  assert.deepEqual(of('in', '{"type":"place","payload":{}}'), ['union_tag_invalid ']);
  assert.deepEqual(of('in', '{"type":"unknown"}'), ['union_tag_invalid ']);
  assert.deepEqual(of('in', '{"type":"chanx.joined","payload":{}}'), []);
  assert.deepEqual(of('in', '{}'), ['union_tag_not_found ']);
  assert.deepEqual(of('in', '[1]'), ['model_type ']);
  assert.deepEqual(of('in', '<script>'), ['json_invalid ']);
  assert.deepEqual(of('out', '{"type":"watch"}'), []);
  assert.deepEqual(of('out', '{"type":"chanx.cancel","ref":"1"}'), []);
  assert.deepEqual(of('out', '{"type":"tick","payload":{"n":1}}'), ['union_tag_invalid ']);
});

test('latency is the time from a request to the frame with its ref, on its connection', () => {
  const t = newTimeline();
  const request = goes(t, 'place', '{"type":"place","payload":{},"ref":"7"}', 100);
  assert.equal(request.progress, 'waiting');
  assert.equal(comes(t, '{"type":"placed","payload":{"number":1},"ref":"7"}', 150, 2).request, undefined);
  const { entry } = comes(t, '{"type":"placed","payload":{"number":1},"ref":"7"}', 160);
  assert.equal(entry.latency, 60);
  assert.equal(request.latency, 60);
  assert.equal(request.progress, 'complete');
  assert.equal(comes(t, '{"type":"placed","payload":{"number":1},"ref":"7"}', 170).request, undefined);
});

test('a stream is folded under its request until its end', () => {
  const t = newTimeline();
  const request = goes(t, 'watch', '{"type":"watch","ref":"1"}', 0);
  comes(t, '{"type":"tick","payload":{"n":1},"ref":"1"}', 5);
  comes(t, '{"type":"changed","payload":{"name":"x"},"isMine":false,"isCurrent":false}', 6);
  comes(t, '{"type":"tick","payload":{"n":2},"ref":"1"}', 7);
  assert.equal(request.progress, 'streaming');
  comes(t, '{"type":"complete","ref":"1"}', 9);
  assert.equal(request.progress, 'complete');
  assert.equal(request.latency, 9);
  assert.deepEqual(request.items!.map((e) => e.action), ['tick', 'tick', 'complete']);
  assert.deepEqual(t.entries.map((e) => e.action), ['watch', 'changed']);
});

test('requests of a lost connection are lost, those of others are not', () => {
  const t = newTimeline();
  const [a, b] = [goes(t, 'place', '{"type":"place","ref":"1"}'), goes(t, 'place', '{"type":"place","ref":"1"}', 0, 2)];
  lost(t, 1);
  assert.deepEqual([a.progress, b.progress], ['lost', 'waiting']);
});

test('an error fails its request and gives its items', () => {
  const t = newTimeline();
  const request = goes(t, 'place', '{"type":"place","ref":"1"}');
  const text = '{"type":"error","payload":[{"type":"missing","loc":["payload","lines",0,"sku"],"msg":"Field required"}],"ref":"1"}';
  const { entry } = comes(t, text);
  assert.equal(request.progress, 'failed');
  assert.equal(entry.tone, 'bad');
  assert.deepEqual(itemsOf(JSON.parse(text)), [{ type: 'missing', loc: ['payload', 'lines', 0, 'sku'], msg: 'Field required' }]);
  assert.equal(preview(contract, entry), 'Field required at payload.lines.0.sku');
  const refusal = { payload: { data: { errors: [{ type: 'missing', loc: ['query', 'since'], msg: 'Field required' }, 'x', { loc: [null, 1] }] } } };
  assert.deepEqual(itemsOf(refusal).map((i) => i.loc), [['query', 'since'], [1]]);
});

test('a line shows the payload with the digits that came', () => {
  const t = newTimeline();
  const { entry } = comes(t, '{"type":"placed", "payload": {"number": 9007199254740993},"traceId":"x","ref":"1"}');
  assert.equal(preview(contract, entry), '{"number":9007199254740993} traceId: "x"');
  assert.equal(preview(contract, comes(t, 'x'.repeat(100_000)).entry).length, 240);
});

test('the timeline keeps the newest frames and says how many it dropped', () => {
  const t = newTimeline();
  for (let i = 0; i < maxEntries + 100; i++) comes(t, '{"type":"tick","payload":{"n":1}}');
  assert.ok(t.entries.length <= maxEntries && t.entries.length > maxEntries * 0.9);
  assert.equal(t.entries.length + t.dropped, maxEntries + 100);
  const big = newTimeline();
  const megabyte = `{"type":"tick","payload":{"n":1,"x":"${'x'.repeat(1 << 20)}"}}`;
  for (let i = 0; i < 80; i++) comes(big, megabyte);
  assert.ok(big.entries.length < 64 && big.entries.length >= 1);
  clear(t);
  assert.deepEqual([t.entries.length, t.dropped, t.chars], [0, 0, 0]);
});

test('a filter chooses by connection, direction, action and text, and keeps requests for their items', () => {
  const t = newTimeline();
  const request = goes(t, 'watch', '{"type":"watch","ref":"1"}');
  comes(t, '{"type":"tick","payload":{"n":4711},"ref":"1"}');
  note(t, 2, 0, 'Open', 'good');
  const other = comes(t, '{"type":"changed","payload":{"name":"Box"}}', 0, 2).entry;
  const kept = (f: object) => t.entries.filter((e) => keeps({ ...noFilter, ...f }, e)).map((e) => e.action);
  assert.deepEqual(kept({}), ['watch', '', 'changed']);
  assert.deepEqual(kept({ hidden: new Set([2]) }), ['watch']);
  assert.deepEqual(kept({ dir: 'in' }), ['watch', 'changed']);
  assert.deepEqual(kept({ dir: 'out' }), ['watch']);
  assert.deepEqual(kept({ action: 'tick' }), ['watch']);
  assert.deepEqual(kept({ text: '4711' }), ['watch']);
  assert.deepEqual(kept({ text: 'bOX' }), ['changed']);
  assert.ok(request.items && !other.items);
});

test('times are told in a unit that fits', () => {
  assert.deepEqual([0.2, 12.4, 1500, 120_000].map(duration), ['<1 ms', '12 ms', '1.5 s', '2 min']);
});
