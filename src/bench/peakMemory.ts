/** The most memory that JavaScript held since a moment, over what it held then: heap and array buffers, in bytes. */
export function peakMemory(): { stop(): number } {
  const held = () => {
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const start = held();
  let peak = start;
  const timer = setInterval(() => (peak = Math.max(peak, held())), 5);
  return {
    stop() {
      clearInterval(timer);
      return Math.max(peak, held()) - start;
    },
  };
}
