/** What must not compile on the command line: each line has an error, or `npm run check` has one. */

// @ts-expect-error: no page in Node
void window;
// @ts-expect-error: no page in Node
void document;
// @ts-expect-error: no page in Node
void localStorage;
