/** How sensitive the eye is, by spatial frequency and by the light around: castleCSF, from its table. */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { ColorVideoVdpFile } from './parameters';

/** Sensitivity at log10 of a luminance in cd/m^2. */
export type SensitivityAt = (logLuminance: number) => number;

/** One function for each channel (luminance, red-green, yellow-violet, transient) at a frequency in cycles per degree. */
export function sensitivities(
  { sensitivity, parameters }: ColorVideoVdpFile,
  frequency: number,
): readonly SensitivityAt[] {
  const { luminance, sustained, redGreen, yellowViolet, transient } = sensitivity;
  const first = Math.log10(luminance[0]!);
  const last = Math.log10(luminance.at(-1)!);
  const correction = 10 ** (parameters.sensitivity_correction / 20);
  return [sustained, redGreen, yellowViolet, transient].map((table) => {
    const byLuminance = table.map((row) => atFrequency(sensitivity.frequency, row, frequency));
    const top = byLuminance.length - 1;
    return (logLuminance) => {
      const place = Math.min(top, Math.max(0, ((logLuminance - first) / (last - first)) * top));
      const low = Math.floor(place);
      const share = place - low;
      const value = byLuminance[low]! * (1 - share) + byLuminance[Math.min(top, low + 1)]! * share;
      return 10 ** value * correction;
    };
  });
}

/** Linear in log10 of the frequency, and beyond the ends of the table. */
function atFrequency(frequencies: readonly number[], row: readonly number[], frequency: number): number {
  const after = frequencies.findIndex((known) => known >= frequency);
  const high = Math.max(1, after === -1 ? frequencies.length - 1 : after);
  const [x0, x1] = [Math.log10(frequencies[high - 1]!), Math.log10(frequencies[high]!)];
  const [y0, y1] = [row[high - 1]!, row[high]!];
  return y0 + ((y1 - y0) / (x1 - x0)) * (Math.log10(frequency) - x0);
}
