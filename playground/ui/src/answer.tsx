// The form that answers an ask of the server.

import { useState } from 'preact/hooks';
import type { Channel, Message } from './contract.ts';
import { FieldView } from './form.tsx';
import type { Entry } from './frames.ts';
import type { Form } from './inputs.tsx';
import type { Json } from './json.ts';
import { withValue } from './jsontext.ts';
import { initial } from './schema.ts';
import { answer, decline } from './socket.ts';
import * as s from './state.ts';
import { validate } from './validate.ts';

const answerTo = (channel: Channel, action: string): Message | undefined =>
  channel.operations.find((o) => o.kind === 'ask' && o.message.action === action)?.replies.find((r) => !r.library);

export function AnswerForm({ e }: { e: Entry }) {
  const { root } = s.contract.value!;
  const channel = s.connections.value.find((c) => c.id === e.conn)?.channel;
  const reply = channel && answerTo(channel, e.action);
  const [value, setValue] = useState<Json | undefined>(() => reply && { payload: (reply.payload && initial(root, reply.payload)) ?? {} });
  const [done, setDone] = useState('');
  if (done) return <p class="verdict good">{done}</p>;
  if (!reply) return <p class="hint">The document does not say how to answer it.</p>;
  const form: Form = {
    root,
    name: `ask/${e.id}`,
    value,
    problems: reply.payload ? validate(root, { properties: { payload: reply.payload }, required: ['payload'] }, value) : [],
    told: [],
    set: (loc, part) => setValue(withValue(value, loc, part)),
  };
  const payload = (value as { payload?: Json } | undefined)?.payload;
  return (
    <form
      class="answer"
      aria-label={`Answer ${e.action}`}
      onSubmit={(event) => {
        event.preventDefault();
        setDone(answer(e, reply.action, reply.payload ? payload : undefined) ? 'Answered' : 'The connection has ended');
      }}
    >
      {reply.payload && <FieldView form={form} schema={reply.payload} loc={['payload']} label="payload" required bare />}
      <p class="do">
        <button type="submit" class="primary">
          Answer
        </button>
        <button type="button" class="quiet" onClick={() => setDone(decline(e) ? 'Declined' : 'The connection has ended')}>
          Decline
        </button>
      </p>
    </form>
  );
}
