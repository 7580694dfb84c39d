/** Puts the page into the document. */
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { CrashScreen } from './CrashScreen';

export function showPage(root: HTMLElement): void {
  createRoot(root).render(
    <CrashScreen>
      <App />
    </CrashScreen>,
  );
}
