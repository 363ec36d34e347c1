// The page.

import { render } from 'preact';
import { useEffect } from 'preact/hooks';
import { Docs } from './docs.tsx';
import { Icon, type IconName } from './icons.tsx';
import { lazyPart, workbench } from './lazy.tsx';
import { Sidebar } from './sidebar.tsx';
import * as s from './state.ts';

const Live = lazyPart(() => workbench().then((m) => m.Live), 'live-wait');

const themes: { [t in s.Theme]: readonly [next: s.Theme, icon: IconName, label: string] } = {
  '': ['light', 'auto', 'Theme: as the system'],
  light: ['dark', 'sun', 'Theme: light'],
  dark: ['', 'moon', 'Theme: dark'],
};

function Bar() {
  const c = s.contract.value;
  const [next, icon, label] = themes[s.theme.value];
  return (
    <header class="bar">
      <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="8" />
        <path d="M8 12h13l-4-4M24 20H11l4 4" />
      </svg>
      <strong>{c?.title ?? 'API'}</strong>
      {c?.version && <span class="version">{c.version}</span>}
      <span class="space" />
      <a class="quiet small" href="asyncapi.json">
        <Icon name="file" />
        AsyncAPI
      </a>
      <button type="button" class="icon-button" aria-label={label} title={label} onClick={() => s.setTheme(next)}>
        <Icon name={icon} />
      </button>
    </header>
  );
}

const tabs: readonly (readonly [s.View, string])[] = [
  ['browse', 'Browse'],
  ['doc', 'Message'],
  ['live', 'Live'],
];

function Tabs() {
  return (
    <nav class="tabs" aria-label="Parts of the page">
      {tabs.map(([v, text]) => (
        <button
          key={v}
          type="button"
          class={`to-${v}`}
          aria-pressed={s.view.value === v}
          onClick={() => {
            s.view.value = v;
            if (v === 'live') s.unseen.value = 0;
          }}
        >
          {text}
          {v === 'live' && s.unseen.value > 0 && <span class="count">{s.unseen.value > 99 ? '99+' : s.unseen.value}</span>}
        </button>
      ))}
    </nav>
  );
}

function Failure({ title, detail }: { title: string; detail: string }) {
  return (
    <main class="state" aria-live="assertive">
      <Icon name="warn" />
      <h1>{title}</h1>
      <p>The page needs the server’s AsyncAPI document, and could not read it.</p>
      {detail.trim() && <pre tabIndex={0}>{detail}</pre>}
      <button type="button" class="primary" onClick={() => void s.load()}>
        Try again
      </button>
    </main>
  );
}

const Waiting = () => (
  <main class="frame skeleton" aria-busy="true" aria-label="Loading the document">
    <div />
    <div />
    <div />
  </main>
);

function App() {
  useEffect(() => {
    const focus = (e: KeyboardEvent) => {
      const typing = e.composedPath()[0] instanceof HTMLElement && (e.composedPath()[0] as HTMLElement).matches('input, textarea, select, [contenteditable="true"]');
      if (e.key !== '/' || typing || e.ctrlKey || e.metaKey || e.altKey) return;
      e.preventDefault();
      s.view.value = 'browse';
      queueMicrotask(() => document.getElementById('search')?.focus());
    };
    addEventListener('keydown', focus);
    return () => removeEventListener('keydown', focus);
  }, []);
  if (s.failure.value) {
    return (
      <>
        <Bar />
        <Failure {...s.failure.value} />
      </>
    );
  }
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => (e.preventDefault(), document.getElementById('main')?.focus())}>
        Skip to the message
      </a>
      <Bar />
      {s.contract.value ? (
        <div class={`frame show-${s.view.value}`}>
          <Sidebar />
          <Tabs />
          <main id="main" class="doc" tabIndex={-1}>
            <Docs />
          </main>
          <aside class="live" aria-label="Connections and frames">
            <Live />
          </aside>
        </div>
      ) : (
        <Waiting />
      )}
      <div class="hidden" role="status" aria-live="polite">
        {s.said.value}
      </div>
    </>
  );
}

render(<App />, document.getElementById('app')!);
void s.load();
void workbench(); // beside the document: it is needed right after it
