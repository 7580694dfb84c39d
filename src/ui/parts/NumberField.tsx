/** A number with a label. */
import { useEffect, useState } from 'react';

interface NumberFieldProps {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly whole?: boolean;
  readonly width: number;
  readonly onCommit: (value: number) => void;
  readonly testId: string;
}

/** Takes effect on Enter or when left, so that half-typed numbers start nothing. */
export function NumberField({ label, value, min, max, whole, width, onCommit, testId }: NumberFieldProps) {
  const [text, setText] = useState(String(value));
  useEffect(() => setText(String(value)), [value]);
  const commit = () => {
    const parsed = Number(text);
    const wanted =
      text.trim() === '' || !Number.isFinite(parsed)
        ? value
        : Math.min(max, Math.max(min, whole ? Math.round(parsed) : parsed));
    setText(String(wanted));
    if (wanted !== value) onCommit(wanted);
  };
  return (
    <label className="number-field">
      <span>{label}</span>
      <input
        className="field"
        type="number"
        inputMode="decimal"
        min={min}
        max={max}
        step={whole ? 1 : 'any'}
        style={{ width }}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => {
          if (event.key !== 'Enter') return;
          event.preventDefault();
          commit();
          event.currentTarget.form?.requestSubmit();
        }}
        data-testid={testId}
      />
    </label>
  );
}
