import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkParams, closeAdvice, closeWords, dialing, pathOf } from '../src/address.ts';
import { complete } from '../src/complete.ts';
import { edit, editText, emptyDraft, exampleDraft, newDraft, outgoing, problemsAt, problemsOf, recall } from '../src/compose.ts';
import { languages, snippet } from '../src/snippets.ts';
import { channel, contract, operation, root } from './helpers.ts';

const place = operation('place');

test('a draft begins with what the example has of what is required', () => {
  assert.deepEqual(newDraft(contract, place).value, { type: 'place', payload: { id: 'x', shape: { kind: 'box', width: 1 } } });
  assert.deepEqual(exampleDraft(contract, place).value, { type: 'place', payload: { id: 'x', level: 'low', shape: { kind: 'box', width: 1 }, note: 'text' }, traceId: 'none' });
  assert.deepEqual(emptyDraft(contract, place).value, { type: 'place', payload: { id: '', shape: { kind: 'box' } } });
  assert.deepEqual(newDraft(contract, operation('watch')).value, { type: 'watch' });
});

test('the form and the text are one value', () => {
  const d = edit(newDraft(contract, place), ['payload', 'shape', 'width'], 0);
  assert.deepEqual(problemsOf(contract, place, d).map((p) => p.loc), [['payload', 'shape', 'width']]);
  const t = editText(d, '{"type":"place","payload":');
  assert.equal(t.value, undefined);
  assert.deepEqual(problemsOf(contract, place, t).map((p) => p.type), ['json_invalid']);
});

test('what the server said goes when its field is changed', () => {
  const told = [{ type: 'x', loc: ['payload', 'id'], msg: '' }, { type: 'y', loc: ['payload', 'shape', 'width'], msg: '' }];
  const d = { ...newDraft(contract, place), told };
  assert.deepEqual(edit(d, ['payload', 'id'], 'b').told.map((p) => p.type), ['y']);
  assert.deepEqual(edit(d, ['payload', 'shape'], { kind: 'tube' }).told.map((p) => p.type), ['x']);
  assert.deepEqual(problemsAt(told, ['payload', 'shape', 'width']).map((p) => p.type), ['y']);
  assert.deepEqual(problemsAt(told, ['payload']), []);
});

test('a ref is added to what is sent, unless there is one', () => {
  const text = (t: string) => outgoing(editText(newDraft(contract, place), t), '5');
  assert.deepEqual(text('{\n "type": "place",\n "n": 9007199254740993 }'), { text: '{"type":"place","n":9007199254740993,"ref":"5"}', ref: '5' });
  assert.deepEqual(text('{"ref":"mine"}'), { text: '{"ref":"mine"}', ref: 'mine' });
  assert.deepEqual(text('{"ref":1}'), { text: '{"ref":1}', ref: '' });
  assert.deepEqual(text('no JSON'), { text: 'no JSON', ref: '' });
  assert.deepEqual(recall('{"type":"place","ref":"1"}').value, { type: 'place' });
});

test('parameters are typed, encoded and checked', () => {
  const values = { 'path.warehouse': 'berlin', 'path.shelf': 'a/b c?', 'query.since': '3', 'query.tag': 'x, y&z' };
  assert.equal(pathOf(contract, channel, values), '/orders/berlin/a/b%20c%3F?since=3&tag=x&tag=y%26z');
  assert.deepEqual(checkParams(contract, channel, values), []);
  const wrong = checkParams(contract, channel, { 'path.warehouse': 'Berlin', 'query.since': '-1', 'query.tag': 'a,b,c' });
  assert.deepEqual(wrong.map((p) => [p.type, ...p.loc].join(' ')), ['string_pattern_mismatch path warehouse', 'missing path shelf', 'greater_than_equal query since', 'too_long query tag']);
  assert.deepEqual(checkParams(contract, channel, { ...values, 'query.since': 'soon' }).map((p) => p.type), ['int_type']);
  assert.deepEqual(checkParams(contract, channel, { ...values, 'path.shelf': '..' }).map((p) => p.type), ['value_error']);
});

test('a token goes where the document says', () => {
  const at = (c: object) => dialing(contract, '/x?a=1', 'https://h:1', { in: 'query', name: 'token', prefix: '', token: 't&', ...c });
  assert.deepEqual(at({}), { url: 'wss://h:1/x?a=1&token=t%26', protocols: ['v1'] });
  assert.deepEqual(at({ in: 'subprotocol', prefix: 'bearer.', token: 't' }), { url: 'wss://h:1/x?a=1', protocols: ['v1', 'bearer.t'] });
  assert.deepEqual(at({ in: 'cookie' }), { url: 'wss://h:1/x?a=1', protocols: ['v1'] });
  assert.deepEqual(at({ token: '' }), { url: 'wss://h:1/x?a=1', protocols: ['v1'] });
  const bare = dialing({ ...contract, subprotocols: [] }, '/x', 'http://h', { in: 'subprotocol', name: '', prefix: 'bearer.', token: 't' });
  assert.deepEqual(bare, { url: 'ws://h/x', protocols: ['bearer.', 'bearer.t'] });
});

test('close codes are told in words, the document first', () => {
  assert.equal(closeWords(channel, 4010), 'The till is closed');
  assert.equal(closeWords(channel, 4555), 'It failed');
  assert.equal(closeWords(channel, 1006), 'The connection was lost');
  assert.equal(closeWords(channel, 4444), 'Refused with status 444');
  assert.equal(closeWords(channel, 4000), 'Closed by the application');
  assert.deepEqual([4010, 1006, 4401, 4403, 1000].map((c) => closeAdvice(channel, c)), ['retry', 'retry', 'fresh', 'stop', 'stop']);
});

/** The labels that are offered at the bar. */
function offered(marked: string): string[] {
  const at = marked.indexOf('|');
  return complete(root, place.message.frame, marked.replace('|', ''), at)?.options.map((o) => o.label) ?? [];
}

test('the editor offers names that are not there yet, and values', () => {
  assert.deepEqual(offered('{|}'), ['type', 'payload', 'traceId', 'ref']);
  assert.deepEqual(offered('{"type":|}'), ['"place"']);
  assert.deepEqual(offered('{"payload":{"id":"a",|}}').slice(0, 3), ['level', 'count', 'due']);
  assert.deepEqual(offered('{"payload":{"level":|}}'), ['"low"', '"high"']);
  assert.deepEqual(offered('{"payload":{"shape":{"kind":"tube",|}}}'), ['radius']);
  assert.deepEqual(offered('{"payload":{"shape":{"kind":|}}}'), ['"box"', '"tube"']);
  assert.deepEqual(offered('{"payload":{"lines":[{|}]}}'), ['sku']);
  assert.deepEqual(offered('{"payload":{"tree":{"name":"a","children":[{"name":"b",|}]}}}'), ['children']);
  assert.deepEqual(offered('{"payload":{"nothing":{|}}}'), []);
  assert.equal(complete(root, place.message.frame, '{"payload":{"sh', 15)?.options.find((o) => o.label === 'shape')?.apply, '"shape": {"kind":"box"}');
});

test('snippets carry any text unharmed', () => {
  const text = '{"type":"place","payload":{"id":"`\'\'\'\\\\ ${x}</script>"}}';
  for (const l of languages) {
    const code = snippet(l, { contract, operation: place, text, url: 'ws://h/x' });
    assert.ok(code.includes('place'), l);
    if (l !== 'JSON') assert.ok(!code.includes('token'), l);
  }
  assert.equal(JSON.parse(snippet('JSON', { contract, operation: place, text, url: '' })).ref, '1');
});
