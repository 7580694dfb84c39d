/**
 * The calibrated parameters of ColorVideoVDP, its contrast sensitivity table and displays, as the PyPI package `cvvdp`
 * (MIT, its licence is in the file) has them; training/reference/color_video_vdp.py writes the file. Loaded when the
 * metric is first asked for.
 */

export const displayNames = ['standard_4k', 'standard_fhd', 'standard_phone'] as const;
export type DisplayName = (typeof displayNames)[number];

export interface Display {
  readonly about: string;
  /** cd/m^2: of white, of black, and of the room's light on the screen. */
  readonly peak: number;
  readonly black: number;
  readonly reflected: number;
  readonly pixelsPerDegree: number;
}

/** Names are the package's. */
export interface Parameters {
  readonly mask_p: number;
  readonly mask_c: number;
  readonly pu_dilate: number;
  readonly beta: number;
  readonly beta_t: number;
  readonly beta_tch: number;
  readonly beta_sch: number;
  readonly sensitivity_correction: number;
  readonly jod_a: number;
  readonly jod_exp: number;
  readonly mask_q: readonly number[];
  readonly ch_chrom_w: number;
  readonly ch_trans_w: number;
  readonly sigma_tf: readonly number[];
  readonly beta_tf: readonly number[];
  readonly xcm_weights: readonly number[];
  readonly baseband_weight: readonly number[];
  readonly d_max: number;
  readonly image_int: number;
}

/** log10 of the sensitivity: a row for each luminance, a column for each spatial frequency. */
type Table = readonly (readonly number[])[];

export interface ColorVideoVdpFile {
  readonly source: string;
  readonly licence: string;
  readonly parameters: Parameters;
  readonly sensitivity: {
    /** cd/m^2, spaced evenly in their logarithm. */
    readonly luminance: readonly number[];
    /** Cycles per degree. */
    readonly frequency: readonly number[];
    readonly sustained: Table;
    readonly redGreen: Table;
    readonly yellowViolet: Table;
    readonly transient: Table;
  };
  /** Linear RGB to luminance, red-green and yellow-violet. */
  readonly rgbToOpponent: readonly (readonly number[])[];
  readonly displays: Readonly<Partial<Record<string, Display>>>;
}

export async function loadParameters(): Promise<ColorVideoVdpFile> {
  return (await import('./parameters.json')).default;
}
