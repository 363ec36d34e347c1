// Parts of the page that are loaded when they are shown.

import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** Returns a component that loads itself when it is first shown. Until then an empty element has its place. */
export function lazyPart<P extends object>(load: () => Promise<ComponentType<P>>, place: string): ComponentType<P> {
  let Loaded: ComponentType<P> | undefined;
  return function Part(props: P) {
    const [state, setState] = useState('loading');
    useEffect(() => {
      if (Loaded || state !== 'loading') return;
      load().then(
        (c) => {
          Loaded = c;
          setState('ready');
        },
        () => setState('failed'),
      );
    }, [state]);
    if (Loaded) return <Loaded {...props} />;
    if (state !== 'failed') return <div class={place} aria-busy="true" />;
    return (
      <p class="problem" role="alert">
        This part could not be loaded.{' '}
        <button type="button" class="link" onClick={() => setState('loading')}>
          Try again
        </button>
      </p>
    );
  };
}

type Workbench = typeof import('./workbench.tsx');
let loading: Promise<Workbench> | undefined;

/** Loads what is needed to try things out, with its styles. */
export function workbench(): Promise<Workbench> {
  loading ??= Promise.all([import('./workbench.tsx'), styles()]).then(([m]) => m);
  loading.catch(() => (loading = undefined));
  return loading;
}

/** The styles of the workbench. Their name has a hash, so the page says it. */
function styles(): Promise<void> {
  return new Promise((done, fail) => {
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = document.querySelector<HTMLMetaElement>('meta[name="workbench"]')!.content;
    link.onload = () => done();
    link.onerror = () => {
      link.remove();
      fail(new Error('the styles could not be loaded'));
    };
    document.head.append(link);
  });
}
