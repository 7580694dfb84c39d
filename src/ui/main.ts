/**
 * Entry of the page: isolation first (it may reload), then the engine's worker and the first model, which load while
 * the page is put together.
 */
import { present } from '../errors/present';
import { ensureIsolation } from './isolation';
import './design.css';

if ((await ensureIsolation()) === 'ready') {
  const coming = import('./showPage');
  const { start } = await import('./store/start');
  start();
  const [{ showPage }, { keepOffline }] = await Promise.all([coming, import('./offline')]);
  showPage(present(document.getElementById('root')));
  keepOffline();
}
