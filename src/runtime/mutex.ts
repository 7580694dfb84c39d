/** First come, first served: one piece of asynchronous work at a time. */
export type Exclusively = <T>(work: () => Promise<T>) => Promise<T>;

export function createMutex(): Exclusively {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work, work);
    last = mine.catch(() => undefined);
    return mine;
  };
}
