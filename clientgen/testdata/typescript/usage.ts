// How an application uses generated clients. The compiler must accept all of it.
import { connectBoard } from './board.gen.js';
import { connectKitchen, type Kinds, type KindsInput } from './kitchen.gen.js';
import { connectAssistant } from './assistant.gen.js';
import { connectHall, connectTicker, type HallFrame } from './talk.gen.js';
import { Decline, DisconnectedError, InvalidError, RefusedError, TimeoutError } from './runtime.js';

declare function show(...values: unknown[]): void;

const base = 'https://talk.example';
const hall = connectHall(base, { floor: 3, hall: 'east', lang: 'en', tag: ['a', 'b'] }, {
  token: async ({ fresh, signal }) => (await fetch(`/login?fresh=${fresh}`, { signal })).text(),
});
connectHall(new URL(base), { floor: 3, hall: 'east', since: undefined }, { token: 'secret', lazy: true });
connectTicker(base, { symbol: ['GO'] });
connectAssistant(base);
connectAssistant(base, { timeout: 1000 });

hall.status.subscribe((now) => {
  switch (now.state) {
    case 'connecting': return show(now.attempt);
    case 'open': return show(now.detail);
    case 'waiting': return show(now.until, now.code, now.reason);
    case 'closed': return show(now.error instanceof RefusedError ? now.error.status : now.reason);
    default: return now satisfies never;
  }
});
const off = hall.on('said', ({ payload, is_mine, pos }) => show(payload.by, payload.at, is_mine, pos));
hall.onGap((group, reason) => show(group, reason));
hall.onError((error) => show(error.message));
hall.answer('confirm', async ({ text }, { signal }) => {
  if (signal.aborted) throw new Decline('busy');
  return { yes: text !== '' };
});
hall.presence('east').subscribe(({ members, count, me }) => show(count, me, members.map(({ card }) => card.name)));

hall.send('say', { text: 'Hello' });
hall.send('typing');
hall.send('draw', { x: 1, y: 2 }, { frame: { layer: 3 } });
await hall.request('say', { text: 'Hello' });
await hall.once('came', { timeout: 500 });

try {
  const { text, confidence } = await hall.request('query', { text: 'Where?', reply_to: null }, { timeout: 500 });
  show(text, confidence.toFixed(2));
} catch (error) {
  if (hall.failed(error, 'query')) {
    switch (error.reason) {
      case 'empty': case 'off_topic': show(error.detail); break;
      case 'internal': case 'timeout': case 'cancelled': case 'too_busy': case 'rate_limited': case 'duplicate_ref': break;
      default: error.reason satisfies never;
    }
  } else if (error instanceof InvalidError) show(error.items.map(({ loc, msg }) => [...loc, msg]));
  else if (error instanceof TimeoutError || error instanceof DisconnectedError) show(error.sent);
}

for await (const word of hall.stream('tell', { prompt: 'A story' })) show(word.text);
for await (const frame of hall) show(render(frame));
off();
hall.close();

function render(frame: HallFrame): string {
  switch (frame.action) {
    case 'said': return frame.payload.text;
    case 'came': return frame.is_current ? 'you' : frame.payload.name;
    case 'drawn': return `${frame.payload.x} on ${frame.layer}`;
    case 'notice': return frame.payload.level;
    default: return frame satisfies never;
  }
}

// A server that camelizes, with another discriminator.
const board = connectBoard(base, { board: 'b' });
board.send('move', { cardId: 'c', toColumn: 1 });
board.on('moved', (frame) => show(frame.type, frame.isMine, frame.payload.cardId));

// What a server always writes is optional only in what a client sends.
const kitchen = connectKitchen(base, { table: 1, suit: 'hearts' }, { token: 'secret' });
declare const input: Omit<KindsInput, 'default' | 'old'>;
const kinds: Kinds = await kitchen.request('kinds', input);
kinds.default.toUpperCase();
kinds.inline.a.toFixed();
kitchen.send('knock');
await kitchen.request('headers');
await kitchen.request('headers', { accept: 'all' });
await kitchen.request('tree', { name: 'oak', children: [{ name: 'twig', children: [], by_name: {} }], by_name: {} });
const { main_shape: shape } = await kitchen.request('drawing', { main_shape: { shape_kind: 'square' }, others: [], circle: { radius: 1 } });
show(shape.shape_kind === 'square' ? shape.side.toFixed() : shape.radius);
const traced = await kitchen.request('traced', { text: '' }, { frame: { layer: 1 } });
show(traced.payload.text, traced.trace_id.length);
