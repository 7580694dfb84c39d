/** A panel that hangs from its button; closes on Escape, on a click outside and when focus leaves. */

import { type ReactNode, useEffect, useId, useLayoutEffect, useRef, useState } from 'react';
import { present } from '../../errors/present';

export interface PopoverProps {
  readonly button: ReactNode;
  readonly buttonClass?: string;
  readonly label: string;
  readonly align?: 'left' | 'right';
  readonly width?: number;
  readonly children: (close: () => void) => ReactNode;
  readonly testId?: string;
  readonly disabled?: boolean;
  /** Further data attributes of the button, for tests. */
  readonly data?: Readonly<Record<`data-${string}`, string>>;
}

export function Popover({
  button,
  buttonClass = 'button',
  label,
  align = 'left',
  width = 280,
  children,
  testId,
  disabled = false,
  data,
}: PopoverProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const trigger = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    if (open) place(present(panel.current), present(trigger.current), align);
  }, [open, align]);
  const close = () => {
    setOpen(false);
    trigger.current?.focus();
  };
  useEffect(() => {
    if (!open) return;
    const outside = (event: Event) => !root.current?.contains(event.target as Node) && setOpen(false);
    document.addEventListener('pointerdown', outside);
    document.addEventListener('focusin', outside);
    return () => {
      document.removeEventListener('pointerdown', outside);
      document.removeEventListener('focusin', outside);
    };
  }, [open]);
  return (
    <div
      ref={root}
      style={{ position: 'relative', minWidth: 0 }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !open) return;
        event.stopPropagation();
        close();
      }}
    >
      <button
        ref={trigger}
        type="button"
        className={buttonClass}
        aria-haspopup="dialog"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        aria-label={label}
        disabled={disabled}
        onClick={() => setOpen(!open)}
        data-testid={testId}
        {...data}
      >
        {button}
      </button>
      {open && (
        <div
          id={id}
          ref={panel}
          className="popover"
          role="dialog"
          aria-label={label}
          style={{ width: `min(${width / 16}rem, calc(100vw - 1rem))` }}
        >
          {children(close)}
        </div>
      )}
    </div>
  );
}

/** Fixed to the screen beside its button, above it where there is more room: no panel that scrolls cuts it off. */
function place(panel: HTMLElement, button: HTMLElement, align: 'left' | 'right'): void {
  const margin = 8;
  const at = button.getBoundingClientRect();
  const { width } = panel.getBoundingClientRect();
  const wanted = align === 'left' ? at.left : at.right - width;
  const below = window.innerHeight - at.bottom - 2 * margin;
  const above = at.top - 2 * margin;
  const up = below < panel.scrollHeight && above > below;
  panel.style.left = `${Math.max(margin, Math.min(wanted, window.innerWidth - width - margin))}px`;
  panel.style.maxHeight = `${Math.max(120, up ? above : below)}px`;
  if (up) panel.style.bottom = `${window.innerHeight - at.top + margin - 2}px`;
  else panel.style.top = `${at.bottom + margin - 2}px`;
}
