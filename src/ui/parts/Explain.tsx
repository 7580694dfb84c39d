/** A term with its explanation behind it: a button that opens a short text, reachable by keyboard and by touch. */

import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { present } from '../../errors/present';

export interface ExplainProps {
  readonly children: ReactNode;
  /** The whole explanation. */
  readonly about: ReactNode;
  readonly className?: string;
}

export function Explain({ children, about, className = '' }: ExplainProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLSpanElement>(null);
  const bubble = useRef<HTMLSpanElement>(null);
  const id = useId();
  useEffect(() => {
    if (!open) return;
    keepInView(present(bubble.current), present(root.current));
    const outside = (event: Event) => !root.current?.contains(event.target as Node) && setOpen(false);
    document.addEventListener('pointerdown', outside);
    document.addEventListener('focusin', outside);
    return () => {
      document.removeEventListener('pointerdown', outside);
      document.removeEventListener('focusin', outside);
    };
  }, [open]);
  return (
    <span className={`explain ${className}`} ref={root}>
      <button
        type="button"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape' || !open) return;
          event.stopPropagation();
          setOpen(false);
        }}
      >
        {children}
      </button>
      {open && (
        <span id={id} role="note" className="explain-bubble" ref={bubble}>
          {about}
        </span>
      )}
    </span>
  );
}

/** Fixed to the screen beside its term, so that no scrolling panel cuts it off. */
function keepInView(bubble: HTMLElement, term: HTMLElement): void {
  const margin = 8;
  const at = term.getBoundingClientRect();
  const { width, height } = bubble.getBoundingClientRect();
  const left = Math.max(margin, Math.min(at.left, window.innerWidth - width - margin));
  const below = at.bottom + 4 + height + margin <= window.innerHeight;
  bubble.style.left = `${left}px`;
  bubble.style.top = `${Math.max(margin, below ? at.bottom + 4 : at.top - height - 4)}px`;
}
