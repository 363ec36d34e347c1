// The JSON editor: CodeMirror in a shadow root, where its styles are adopted style sheets, which the page's policy for
// styles does not concern. This chunk is loaded when the editor is opened.

import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, startCompletion, type Completion, type CompletionContext } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import { HighlightStyle, bracketMatching, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { setDiagnostics, type Diagnostic } from '@codemirror/lint';
import { EditorState, Prec } from '@codemirror/state';
import { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers, tooltips } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { complete } from './complete.ts';
import { parse, type Loc } from './json.ts';
import { locate, placeAt, tree } from './jsontext.ts';
import type { Root, Schema } from './schema.ts';

export interface Mark {
  loc: Loc;
  msg: string;
  server: boolean;
}

export interface EditorOptions {
  text: string;
  label: string;
  root: Root;
  schema: () => Schema;
  onChange: (text: string) => void;
  onSend: () => void;
}

export interface Editor {
  setText: (text: string) => void;
  setMarks: (marks: readonly Mark[]) => void;
  focus: (loc?: Loc) => void;
  destroy: () => void;
}

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--key)' },
  { tag: tags.string, color: 'var(--string)' },
  { tag: tags.number, color: 'var(--number)' },
  { tag: [tags.bool, tags.null], color: 'var(--word)' },
  { tag: tags.punctuation, color: 'var(--text-2)' },
]);

const look = EditorView.theme({
  '&': { color: 'var(--text)' },
  '&.cm-editor': { backgroundColor: 'var(--field)', fontSize: '13px', borderRadius: '8px', border: '1px solid var(--line-2)' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '-1px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '20px', minHeight: '160px', maxHeight: '480px' },
  '.cm-content': { padding: '8px 0', caretColor: 'var(--text)' },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--text-3)', border: 'none', paddingLeft: '4px' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--hover)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--selection) !important' },
  '.cm-matchingBracket': { backgroundColor: 'var(--selection) !important' },
  '.cm-tooltip': { backgroundColor: 'var(--raised)', border: '1px solid var(--line-2)', borderRadius: '8px', boxShadow: 'var(--shadow)', overflow: 'hidden' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', maxHeight: '240px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '4px 12px', lineHeight: '20px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--on-accent)' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected] .cm-completionDetail': { color: 'inherit' },
  '.cm-completionDetail': { color: 'var(--text-2)', fontStyle: 'normal', marginLeft: '12px' },
  '.cm-completionIcon': { display: 'none' },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '600' },
  '.cm-completionInfo': { padding: '8px 12px', maxWidth: '280px', fontFamily: 'var(--sans)' },
  '.cm-diagnostic': { padding: '8px 12px', fontFamily: 'var(--sans)', borderLeft: '3px solid var(--bad)' },
  '.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy var(--bad) 1px', textUnderlineOffset: '3px' },
});

/**
 * Inserts typed text itself: Chrome, left to do so, gives it style attributes, which the page's policy forbids. A
 * composition is the browser's.
 */
const typing = EditorView.domEventHandlers({
  beforeinput: (e, view) => {
    if (e.inputType !== 'insertText' || !e.data || view.composing) return false;
    const text = e.data;
    const { from, to } = view.state.selection.main;
    const insert = () => view.state.update(view.state.replaceSelection(text), { userEvent: 'input.type', scrollIntoView: true });
    if (!view.state.facet(EditorView.inputHandler).some((handle) => handle(view, from, to, text, insert))) view.dispatch(insert());
    return true;
  },
});

/** Replaces a name or value, with what stands of it behind the cursor. */
function replace(view: EditorView, from: number, to: number, by: string) {
  const end = Math.max(to, placeAt(tree(view.state.doc.toString()), to).to);
  view.dispatch({ changes: { from, to: end, insert: by }, selection: { anchor: from + by.length }, userEvent: 'input.complete' });
}

/** Opens an editor in an element. */
export function edit(parent: HTMLElement, o: EditorOptions): Editor {
  const shadow = parent.shadowRoot ?? parent.attachShadow({ mode: 'open' });
  let quiet = false;
  const source = (ctx: CompletionContext) => {
    const text = ctx.state.doc.toString();
    const found = complete(o.root, o.schema(), text, ctx.pos);
    if (!found) return null;
    const typed = text.slice(found.from, ctx.pos);
    if (!ctx.explicit && typed === '') return null;
    const quoted = typed.startsWith('"');
    return {
      from: found.from,
      options: found.options.map((s): Completion => ({
        label: quoted && !s.label.startsWith('"') ? `"${s.label}"` : s.label,
        displayLabel: s.label,
        apply: (v, _, from, to) => replace(v, from, to, s.apply),
        detail: s.detail,
        boost: s.first ? 10 : 0,
        ...(s.info && { info: s.info }),
      })),
    };
  };
  const send = () => (o.onSend(), true);
  const view = new EditorView({
    parent: shadow,
    root: shadow,
    state: EditorState.create({
      doc: o.text,
      extensions: [
        Prec.highest(keymap.of([{ key: 'Mod-Enter', run: send }, { key: 'Ctrl-Enter', run: send }])),
        keymap.of([{ key: 'Tab', run: acceptCompletion }, ...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, indentWithTab]),
        typing,
        lineNumbers(),
        history(),
        drawSelection(),
        highlightActiveLine(),
        bracketMatching(),
        closeBrackets(),
        indentUnit.of('  '),
        json(),
        syntaxHighlighting(colours),
        autocompletion({ override: [source], activateOnTyping: true }),
        tooltips({ parent: shadow as unknown as HTMLElement }),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': o.label }),
        look,
        EditorView.updateListener.of((u) => {
          if (!u.docChanged || quiet) return;
          o.onChange(u.state.doc.toString());
          const quotes = u.transactions.some((t) => t.isUserEvent('input.type')) && u.state.sliceDoc(0, u.state.selection.main.head).endsWith('"');
          if (quotes) startCompletion(u.view); // a name or a value begins
        }),
      ],
    }),
  });
  const text = () => view.state.doc.toString();
  return {
    setText: (t) => {
      if (t === text()) return;
      quiet = true;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: t } });
      quiet = false;
    },
    setMarks: (marks) => view.dispatch(setDiagnostics(view.state, diagnostics(text(), marks))),
    focus: (loc) => {
      view.focus();
      if (loc) view.dispatch({ selection: { anchor: locate(tree(text()), loc).from }, scrollIntoView: true });
    },
    destroy: () => view.destroy(),
  };
}

function diagnostics(text: string, marks: readonly Mark[]): Diagnostic[] {
  if (parse(text) === undefined) return [syntaxError(text)];
  const root = tree(text);
  return marks.map((m) => ({ ...locate(root, m.loc), severity: 'error', message: (m.server ? 'Server: ' : '') + m.msg }));
}

function syntaxError(text: string): Diagnostic {
  let message = 'This is not JSON yet';
  try {
    JSON.parse(text);
  } catch (err) {
    message = err instanceof Error ? err.message : message;
  }
  const at = Math.min(Number(/position (\d+)/.exec(message)?.[1] ?? text.length), text.length);
  return { from: Math.max(0, at - 1), to: Math.min(text.length, at + 1), severity: 'error', message };
}
