/*
 * Service worker for static servers that cannot send headers: it adds the two headers of cross-origin isolation
 * to everything of this origin, so that WebAssembly threads work. It caches nothing and answers nothing itself.
 * Registered by src/ui/isolation.ts, and only where the page is not isolated already.
 */
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

function isolated(response) {
  if (response.type === 'opaque' || response.type === 'opaqueredirect' || response.type === 'error') return response;
  const headers = new Headers(response.headers);
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp');
  headers.set('Cross-Origin-Resource-Policy', 'same-origin');
  const empty = response.status === 204 || response.status === 205 || response.status === 304;
  return new Response(empty ? null : response.body, {
    status: response.status,
    statusText: response.statusText,
    headers,
  });
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (new URL(request.url).origin !== self.location.origin) return; // other origins answer for themselves
  if (request.cache === 'only-if-cached' && request.mode !== 'same-origin') return; // crbug.com/823392
  event.respondWith(fetch(request).then(isolated));
});
