/** A turn of the event loop, in which messages are received; promises alone never give one. Works in pages, workers and Node. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    // a timer would be held back to 4 ms after a few turns
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
