/** The icons of the page: 16 x 16 strokes in the text colour, decorative; the control around them has the label. */
const paths = {
  play: 'M5 3.2v9.6l7.6-4.8z',
  pause: 'M5.2 3.5v9M10.8 3.5v9',
  stepBack: 'M11.5 3.8v8.4L6 8zM4.5 3.8v8.4',
  stepForward: 'M4.5 3.8v8.4L10 8zM11.5 3.8v8.4',
  loop: 'M3 7V6.2A2.2 2.2 0 0 1 5.2 4H12M10 2l2.2 2L10 6M13 9v.8a2.2 2.2 0 0 1-2.2 2.2H4M6 14l-2.2-2L6 10',
  undo: 'M5.5 3.5 2.5 6.5l3 3M2.8 6.5h6.7a3.5 3.5 0 0 1 0 7H7',
  redo: 'M10.5 3.5l3 3-3 3M13.2 6.5H6.5a3.5 3.5 0 0 0 0 7H9',
  dice: 'M4.5 2.5h7a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2h-7a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2zM5.6 5.6h.01M10.4 5.6h.01M8 8h.01M5.6 10.4h.01M10.4 10.4h.01',
  folder: 'M2 4.5a1 1 0 0 1 1-1h3l1.5 1.8H13a1 1 0 0 1 1 1v5.2a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1z',
  export: 'M8 10V2.5M5 5.2 8 2.3l3 2.9M3 9.5v3a1 1 0 0 0 1 1h8a1 1 0 0 0 1-1v-3',
  download: 'M8 2.5V10M5 7.3 8 10.2l3-2.9M3 11v1.5a1 1 0 0 0 1 1h8a1 1 0 0 0 1-1V11',
  close: 'M4 4l8 8M12 4l-8 8',
  lock: 'M4.5 7.2h7v5.3h-7zM5.8 7V5.2a2.2 2.2 0 0 1 4.4 0V7',
  check: 'M3.2 8.4 6.4 11.6 12.8 4.8',
  warning: 'M8 2.6 14.2 13H1.8zM8 6.6v3M8 11.3v.01',
  chip: 'M4.5 4.5h7v7h-7zM6.5 2v2.5M9.5 2v2.5M6.5 11.5V14M9.5 11.5V14M2 6.5h2.5M2 9.5h2.5M11.5 6.5H14M11.5 9.5H14',
  wipe: 'M2.5 3.5h11v9h-11zM8 2v12M8 6.5 6 8l2 1.5',
  sideBySide: 'M2 4h5.2v8H2zM8.8 4H14v8H8.8z',
  difference: 'M6 3.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10 3.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9',
  down: 'M4.5 6.5 8 10l3.5-3.5',
  up: 'M4.5 9.5 8 6l3.5 3.5',
  swap: 'M3 5.5h9M9.5 3 12 5.5 9.5 8M13 10.5H4M6.5 8 4 10.5 6.5 13',
  terminal: 'M2 3h12v10H2zM4.5 6l2 2-2 2M8 10.2h3.5',
  help: 'M6 6.2a2 2 0 1 1 3 1.7c-.7.4-1 .8-1 1.6M8 11.8v.01M8 2a6 6 0 1 1 0 12A6 6 0 1 1 8 2',
  picture: 'M2 3h12v10H2zM2.5 11.5 6 8l2.5 2.5L11 8l2.5 2.5M5.2 5.8h.01',
  refresh: 'M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3',
  shelf: 'M4.5 2.5h7v11L8 10.8l-3.5 2.7z',
  stop: 'M4.5 4.5h7v7h-7z',
  copy: 'M6 6h7v7H6zM10 6V3H3v7h3',
  link: 'M6.8 9.2l2.4-2.4M7.2 5.2l1.5-1.5a2.5 2.5 0 0 1 3.6 3.6l-1.5 1.5M8.8 10.8l-1.5 1.5a2.5 2.5 0 0 1-3.6-3.6l1.5-1.5',
  file: 'M4 2h5l3 3v9H4zM9 2v3h3',
  keyboard: 'M2 4.5h12v7H2zM4.5 7h.01M7 7h.01M9.5 7h.01M11.7 7h.01M5 9.3h6',
} as const;

export type IconName = keyof typeof paths;

const filled: ReadonlySet<IconName> = new Set(['play', 'stop']);

export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      width={`${size / 16}rem`}
      height={`${size / 16}rem`}
      viewBox="0 0 16 16"
      aria-hidden="true"
      style={{ flex: 'none' }}
    >
      <path
        d={paths[name]}
        fill={filled.has(name) ? 'currentColor' : 'none'}
        stroke="currentColor"
        strokeWidth="1.4"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
