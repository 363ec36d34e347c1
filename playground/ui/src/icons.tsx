// The page's icons: 16 px, drawn with lines.

const paths = {
  on: 'M2.5 8h10M9 4.5 12.5 8 9 11.5',
  request: 'M3 5.5h9.5M10 3l2.5 2.5L10 8M13 10.5H3.5M6 8l-2.5 2.5L6 13',
  stream: 'M2.5 4h7M2.5 8h10.5M2.5 12h7M10.5 5.5 13 8l-2.5 2.5',
  send: 'M13.5 8h-10M7 4.5 3.5 8 7 11.5',
  ask: 'M6 6a2 2 0 1 1 2.8 1.8c-.5.25-.8.6-.8 1.2M8 11.7v.1M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13Z',
  plus: 'M8 3v10M3 8h10',
  close: 'm4 4 8 8M12 4l-8 8',
  copy: 'M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z',
  twin: 'M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8zM6.5 7.5v4M4.5 9.5h4',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.5 10.5l3 3',
  chevron: 'm6 4 4 4-4 4',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3.5v9l7-4.5z',
  trash: 'M3 4.5h10M6 4.5v-2h4v2M4.5 4.5l.5 9h6l.5-9',
  down: 'M8 2.5v8M4.5 7.5 8 11l3.5-3.5M3 13.5h10',
  sun: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M3.4 12.6l.7-.7M11.9 4.1l.7-.7',
  moon: 'M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7Z',
  auto: 'M8 14a6 6 0 1 0 0-12 6 6 0 0 0 0 12ZM8 2v12M8 5h5M8 8h6M8 11h5',
  again: 'M13 8a5 5 0 1 1-1.5-3.5L13 6M13 3v3h-3',
  stop: 'M4.5 4.5h7v7h-7z',
  clock: 'M8 14a6 6 0 1 0 0-12 6 6 0 0 0 0 12ZM8 4.5V8l2.5 1.5',
  indent: 'M2.5 3.5h11M6 8h7.5M6 12.5h7.5M2.5 6.5 4 8l-1.5 1.5',
  warn: 'M8 2 14.5 13.5h-13zM8 6.5v3M8 11.5v.1',
  file: 'M4 1.5h5l3 3v10H4zM9 1.5v3h3',
} as const;

export type IconName = keyof typeof paths;

export const Icon = ({ name }: { name: IconName }) => (
  <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
    <path d={paths[name]} />
  </svg>
);
