// Mistakes, each below a line that expects the compiler to refuse it.
import { connectBoard } from './board.gen.js';
import { connectKitchen } from './kitchen.gen.js';
import { connectHall, connectTicker, type HallFrame } from './talk.gen.js';

const base = 'wss://talk.example';
const token = 'secret';
const hall = connectHall(base, { floor: 3, hall: 'east' }, { token });
const ticker = connectTicker(base, { symbol: ['GO'] });
const board = connectBoard(base, { board: 'b' });
const kitchen = connectKitchen(base, { table: 1, suit: 'hearts' }, { token });

// Connecting

// @ts-expect-error no hall
connectHall(base, { floor: 3 }, { token });
// @ts-expect-error a floor is a number
connectHall(base, { floor: '3', hall: 'east' }, { token });
// @ts-expect-error a misspelt parameter
connectHall(base, { floor: 3, hall: 'east', sinse: 1 }, { token });
// @ts-expect-error a language that the server does not speak
connectHall(base, { floor: 3, hall: 'east', lang: 'fr' }, { token });
// @ts-expect-error tags are a list
connectHall(base, { floor: 3, hall: 'east', tag: 'a' }, { token });
// @ts-expect-error a required parameter of the query
connectTicker(base, {});
// @ts-expect-error no token where one is required
connectHall(base, { floor: 3, hall: 'east' });
// @ts-expect-error a token that is no text
connectHall(base, { floor: 3, hall: 'east' }, { token: () => 42 });
// @ts-expect-error a token where none is taken
connectTicker(base, { symbol: ['GO'] }, { token });
// @ts-expect-error an unknown option
connectTicker(base, { symbol: ['GO'] }, { retries: 3 });

// Sending

// @ts-expect-error a misspelt action
hall.send('sya', { text: 'Hello' });
// @ts-expect-error a message of the server
hall.send('said', { id: 1, text: '', by: '', at: '' });
// @ts-expect-error no payload
hall.send('say');
// @ts-expect-error a payload of the wrong type
hall.send('say', { text: 1 });
// @ts-expect-error an unknown member
hall.send('say', { text: '', loud: true });
// @ts-expect-error a payload where there is none
hall.send('typing', {});
// @ts-expect-error no member beside the payload
hall.send('draw', { x: 1, y: 2 });
// @ts-expect-error a member beside the payload of the wrong type
hall.send('draw', { x: 1, y: 2 }, { frame: { layer: 'top' } });
// @ts-expect-error a member beside a payload that has none
hall.send('say', { text: '' }, { frame: { layer: 1 } });
// @ts-expect-error a message that has an answer
hall.send('query', { text: '' });
// @ts-expect-error an endpoint that receives nothing
ticker.send('subscribe', { symbol: 'GO' });
// @ts-expect-error names of a server that does not camelize
board.send('move', { card_id: 'c', to_column: 1 });
// @ts-expect-error a variant without its own member
kitchen.request('drawing', { main_shape: { shape_kind: 'circle' }, others: [], circle: { radius: 1 } });
// @ts-expect-error a key that the map does not allow
kitchen.request('lists', { few: [], unique: [], pair: [], suits: [], by_id: {}, by_suit: { clubs: true } });

// Requests and streams

// @ts-expect-error not one of the constants
hall.request('query', { text: '', priority: 'urgent' });
// @ts-expect-error a misspelt member of the answer
hall.request('query', { text: '' }).then((reply) => reply.txt);
// @ts-expect-error a message without an answer
hall.request('say', { text: '' }).then((reply) => reply.text);
// @ts-expect-error an unknown option of a call
hall.request('query', { text: '' }, { timeoutMs: 5 });
// @ts-expect-error a stream is not requested
hall.request('tell', { prompt: '' });
// @ts-expect-error a request is not streamed
hall.stream('query', { text: '' });
// @ts-expect-error a misspelt member of an item
for await (const word of hall.stream('tell', { prompt: '' })) word.delta;
// @ts-expect-error a stream is not awaited
hall.stream('tell', { prompt: '' }).then(() => {});

// Receiving

// @ts-expect-error a misspelt action
hall.on('sad', () => {});
// @ts-expect-error an answer never comes unasked
hall.on('reply', () => {});
// @ts-expect-error a misspelt member
hall.on('said', ({ payload }) => payload.txt);
// @ts-expect-error a message that is not to a group
hall.on('notice', (frame) => frame.is_mine);
// @ts-expect-error the name of a server that camelizes
hall.on('said', (frame) => frame.isMine);
// @ts-expect-error the name of a server that does not
board.on('moved', (frame) => frame.is_mine);
// @ts-expect-error another discriminator
board.on('moved', (frame) => frame.action);
// @ts-expect-error a position of a message that is not kept
hall.on('came', (frame) => frame.pos);
// @ts-expect-error a frame is read only
hall.on('said', (frame) => { frame.is_mine = true; });
// @ts-expect-error an unknown action
await hall.once('welcome');

function incomplete(frame: HallFrame): string {
  switch (frame.action) {
    case 'said': return frame.payload.text;
    case 'came': return frame.payload.name;
    case 'drawn': return `${frame.layer}`;
    // @ts-expect-error a notice is left
    default: return frame satisfies never;
  }
}

// Errors

function reasons(error: unknown): void {
  // @ts-expect-error a misspelt action
  hall.failed(error, 'qurey');
  // @ts-expect-error a reason of another action
  if (hall.failed(error, 'query') && error.reason === 'too_long') return;
  // @ts-expect-error a ReplyError has no items
  if (hall.failed(error, 'query')) error.items;
  if (hall.failed(error, 'say')) {
    switch (error.reason) {
      case 'internal': case 'timeout': case 'cancelled': case 'too_busy': case 'rate_limited': case 'duplicate_ref': return;
      // @ts-expect-error the reason muted is left
      default: error.reason satisfies never;
    }
  }
}

// Answering

// @ts-expect-error a misspelt question
hall.answer('conform', () => ({ yes: true }));
// @ts-expect-error an answer of the wrong type
hall.answer('confirm', () => ({ yes: 'of course' }));
// @ts-expect-error no answer
hall.answer('confirm', async () => {});
// @ts-expect-error a misspelt member of the question
hall.answer('confirm', (question) => ({ yes: question.title === '' }));

// The connection, presence, gaps

// @ts-expect-error not each state has a code
hall.status.current.code;
// @ts-expect-error an unknown state
if (hall.status.current.state === 'offline') hall.connect();
// @ts-expect-error a misspelt member of a card
hall.presence('east').current.members.map(({ card }) => card.nick);
// @ts-expect-error a roster is read only
hall.presence('east').current.members.push();
// @ts-expect-error an endpoint without presence
ticker.presence('east');
// @ts-expect-error a misspelt reason
hall.onGap((_group, reason) => reason === 'trimed');

void incomplete, reasons;
