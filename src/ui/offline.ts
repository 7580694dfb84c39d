/**
 * Keeps the page and the open bundled model in this browser, so that the next visit works without a network. The
 * build lists the page's files in offline.json; the service worker fetches and answers (public/service-worker.js).
 */
import { useStudio } from './store/state';

/** What the build lists: paths relative to the page. */
interface OfflineFiles {
  /** The page itself, without the runtime's WebAssembly. */
  readonly page: readonly string[];
  readonly wasm: readonly string[];
  /** By the folder of each bundled model. */
  readonly models: Readonly<Record<string, readonly string[]>>;
}

/** After the first clips, when the network is free: registers the service worker and says what to keep. */
export function keepOffline(): void {
  if (!window.isSecureContext || !('serviceWorker' in navigator) || window.top !== window.self || import.meta.env.DEV)
    return;
  navigator.serviceWorker.addEventListener('message', ({ data }: MessageEvent<{ type?: string; reason?: string }>) => {
    if (data.type === 'kept') document.documentElement.dataset['offline'] = 'ready';
    if (data.type === 'not-kept') console.warn(`The page could not be kept for use without a network: ${data.reason}`);
  });
  const stop = useStudio.subscribe((state) => {
    if (!state.open || state.run || !state.shown.student) return;
    stop();
    void keep(state.open.folder.kind === 'url' ? state.open.folder.url : null);
  });
}

async function keep(modelUrl: string | null): Promise<void> {
  try {
    const list = (await (await fetch(new URL('offline.json', document.baseURI))).json()) as OfflineFiles;
    await navigator.serviceWorker.register(new URL('service-worker.js', document.baseURI));
    const { active } = await navigator.serviceWorker.ready;
    const absolute = (path: string) => new URL(path, document.baseURI).href;
    const model = Object.entries(list.models).find(([folder]) => absolute(folder) === modelUrl)?.[1] ?? [];
    const paths = [...list.page, ...list.wasm.filter(isOfThisRuntime), ...model];
    active?.postMessage({ type: 'keep', urls: [new URL('./', document.baseURI).href, ...paths.map(absolute)] });
  } catch (error) {
    console.warn('The page could not be kept for use without a network.', error);
  }
}

/** The build of the runtime that this browser got; another browser may get another. */
function isOfThisRuntime(path: string): boolean {
  const build = useStudio.getState().status?.build;
  if (build === 'jspi') return path.includes('.jspi');
  if (build === 'webgpu') return path.includes('.asyncify');
  return !/\.(jspi|asyncify)/.test(path);
}
