// The composer: one draft as a form and as JSON, and what is wrong with it.

import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import * as compose from './compose.ts';
import type { Channel, Operation } from './contract.ts';
import type { Editor, Mark } from './editor.ts';
import { FieldView, focusProblem } from './form.tsx';
import type { Form } from './inputs.tsx';
import type { Loc } from './json.ts';
import { Dot, Menu, Segments } from './parts.tsx';
import { send } from './socket.ts';
import * as s from './state.ts';
import * as w from './work.ts';
import type { Problem } from './validate.ts';

type Mode = 'form' | 'json';
const mode = signal<Mode>('form');
const formName = 'message';

interface Props {
  channel: Channel;
  operation: Operation;
}

export function Composer({ channel, operation }: Props) {
  const contract = s.contract.value!;
  const draft = w.draft(channel, operation);
  const problems = compose.problemsOf(contract, operation, draft);
  const put = (d: compose.Draft) => w.setDraft(channel, operation, d);
  const submit = () => send(channel, operation, w.draft(channel, operation));
  const editor = useRef<Editor | undefined>(undefined);
  const go = (p: Problem) => (mode.value === 'json' ? editor.current?.focus(p.loc) : focusProblem(formName, p.loc));
  return (
    <section
      class="card composer"
      aria-label={`Compose ${operation.message.action}`}
      onKeyDown={(e) => {
        if (e.key !== 'Enter' || !(e.ctrlKey || e.metaKey)) return;
        e.preventDefault();
        submit();
      }}
    >
      <header>
        <Segments label="Edit as" value={mode.value} options={[['form', 'Form'], ['json', 'JSON']] as const} onPick={(m) => (mode.value = m)} />
        <span class="space" />
        <button type="button" class="quiet small" onClick={() => put(compose.exampleDraft(contract, operation))}>
          Example
        </button>
        <button type="button" class="quiet small" onClick={() => put(compose.emptyDraft(contract, operation))}>
          Clear
        </button>
        <History channel={channel} operation={operation} put={put} />
      </header>
      <div class="body">
        {mode.value === 'form' ? (
          <FormBody operation={operation} draft={draft} problems={problems} put={put} />
        ) : (
          <JsonBody operation={operation} draft={draft} problems={problems} put={put} now={() => w.draft(channel, operation)} submit={submit} editor={editor} />
        )}
      </div>
      <footer>
        <Verdict problems={problems} told={draft.told} go={go} />
        <span class="space" />
        <SendButton channel={channel} wrong={problems.length > 0} submit={submit} />
      </footer>
    </section>
  );
}

interface BodyProps {
  operation: Operation;
  draft: compose.Draft;
  problems: Problem[];
  put: (d: compose.Draft) => void;
}

function FormBody({ operation: o, draft, problems, put }: BodyProps) {
  if (draft.value === undefined) {
    return (
      <div class="empty">
        <p>The text is not JSON yet, so the form cannot show it.</p>
        <button type="button" class="quiet" onClick={() => (mode.value = 'json')}>
          Go back to the text
        </button>
      </div>
    );
  }
  const contract = s.contract.value!;
  const form: Form = {
    root: contract.root,
    name: formName,
    value: draft.value,
    problems,
    told: draft.told,
    set: (loc, part) => put(compose.edit(draft, loc, part)),
  };
  const { payload, beside } = o.message;
  return (
    <>
      {payload && <FieldView form={form} schema={payload} loc={['payload']} label="payload" required bare />}
      {beside.length > 0 && <h4>Beside the payload</h4>}
      {beside.map((b) => (
        <FieldView key={b.name} form={form} schema={b.schema} loc={[b.name]} label={b.name} required={b.required} />
      ))}
      {!payload && beside.length === 0 && <p class="hint">This message has no content: it is ready to send.</p>}
    </>
  );
}

interface JsonProps extends BodyProps {
  now: () => compose.Draft;
  submit: () => void;
  editor: { current: Editor | undefined };
}

const marksOf = (problems: Problem[], told: Problem[]): Mark[] => [
  ...told.map((p) => ({ ...p, server: true })),
  ...problems.filter((p) => !told.some((t) => t.type === p.type && String(t.loc) === String(p.loc))).map((p) => ({ ...p, server: false })),
];

function JsonBody({ operation: o, draft, problems, put, now: current, submit, editor }: JsonProps) {
  const host = useRef<HTMLDivElement>(null);
  const [ready, setReady] = useState(false);
  const [broken, setBroken] = useState(false);
  const now = useRef({ current, put, submit, o });
  now.current = { current, put, submit, o };
  useEffect(() => {
    let gone = false;
    import('./editor.ts').then(
      ({ edit }) => {
        if (gone || !host.current) return;
        editor.current = edit(host.current, {
          text: now.current.current().text,
          label: 'Frame as JSON',
          root: s.contract.value!.root,
          schema: () => now.current.o.message.frame,
          onChange: (text) => now.current.put(compose.editText(now.current.current(), text)),
          onSend: () => now.current.submit(),
        });
        setReady(true);
      },
      () => setBroken(true),
    );
    return () => {
      gone = true;
      editor.current?.destroy();
      editor.current = undefined;
    };
  }, []);
  useEffect(() => {
    editor.current?.setText(current().text); // not draft's: what was typed since this drawing would be lost
    editor.current?.setMarks(marksOf(problems, draft.told));
  }, [ready, draft, o]);
  return (
    <>
      <div ref={host} class="editor" />
      {!ready && !broken && <div class="editor-wait" aria-busy="true" />}
      {broken && (
        <>
          <p class="problem">The editor could not be loaded. Here is the text without it.</p>
          <textarea class="mono" rows={10} aria-label="Frame as JSON" value={draft.text} onInput={(e) => put(compose.editText(draft, e.currentTarget.value))} />
        </>
      )}
      <p class="hint">
        The frame as it is sent. A <code>ref</code> is added, so that the answer can be found. <kbd>Ctrl</kbd>+<kbd>Space</kbd> completes.
      </p>
    </>
  );
}

const maxListed = 4;

const where = (loc: Loc) => loc.filter((step, i) => i > 0 || step !== 'payload').join('.') || 'payload';

/** Sums up what is wrong: what the server said, else what the document says. */
function Verdict({ problems, told, go }: { problems: Problem[]; told: Problem[]; go: (p: Problem) => void }) {
  const list = told.length ? told : problems;
  if (list.length === 0) return <p class="verdict good">Matches the document</p>;
  return (
    <div class="verdict bad" role={told.length ? 'alert' : undefined}>
      <p>
        {told.length ? 'The server refused it: ' : ''}
        {list.length} {list.length === 1 ? 'problem' : 'problems'}
      </p>
      <ul>
        {list.slice(0, maxListed).map((p, i) => (
          <li key={i}>
            <button type="button" class="link" onClick={() => go(p)} title={p.msg}>
              {p.loc.length ? where(p.loc) : p.msg}
            </button>
          </li>
        ))}
        {list.length > maxListed && <li>and {list.length - maxListed} more</li>}
      </ul>
    </div>
  );
}

function SendButton({ channel, wrong, submit }: { channel: Channel; wrong: boolean; submit: () => void }) {
  const open = s.connections.value.filter((c) => c.channel === channel && c.state === 'open');
  const to = w.targetOf(channel);
  return (
    <div class="send">
      {open.length > 1 && (
        <label class="from">
          <span class="hidden">Send on connection</span>
          <select value={to?.id} onChange={(e) => (w.target.value = Number(e.currentTarget.value))}>
            {open.map((c) => (
              <option key={c.id} value={c.id}>
                as {c.name}
              </option>
            ))}
          </select>
        </label>
      )}
      <button type="button" class="primary" onClick={submit} title="Ctrl+Enter">
        {to && open.length > 1 && <Dot connection={to} />}
        {!to ? 'Connect and send' : wrong ? 'Send anyway' : 'Send'}
        <kbd aria-hidden="true">Ctrl ↵</kbd>
      </button>
    </div>
  );
}

function History({ channel, operation, put }: Props & { put: (d: compose.Draft) => void }) {
  const sent = w.history.value[w.draftKey(channel, operation)] ?? [];
  return (
    <Menu label="History" icon="clock">
      {sent.length === 0 && <p class="hint">What you send is listed here.</p>}
      {sent.map((text) => (
        <button type="button" key={text} onClick={() => put(compose.recall(text))}>
          <code>{text.replace(/\s+/g, ' ').slice(0, 90)}</code>
        </button>
      ))}
    </Menu>
  );
}
