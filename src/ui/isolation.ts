/**
 * Makes the page cross-origin isolated on servers that do not send the headers: registers the service worker that
 * adds them (public/service-worker.js) and reloads once. Where that is impossible the page goes on without WebAssembly threads.
 */
const triedKey = 'vdmini-studio/isolation-tried';
const activationTimeoutMs = 4000;

/** Resolves to 'reloading' when the page is about to be loaded again and nothing should be started. */
export async function ensureIsolation(): Promise<'ready' | 'reloading'> {
  try {
    if (window.crossOriginIsolated) {
      sessionStorage.removeItem(triedKey);
      return 'ready';
    }
    const possible = window.isSecureContext && 'serviceWorker' in navigator && window.top === window.self;
    if (!possible || sessionStorage.getItem(triedKey) !== null) return 'ready';
    sessionStorage.setItem(triedKey, '1');
    await navigator.serviceWorker.register(new URL('service-worker.js', document.baseURI));
    if (!(await controlled())) return 'ready';
    window.location.reload();
    return 'reloading';
  } catch {
    return 'ready'; // storage or service workers are forbidden here: single-threaded is better than nothing
  }
}

/** Waits until the service worker will see the next load of this page; false after a few seconds. */
async function controlled(): Promise<boolean> {
  const timeout = new Promise<false>((resolve) => setTimeout(() => resolve(false), activationTimeoutMs));
  return Promise.race([navigator.serviceWorker.ready.then(() => true as const), timeout]);
}
