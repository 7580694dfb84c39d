/**
 * A plugin of the build: the page's content security policy, as a meta tag, so that it holds on any file server. Scripts,
 * styles and pictures come from the page's own folder alone (the inline style of index.html by its hash); models may
 * come from any https address, or over plain http from this machine. `npm run dev` has none, as its tooling puts scripts into the page.
 */
import { createHash } from 'node:crypto';
import type { Plugin } from 'vite';

export function contentSecurityPolicy(): Plugin {
  return {
    name: 'vdmini-content-security-policy',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler: (html) => ({
        html,
        tags: [
          {
            tag: 'meta',
            attrs: { 'http-equiv': 'Content-Security-Policy', content: policyFor(html) },
            injectTo: 'head-prepend',
          },
        ],
      }),
    },
  };
}

function policyFor(html: string): string {
  const styles = [...html.matchAll(/<style[^>]*>([\s\S]*?)<\/style>/g)].map(([, text]) => hashOf(text ?? ''));
  const directives: Readonly<Record<string, readonly string[]>> = {
    'default-src': ["'self'"],
    'script-src': ["'self'", "'wasm-unsafe-eval'"],
    'style-src': ["'self'", ...styles],
    'worker-src': ["'self'", 'blob:'],
    'connect-src': ["'self'", 'blob:', 'https:', 'http://localhost:*', 'http://127.0.0.1:*'],
    'img-src': ["'self'", 'blob:', 'data:'],
    'object-src': ["'none'"],
    'base-uri': ["'none'"],
  };
  return Object.entries(directives)
    .map(([name, sources]) => `${name} ${sources.join(' ')}`)
    .join('; ');
}

/** As the browser reads it: line ends are LF by then. */
const hashOf = (text: string): string =>
  `'sha256-${createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('base64')}'`;
