import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compact, tokens } from '../src/json.ts';
import { locate, placeAt, pretty, tree, withMember, withValue } from '../src/jsontext.ts';

const texts = ['{"a":1}', '{"a":{"b":[1,{"c":null}]},"d":"x"}', '[]', '"{"', ' { } ', '12345678901234567890', '{"\\"":"\\\\"}'];

test('pretty and compact keep every value, big numbers too', () => {
  for (const t of texts) {
    assert.deepEqual(JSON.parse(pretty(t)), JSON.parse(t));
    assert.deepEqual(JSON.parse(compact(pretty(t))), JSON.parse(t));
    assert.equal(compact(pretty(t)), t.trim().replace('{ }', '{}'));
  }
  assert.equal(pretty('{"n":9007199254740993,"e":[]}'), '{\n  "n": 9007199254740993,\n  "e": []\n}');
  assert.equal(pretty('{"a'), '{"a');
});

test('a member is added without a change of the rest', () => {
  assert.equal(withMember('{"n":9007199254740993}', 'ref', '7'), '{"n":9007199254740993,"ref":"7"}');
  assert.equal(withMember('{ }', 'ref', '7'), '{"ref":"7"}');
});

test('tokens are all of the text', () => {
  for (const t of [...texts, '<script>alert(1)</script>', '{"a": "b', '\u0000\ud800'] ) assert.equal(tokens(t).map(([, s]) => s).join(''), t);
});

test('a value is found by its loc, and a missing one by what should have it', () => {
  const text = '{"payload":{"lines":[{"sku":"a"},{}]},"x":1}';
  const part = (...loc: (string | number)[]) => {
    const { from, to } = locate(tree(text), loc);
    return text.slice(from, to);
  };
  assert.equal(part('payload', 'lines', 0, 'sku'), '"a"');
  assert.equal(part('payload', 'lines', 1, 'sku'), '{');
  assert.equal(part('x'), '1');
  assert.equal(part('x', 'y'), '1');
  assert.equal(part(), '{');
});

/** Finds the bar in a text and says what is written there. */
function at(marked: string) {
  const pos = marked.indexOf('|');
  const p = placeAt(tree(marked.replace('|', '')), pos);
  return [p.key ? 'key' : 'value', ...p.path].join(' ');
}

test('it is known what is written at a place, in unfinished text too', () => {
  for (const [text, want] of [
    ['{|', 'key'],
    ['{"a|', 'key'],
    ['{"a|":1}', 'key'],
    ['{"a":|', 'value a'],
    ['{"a": "x|"}', 'value a'],
    ['{"a":{"b":[{|', 'key a b 0'],
    ['{"a":{"b":[1, |]}}', 'value a b 1'],
    ['{"a":1,|}', 'key'],
    ['{"a":{},"b":{"c|"}}', 'key b'],
  ] as const) {
    assert.equal(at(text), want, text);
  }
});

test('nesting without end, and text that is no JSON, end somewhere', () => {
  for (const t of ['['.repeat(10_000), '{"a":'.repeat(10_000), '}}}', ',:,:', '"', '{"a" 1 2 3', '{{{{']) {
    tree(t);
    placeAt(tree(t), t.length);
  }
});

test('a part is replaced where it is, and removed by undefined', () => {
  const v = { a: { b: [1, 2, 3] }, c: 1 };
  assert.deepEqual(withValue(v, ['a', 'b', 1], 9), { a: { b: [1, 9, 3] }, c: 1 });
  assert.deepEqual(withValue(v, ['a', 'b', 1], undefined), { a: { b: [1, 3] }, c: 1 });
  assert.deepEqual(withValue(v, ['a'], undefined), { c: 1 });
  assert.deepEqual(Object.keys(withValue(v, ['a'], 0) as object), ['a', 'c']);
  assert.deepEqual(withValue(undefined, ['x', 0], 1), { x: [1] });
  assert.deepEqual(v, { a: { b: [1, 2, 3] }, c: 1 });
  const poisoned = withValue({}, ['__proto__'], { bad: 1 }) as { bad?: number };
  assert.equal(poisoned.bad, undefined);
  assert.equal(({} as { bad?: number }).bad, undefined);
});
