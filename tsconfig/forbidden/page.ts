/** What must not compile in the page: each line has an error, or `npm run check` has one. Never bundled. */

// @ts-expect-error: no Node in a browser
import 'node:fs';

// @ts-expect-error: no Node in a browser
void process.env;
// @ts-expect-error: no Node in a browser
void Buffer.from('');
// @ts-expect-error: no worker's scope on a page
void importScripts;
