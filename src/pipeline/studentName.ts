/** How a student's files are called: 'emoji-t2v-pruned', and 'emoji-t2v-teacher' where nothing is dropped. No ending. */
export function studentName(modelName: string, dropped: readonly string[]): string {
  return `${modelName.replace(/\.onnx$/, '')}-${dropped.length === 0 ? 'teacher' : 'pruned'}`;
}
