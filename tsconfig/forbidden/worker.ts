/** What must not compile in the worker, nor in what it shares with Node: each line has an error, or `npm run check` has one. */

// @ts-expect-error: no Node in a browser
import 'node:fs';

// @ts-expect-error: no Node in a browser
void process.env;
// @ts-expect-error: no Node in a browser
void Buffer.from('');
// @ts-expect-error: no page in a worker
void window;
// @ts-expect-error: no page in a worker
void document;
// @ts-expect-error: no page in a worker
void localStorage;
