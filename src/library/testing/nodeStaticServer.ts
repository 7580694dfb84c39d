/** A tiny static file server for tests (Node only), with the habits of real ones switchable. */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ServerHabits {
  /** Answers missing paths with 200 and an HTML page, as single-page development servers do. */
  readonly indexFallback?: boolean;
  /** Answers HEAD with 405. */
  readonly noHead?: boolean;
  /** Answers Range requests (206) when true, ignores them otherwise. */
  readonly ranges?: boolean;
  /** Closes the connection after so many bytes of a body. */
  readonly breakAfterBytes?: number;
  /** Leaves out content-length. */
  readonly chunked?: boolean;
  readonly status?: number;
  /** Lets pages of other origins read, and see the ETag. */
  readonly cors?: boolean;
  /** Says that every body has so many bytes, and sends none of them. */
  readonly claimedBytes?: number;
}

export interface StaticServer {
  readonly url: string;
  /** Habits may be changed between requests. */
  habits: ServerHabits;
  /** Every request so far: 'GET /a bytes=3-'. */
  readonly log: string[];
  files: Record<string, Uint8Array>;
  close(): Promise<void>;
}

export async function staticServer(
  files: Record<string, Uint8Array>,
  habits: ServerHabits = {},
): Promise<StaticServer> {
  const state: StaticServer = { url: '', habits, log: [], files, close: () => closed(server) };
  const server = createServer((request, response) => answer(state, request, response));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return Object.assign(state, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` });
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((done) => server.close(() => done()));
}

function answer({ habits, files, log }: StaticServer, request: IncomingMessage, response: ServerResponse): void {
  const path = decodeURIComponent(new URL(request.url!, 'http://x').pathname.slice(1));
  const range = request.headers.range;
  log.push([request.method, `/${path}`, range].filter(Boolean).join(' '));
  if (habits.cors)
    response.setHeaders(
      new Map([
        ['access-control-allow-origin', '*'],
        ['access-control-expose-headers', 'etag'],
      ]),
    );
  if (habits.status) return void response.writeHead(habits.status).end();
  if (habits.noHead && request.method === 'HEAD') return void response.writeHead(405).end();
  const whole = files[path];
  if (!whole) {
    if (!habits.indexFallback) return void response.writeHead(404, { 'content-type': 'text/html' }).end('no');
    return void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<!doctype html>');
  }
  const from = habits.ranges && range ? Number(/bytes=(\d+)-/.exec(range)![1]) : 0;
  const body = whole.subarray(from);
  response.writeHead(from > 0 ? 206 : 200, {
    'content-type': 'application/octet-stream',
    etag: `"${whole.length}-${whole[0]}"`,
    ...(habits.chunked ? {} : { 'content-length': String(habits.claimedBytes ?? body.length) }),
    ...(from > 0 ? { 'content-range': `bytes ${from}-${whole.length - 1}/${whole.length}` } : {}),
  });
  if (request.method === 'HEAD') return void response.end();
  if (habits.claimedBytes !== undefined) return void response.flushHeaders();
  if (habits.breakAfterBytes === undefined || habits.breakAfterBytes >= body.length) return void response.end(body);
  response.write(body.subarray(0, habits.breakAfterBytes), () => setTimeout(() => response.destroy(), 100));
}
