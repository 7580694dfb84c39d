/** A few exclusive choices in one row: a radio group with arrow keys and one tab stop. */

import type { KeyboardEvent, ReactNode } from 'react';
import { present } from '../../errors/present';

export interface Choice<T> {
  readonly value: T;
  readonly label: ReactNode;
  readonly title?: string;
}

export interface SegmentedProps<T> {
  readonly label: string;
  readonly choices: readonly Choice<T>[];
  readonly value: T | null;
  readonly onChange: (value: T) => void;
  readonly testId?: string;
}

export function Segmented<T extends string | number>({ label, choices, value, onChange, testId }: SegmentedProps<T>) {
  const selected = choices.findIndex((choice) => choice.value === value);
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const by =
      event.key === 'ArrowRight' || event.key === 'ArrowDown'
        ? 1
        : event.key === 'ArrowLeft' || event.key === 'ArrowUp'
          ? -1
          : 0;
    if (by === 0) return;
    event.preventDefault();
    event.stopPropagation();
    const next = (Math.max(0, selected) + by + choices.length) % choices.length;
    onChange(present(choices[next]).value);
    (event.currentTarget.children[next] as HTMLElement).focus();
  };
  return (
    <div className="segmented" role="radiogroup" aria-label={label} onKeyDown={onKeyDown} data-testid={testId}>
      {choices.map((choice, i) => (
        <button
          key={choice.value}
          type="button"
          role="radio"
          aria-checked={choice.value === value}
          tabIndex={i === Math.max(0, selected) ? 0 : -1}
          title={choice.title}
          onClick={() => onChange(choice.value)}
          data-value={choice.value}
        >
          {choice.label}
        </button>
      ))}
    </div>
  );
}
