/** Entry of the page: isolation first (it may reload), then the app, which opens the bundled model by itself. */
import { createRoot } from 'react-dom/client';
import { CrashScreen } from './CrashScreen';
import { ensureIsolation } from './isolation';
import './design.css';

if ((await ensureIsolation()) === 'ready') {
  const [{ App }, { start }, { keepOffline }] = await Promise.all([
    import('./App'),
    import('./store/start'),
    import('./offline'),
  ]);
  createRoot(document.getElementById('root')!).render(
    <CrashScreen>
      <App />
    </CrashScreen>,
  );
  start();
  keepOffline();
}
