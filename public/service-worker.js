/*
 * Service worker of the page, with two duties. It adds the headers of cross-origin isolation to everything of this
 * origin, for static servers that cannot send them, so that WebAssembly threads work, and a content security policy to
 * the scripts of workers. And it keeps what a visit
 * needed (the page's own files and the bundled model that was opened), so that the next one works without a network.
 * It keeps nothing by itself: the page says what (src/ui/offline.ts). Models of other addresses are none of its
 * business; those are kept by the page's own storage.
 */
const CACHE = 'vdmini-studio';

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('message', (event) => {
  if (event.data?.type !== 'keep') return;
  const kept = keep(event.data.urls).then(
    () => ({ type: 'kept' }),
    (error) => ({ type: 'not-kept', reason: String(error) }),
  );
  event.waitUntil(kept.then((reply) => event.source?.postMessage(reply)));
});

/** Fetches what is not here yet; assets of earlier versions go. */
async function keep(urls) {
  const cache = await caches.open(CACHE);
  for (const url of urls) {
    if ((await cache.match(url)) && isAsset(url)) continue; // named by content
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    await cache.put(url, response);
  }
  const wanted = new Set(urls);
  for (const { url } of await cache.keys()) if (isAsset(url) && !wanted.has(url)) await cache.delete(url);
}

const isAsset = (url) => new URL(url).pathname.includes('/assets/');

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (new URL(request.url).origin !== self.location.origin) return; // other origins answer for themselves
  if (request.cache === 'only-if-cached' && request.mode !== 'same-origin') return; // crbug.com/823392
  event.respondWith(answer(request).then((response) => withHeaders(response, request)));
});

async function answer(request) {
  if (request.method === 'GET' && isAsset(request.url)) {
    const known = await fromCache(request);
    if (known) return known;
  }
  try {
    return await fetch(request);
  } catch (error) {
    const known = request.method === 'GET' || request.method === 'HEAD' ? await fromCache(request) : undefined;
    if (known) return known;
    // A file that a kept folder never had: the answer of a server, not of a dead network.
    if (await keepsFolderOf(request.url)) return new Response(null, { status: 404 });
    throw error;
  }
}

async function fromCache(request) {
  const cache = await caches.open(CACHE);
  const known = await cache.match(request.mode === 'navigate' ? self.registration.scope : request.url);
  if (!known || request.method === 'HEAD') return known && new Response(null, { headers: known.headers });
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get('Range') ?? '');
  if (!range) return known;
  const whole = await known.blob();
  const [first, last] = [Number(range[1]), range[2] === '' ? whole.size - 1 : Number(range[2])];
  return new Response(whole.slice(first, last + 1), {
    status: 206,
    headers: { 'Content-Range': `bytes ${first}-${last}/${whole.size}` },
  });
}

async function keepsFolderOf(url) {
  const keys = await (await caches.open(CACHE)).keys();
  const model = /^.*\/models\/[^/]+\//.exec(url)?.[0];
  return model !== undefined && keys.some((key) => key.url.startsWith(model));
}

/** A worker has the policy of its own response, and not the page's (contentSecurityPolicy.ts). It has no styles or pictures. */
const WORKER_POLICY =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; connect-src 'self' blob: https: http://localhost:* http://127.0.0.1:*; object-src 'none'; base-uri 'none'";

function withHeaders(response, request) {
  if (response.type === 'opaque' || response.type === 'opaqueredirect' || response.type === 'error') return response;
  const headers = new Headers(response.headers);
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp');
  headers.set('Cross-Origin-Resource-Policy', 'same-origin');
  if (request.destination === 'worker') headers.set('Content-Security-Policy', WORKER_POLICY);
  const empty = [204, 205, 304].includes(response.status);
  return new Response(empty ? null : response.body, {
    status: response.status,
    statusText: response.statusText,
    headers,
  });
}
