// A contract with every kind of schema, for the tests of the page's pure parts.

import { readContract, type Channel, type Contract, type Operation } from '../src/contract.ts';
import type { Json } from '../src/json.ts';

const frame = (action: string, payload: Json | undefined, more: { [name: string]: Json } = {}) => ({
  type: 'object',
  properties: { type: { const: action }, ...(payload !== undefined && { payload }), ...more, ref: { type: 'string', minLength: 1, maxLength: 64 } },
  required: ['type', ...(payload === undefined ? [] : ['payload'])],
});

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const message = (action: string, payload: Json | undefined, more: { [name: string]: Json } = {}, x: { [name: string]: Json } = {}, example?: Json) => ({
  name: action,
  title: action,
  payload: frame(action, payload, more),
  ...(example !== undefined && { examples: [{ payload: example }] }),
  'x-chanx': x,
});

const flags = { isMine: { type: 'boolean' }, isCurrent: { type: 'boolean' } };
const call = (kind: string, action: string, replies: string[] = []) => ({
  action: kind === 'send' ? 'send' : 'receive',
  channel: { $ref: '#/channels/orders' },
  messages: [{ $ref: `#/channels/orders/messages/${action}` }],
  ...(replies.length && { reply: { messages: replies.map((r) => ({ $ref: `#/channels/orders/messages/${r}` })) } }),
  'x-chanx': { kind, fails: kind === 'request' ? [{ reason: 'closed', doc: 'the warehouse is closed' }] : [] },
});

export const root: Json = {
  asyncapi: '3.0.0',
  info: { title: 'Warehouse', version: '1.0.0' },
  'x-chanx': { wire: 1, discriminator: 'type', camelize: true, subprotocols: ['v1'] },
  channels: {
    orders: {
      address: '/orders/{warehouse}/{shelf}',
      title: 'Orders',
      parameters: {
        shelf: { 'x-chanx': { schema: { type: 'string' }, rest: true } },
        warehouse: { description: 'Where', 'x-chanx': { schema: { type: 'string', pattern: '^[a-z]+$' } } },
      },
      bindings: {
        ws: {
          query: {
            type: 'object',
            properties: { since: { type: 'integer', minimum: 0, default: 0 }, tag: { type: 'array', items: { type: 'string' }, maxItems: 2 } },
          },
        },
      },
      messages: {
        place: message('place', ref('Order'), { traceId: { type: 'string', default: 'none' } }, { type: 'Order', beside: ['traceId'] }, {
          type: 'place',
          payload: { id: 'x', level: 'low', shape: { kind: 'box', width: 1 }, note: 'text' },
          traceId: 'none',
          ref: '1',
        }),
        placed: message('placed', ref('Placed')),
        watch: message('watch', undefined),
        tick: message('tick', { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] }),
        changed: message('changed', ref('Node'), flags, { group: true }),
        error: message('error', {}, {}, { library: true }),
        complete: message('complete', undefined, {}, { library: true }),
      },
      'x-chanx': {
        name: 'orders',
        welcome: true,
        tokens: [{ in: 'query', name: 'token' }, { in: 'subprotocol', prefix: 'bearer.' }],
        closes: [{ code: 4010, meaning: 'The till is closed.', then: 'retry' }, { code: 4500, to: 4599, meaning: 'It failed.', then: 'retry' }],
      },
    },
  },
  operations: {
    changed: call('send', 'changed'),
    place: call('request', 'place', ['placed', 'error']),
    watch: call('stream', 'watch', ['tick', 'complete', 'error']),
  },
  components: {
    schemas: {
      Order: {
        type: 'object',
        properties: {
          id: { type: 'string', minLength: 1, maxLength: 5 },
          level: { allOf: [ref('Level')], default: 'low', description: 'How urgent' },
          count: { type: ['integer', 'null'], minimum: 1, multipleOf: 2 },
          due: { type: 'string', format: 'date-time' },
          note: { anyOf: [{ type: 'string', maxLength: 10 }, { type: 'null' }] },
          lines: { type: 'array', items: ref('Line'), minItems: 1, maxItems: 2, uniqueItems: true },
          labels: { type: 'object', additionalProperties: { type: 'string' }, propertyNames: { pattern: '^[a-z]+$' }, maxProperties: 1 },
          shape: ref('Shape'),
          tree: { anyOf: [ref('Node'), { type: 'null' }] },
          anything: {},
          blob: { type: 'string', contentEncoding: 'base64' },
        },
        required: ['id', 'shape'],
        additionalProperties: false,
      },
      Level: { type: 'string', enum: ['low', 'high'] },
      Line: { type: 'object', properties: { sku: { type: 'string', pattern: '^[A-Z]+$' } }, required: ['sku'] },
      Shape: {
        type: 'object',
        discriminator: 'kind',
        properties: { kind: { type: 'string', enum: ['box', 'tube'] } },
        required: ['kind'],
        oneOf: [ref('Box'), ref('Tube')],
      },
      Box: { type: 'object', properties: { kind: { const: 'box' }, width: { type: 'number', exclusiveMinimum: 0 } }, required: ['kind', 'width'] },
      Tube: { type: 'object', properties: { kind: { const: 'tube' }, radius: { type: 'integer' } }, required: ['kind', 'radius'] },
      Node: { type: 'object', properties: { name: { type: 'string' }, children: { type: 'array', items: ref('Node') } }, required: ['name'] },
      Placed: { type: 'object', properties: { number: { type: 'integer' }, at: { type: 'string', format: 'date-time' } }, required: ['number'] },
    },
  },
};

export const contract: Contract = readContract(root);
export const channel: Channel = contract.channels[0]!;
export const operation = (action: string): Operation => channel.operations.find((o) => o.message.action === action)!;
export const order = operation('place').message.payload!;
