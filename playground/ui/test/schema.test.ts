import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readContract } from '../src/contract.ts';
import { field, initial, limits, required, typeWord, variantOf } from '../src/schema.ts';
import { validate } from '../src/validate.ts';
import { channel, contract, operation, order, root } from './helpers.ts';

test('a document becomes channels, what clients send before what comes unasked', () => {
  assert.equal(contract.discriminator, 'type');
  assert.deepEqual(channel.operations.map((o) => [o.message.action, o.kind]), [['place', 'request'], ['watch', 'stream'], ['changed', 'send']]);
  assert.deepEqual(operation('place').replies.map((r) => r.action), ['placed', 'error']);
  assert.deepEqual(channel.params.map((p) => [p.in, p.name, p.required, p.rest]), [['path', 'warehouse', true, false], ['path', 'shelf', true, true], ['query', 'since', false, false], ['query', 'tag', false, false]]);
  assert.deepEqual([...channel.messages.keys()].sort(), ['changed', 'complete', 'error', 'placed', 'tick']);
});

test('what is no document of AsyncAPI 3 is refused', () => {
  for (const bad of [undefined, null, 1, [], {}, { asyncapi: '2.6.0' }]) assert.throws(() => readContract(bad as never), /not an AsyncAPI 3/);
  assert.deepEqual(readContract({ asyncapi: '3.0.0' }).channels, []);
});

test('a schema becomes fields, one level at a time', () => {
  const f = field(root, order);
  const kinds = Object.fromEntries(f.members.map((m) => [m.name, field(root, m.schema).kind]));
  assert.deepEqual(kinds, { id: 'string', level: 'enum', count: 'number', due: 'string', note: 'string', lines: 'list', labels: 'map', shape: 'union', tree: 'object', anything: 'any', blob: 'string' });
  const named = (n: string) => field(root, f.members.find((m) => m.name === n)!.schema);
  assert.equal(named('level').schema.default, 'low');
  assert.equal(named('level').schema.description, 'How urgent');
  assert.ok(named('count').nullable && named('note').nullable && named('tree').nullable && !named('id').nullable);
  assert.deepEqual(named('shape').variants.map((v) => v.tag), ['box', 'tube']);
  assert.equal(variantOf(root, named('shape'), { kind: 'tube' })?.tag, 'tube');
  assert.equal(variantOf(root, named('shape'), { kind: 'ball' }), undefined);
});

test('recursion ends where nobody asks for more', () => {
  assert.deepEqual(initial(root, { $ref: '#/components/schemas/Node' }), { name: '' });
  assert.deepEqual(initial({ a: { $ref: '#/a' } }, { $ref: '#/a' }), undefined);
});

test('the least value has what is required only', () => {
  assert.deepEqual(initial(root, order), { id: '', shape: { kind: 'box' } });
  assert.deepEqual(required(root, order, { id: 'x', note: 'n', shape: { kind: 'tube', radius: 1, more: 2 } }), { id: 'x', shape: { kind: 'tube', radius: 1 } });
});

test('types and limits are told in words', () => {
  const words = Object.fromEntries(field(root, order).members.map((m) => [m.name, typeWord(root, m.schema)]));
  assert.deepEqual(words, { id: 'string', level: 'Level', count: 'integer or null', due: 'date-time', note: 'string or null', lines: 'Line[]', labels: 'map of string', shape: 'Shape', tree: 'Node or null', anything: 'any', blob: 'base64' });
  assert.deepEqual(limits({ minLength: 1, maxLength: 5 }), ['1 to 5 characters']);
  assert.deepEqual(limits({ minItems: 2, maxItems: 2, uniqueItems: true }), ['exactly 2 items', 'no duplicates']);
});

const good = { id: 'a', shape: { kind: 'box', width: 1 } };
const cases: readonly (readonly [change: { [name: string]: unknown }, want: string])[] = [
  [{}, ''],
  [{ id: '' }, 'string_too_short id'],
  [{ id: 'éééééé' }, 'string_too_long id'],
  [{ id: '👍👍👍👍👍' }, ''],
  [{ id: 1 }, 'string_type id'],
  [{ id: null }, 'string_type id'],
  [{ level: 'medium' }, 'literal_error level'],
  [{ count: null }, ''],
  [{ count: 3 }, 'multiple_of count'],
  [{ count: 0 }, 'greater_than_equal count'],
  [{ count: 1.5 }, 'int_type count'],
  [{ count: '2' }, 'int_type count'],
  [{ due: '2025-01-01' }, 'datetime_parsing due'],
  [{ due: '2025-01-01T10:00:00Z' }, ''],
  [{ note: null }, ''],
  [{ note: 'x'.repeat(11) }, 'string_too_long note'],
  [{ lines: [] }, 'too_short lines'],
  [{ lines: [{ sku: 'A' }, { sku: 'A' }] }, 'unique_items lines'],
  [{ lines: [{ sku: 'a' }] }, 'string_pattern_mismatch lines.0.sku'],
  [{ lines: [{}] }, 'missing lines.0.sku'],
  [{ labels: { a: 1 } }, 'string_type labels.a'],
  [{ labels: { A: 'x' } }, 'string_pattern_mismatch labels.A'],
  [{ labels: { a: '', b: '' } }, 'too_long labels'],
  [{ shape: { kind: 'box', width: 0 } }, 'greater_than shape.width'],
  [{ shape: { kind: 'ball' } }, 'union_tag_invalid shape'],
  [{ shape: {} }, 'union_tag_not_found shape'],
  [{ shape: 1 }, 'model_attributes_type shape'],
  [{ shape: { kind: 'tube' } }, 'missing shape.radius'],
  [{ tree: { name: 'a', children: [{ name: 1 }] } }, 'string_type tree.children.0.name'],
  [{ anything: [{}] }, ''],
  [{ blob: 'dGV4dA==' }, ''],
  [{ blob: '!' }, 'bytes_invalid_encoding blob'],
  [{ extra: 1 }, 'extra_forbidden extra'],
  [{ constructor: 1 }, 'extra_forbidden constructor'],
];

test('values are checked as the server does', () => {
  for (const [change, want] of cases) {
    const got = validate(root, order, { ...good, ...change } as never).map((p) => `${p.type} ${p.loc.join('.')}`);
    assert.deepEqual(got, want ? [want] : [], JSON.stringify(change));
  }
  assert.deepEqual(validate(root, order, []).map((p) => p.type), ['model_type']);
  assert.deepEqual(validate(root, order, { shape: good.shape }), [{ type: 'missing', loc: ['id'], msg: 'Field required' }]);
});

test('a pattern that only RE2 knows is left to the server', () => {
  assert.deepEqual(validate(root, { type: 'string', pattern: '\\pN{' }, 'x'), []);
  assert.deepEqual(validate(root, { type: 'string', pattern: '(?i)^a$' }, 'A'), []);
});

test('a value that is deeper than any stack is not followed to its end', () => {
  let deep: unknown = { name: 'x' };
  for (let i = 0; i < 500; i++) deep = { name: 'x', children: [deep] };
  assert.deepEqual(validate(root, { $ref: '#/components/schemas/Node' }, deep as never), []);
});
