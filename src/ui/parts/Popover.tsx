/** A panel that hangs from its button; closes on Escape, on a click outside and when focus leaves. */
import { type ReactNode, useEffect, useId, useRef, useState } from 'react';

export interface PopoverProps {
  readonly button: ReactNode;
  readonly buttonClass?: string;
  readonly label: string;
  readonly align?: 'left' | 'right';
  readonly width?: number;
  readonly children: (close: () => void) => ReactNode;
  readonly testId?: string;
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
  data,
}: PopoverProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const trigger = useRef<HTMLButtonElement>(null);
  const id = useId();
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
        onClick={() => setOpen(!open)}
        data-testid={testId}
        {...data}
      >
        {button}
      </button>
      {open && (
        <div
          id={id}
          className="popover"
          role="dialog"
          aria-label={label}
          style={{ top: 'calc(100% + 6px)', [align]: 0, width }}
        >
          {children(close)}
        </div>
      )}
    </div>
  );
}
