/** The measurements of a pair of clips as CSV: `# name,value` lines for the clip, then one row per frame. */
import type { ClipComparison } from './Clip';
import { psnr } from './psnr';

type Cell = number | null | undefined;

/**
 * Columns that end in `_to_next` belong to the transition to the next frame and are empty in the last row.
 * Numbers in full precision; PSNR of equal frames is `identical`; what is not defined is empty.
 */
export function metricsCsv({ content, motion, meanSquaredError }: ClipComparison): string {
  const clip: readonly (readonly [string, Cell])[] = [
    ['mean_squared_error', meanSquaredError],
    ['psnr_db', psnr(meanSquaredError)],
    ['ssim', mean(content.ssimPerFrame)],
    ['error_content', content.errorContent],
    ['error_motion', motion.errorMotion],
    ['motion_delta', motion.motionDelta],
    ['flow_epe_px', mean(motion.flowEpePerTransition)],
    ['flow_magnitude_ratio', motion.flowMagnitudeRatio],
    ['flow_direction_cosine', motion.flowDirectionCosine],
    ['flicker_reference', motion.flicker.reference],
    ['flicker_candidate', motion.flicker.candidate],
    ['motion_magnitude_reference', motion.motionMagnitude.reference],
    ['motion_magnitude_candidate', motion.motionMagnitude.candidate],
  ];
  const columns: readonly (readonly [string, readonly Cell[]])[] = [
    ['psnr_db', content.psnrPerFrame],
    ['ssim', content.ssimPerFrame],
    ['error_motion', motion.errorMotionPerFrame],
    ['flow_epe_px_to_next', motion.flowEpePerTransition],
    ['flicker_reference_to_next', motion.flickerPerTransition.reference],
    ['flicker_candidate_to_next', motion.flickerPerTransition.candidate],
    ['motion_magnitude_reference_to_next', motion.motionMagnitudePerTransition.reference],
    ['motion_magnitude_candidate_to_next', motion.motionMagnitudePerTransition.candidate],
  ];
  const lines = [
    ...clip.map(([name, value]) => `# ${name},${cell(value)}`),
    ['frame', ...columns.map(([name]) => name)].join(','),
    ...content.psnrPerFrame.map((_, t) => [t, ...columns.map(([, values]) => cell(values[t]))].join(',')),
  ];
  return lines.join('\n') + '\n';
}

function cell(value: Cell): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '';
  return value === Infinity ? 'identical' : String(value);
}

const mean = (values: readonly number[]) =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
