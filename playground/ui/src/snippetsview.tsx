// Code in four languages for the message in the composer.

import { signal } from '@preact/signals';
import { pathOf } from './address.ts';
import { newDraft } from './compose.ts';
import type { Channel, Operation } from './contract.ts';
import { compact } from './json.ts';
import { Code, CopyButton, Segments } from './parts.tsx';
import { languages, snippet, type Language } from './snippets.ts';
import { contract } from './state.ts';
import { draft, params } from './work.ts';

const language = signal<Language>('TypeScript');

export function Snippets({ channel, operation }: { channel: Channel; operation: Operation }) {
  const d = draft(channel, operation);
  const text = compact((d.value === undefined ? newDraft(contract.value!, operation) : d).text);
  const code = snippet(language.value, { contract: contract.value!, operation, text, url: urlOf(channel) });
  return (
    <figure class="sample">
      <figcaption>
        <Segments label="Language" value={language.value} options={languages.map((l) => [l, l] as const)} onPick={(l) => (language.value = l)} />
        <CopyButton text={() => code} />
      </figcaption>
      <pre tabIndex={0}>{language.value === 'JSON' ? <Code text={code} /> : <code>{code}</code>}</pre>
    </figure>
  );
}

/** The address without a token. Parameters that were not typed yet stand as their names. */
function urlOf(c: Channel): string {
  const typed = params.value[c.id] ?? {};
  const path = c.params.filter((p) => p.in === 'path').map((p) => [`path.${p.name}`, typed[`path.${p.name}`] || p.name]);
  const query = Object.entries(typed).filter(([key]) => key.startsWith('query.'));
  return location.origin.replace(/^http/, 'ws') + pathOf(contract.value!, c, Object.fromEntries([...path, ...query]));
}
