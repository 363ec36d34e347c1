// Small parts that several views share.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Message, OperationKind } from './contract.ts';
import { Icon, type IconName } from './icons.tsx';
import { tokens } from './json.ts';
import type { Connection } from './state.ts';

export const kindWords: { [kind in OperationKind]: string } = {
  on: 'Message',
  request: 'Request',
  stream: 'Stream',
  send: 'From the server',
  ask: 'The server asks',
};

export const kindHelp: { [kind in OperationKind]: string } = {
  on: 'You send it, and nothing answers but a completion.',
  request: 'You send it and get exactly one answer.',
  stream: 'You send it and get any number of answers, until it completes or you cancel it.',
  send: 'The server sends it on its own.',
  ask: 'The server sends it and waits for your answer.',
};

export const flagWords: { [flag: string]: string } = {
  group: 'Goes to a group',
  kept: 'Kept for those who come later',
  latest: 'Only the newest waits for a slow client',
  droppable: 'May be left out for a slow client',
};

export const Badge = ({ children, tone = '' }: { children: ComponentChildren; tone?: string }) => <span class={`badge ${tone}`}>{children}</span>;

export const Flags = ({ message }: { message: Message }) => (
  <>
    {message.deprecated && <Badge tone="warn">Deprecated</Badge>}
    {message.flags.map((f) => (
      <Badge key={f}>{flagWords[f]}</Badge>
    ))}
    {message.library && <Badge>Built in</Badge>}
  </>
);

interface IconButtonProps {
  icon: IconName;
  label: string;
  onClick: () => void;
  pressed?: boolean;
  disabled?: boolean;
}

export const IconButton = ({ icon, label, onClick, pressed, disabled }: IconButtonProps) => (
  <button type="button" class="icon-button" aria-label={label} title={label} onClick={onClick} aria-pressed={pressed} disabled={disabled}>
    <Icon name={icon} />
  </button>
);

interface SegmentsProps<T extends string> {
  label: string;
  value: T | undefined;
  options: readonly (readonly [value: T, text: string])[];
  onPick: (value: T) => void;
  id?: string;
  invalid?: boolean;
  describedBy?: string | undefined;
}

/** One choice of few, as radio buttons. */
export function Segments<T extends string>({ label, value, options, onPick, id, invalid, describedBy }: SegmentsProps<T>) {
  const [name] = useState(() => `s${Math.random()}`);
  return (
    <div class="segments" role="radiogroup" aria-label={label} id={id} aria-invalid={invalid} aria-describedby={describedBy} tabIndex={-1}>
      {options.map(([v, text]) => (
        <label key={v} class={v === value ? 'on' : ''}>
          <input type="radio" name={name} checked={v === value} onChange={() => onPick(v)} />
          {text}
        </label>
      ))}
    </div>
  );
}

/** JSON in colours. Received text becomes text nodes only. */
export const Code = ({ text }: { text: string }) => (
  <code class="json">
    {tokens(text).map(([kind, t], i) =>
      kind && kind !== 'mark' ? (
        <span key={i} class={kind}>
          {t}
        </span>
      ) : (
        t
      ),
    )}
  </code>
);

export function CopyButton({ text, label = 'Copy' }: { text: () => string; label?: string }) {
  const [done, setDone] = useState('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      setDone('Copied');
    } catch {
      setDone('The browser does not allow it');
    }
    setTimeout(() => setDone(''), 1500);
  };
  return (
    <button type="button" class="quiet small" onClick={copy}>
      <Icon name="copy" />
      {done || label}
    </button>
  );
}

export const Dot = ({ connection }: { connection: Pick<Connection, 'colour' | 'name'> }) => (
  <span class={`dot c${connection.colour}`} aria-hidden="true">
    {connection.name}
  </span>
);

export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  const a = document.createElement('a');
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** A menu that closes when something is chosen, by Escape, and when the focus leaves it. */
export function Menu({ label, icon, children, disabled }: { label: string; icon: IconName; children: ComponentChildren; disabled?: boolean }) {
  const close = (e: Event) => (e.currentTarget as HTMLElement).closest('details')?.removeAttribute('open');
  return (
    <details
      class="menu"
      onKeyDown={(e) => {
        if (e.key !== 'Escape') return;
        e.currentTarget.removeAttribute('open');
        e.currentTarget.querySelector('summary')?.focus();
      }}
      onFocusOut={(e) => {
        if (e.relatedTarget instanceof Node && !e.currentTarget.contains(e.relatedTarget)) e.currentTarget.removeAttribute('open');
      }}
    >
      <summary class="quiet small" aria-disabled={disabled}>
        <Icon name={icon} />
        <span>{label}</span>
      </summary>
      <div class="sheet" onClick={close}>
        {children}
      </div>
    </details>
  );
}

/** The address of a channel, with its parameters marked. It may break behind a slash. */
export const Address = ({ address }: { address: string }) => (
  <code class="address">
    {address.split(/(\{[^}]*\}|\/)/).map((part, i) =>
      part === '/' ? (
        <>
          /<wbr />
        </>
      ) : part.startsWith('{') ? (
        <b key={i}>{part}</b>
      ) : (
        part
      ),
    )}
  </code>
);

export const Must = () => (
  <span class="must" title="Required">
    <span aria-hidden="true">*</span>
    <span class="hidden"> required</span>
  </span>
);
