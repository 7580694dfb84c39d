/** A clip of frames and what is measured on a pair of them. Formulas: see each metric's file. */

export interface Clip {
  readonly frameCount: number;
  readonly height: number;
  readonly width: number;
  /** RGBA, 8 bits, frame after frame: frameCount * height * width * 4 bytes. */
  readonly pixels: Uint8ClampedArray;
}

/** Per frame: length = frameCount. Per transition: length = frameCount - 1, entry t is from frame t to t + 1. */
export interface ClipComparison {
  readonly content: {
    readonly psnrPerFrame: readonly number[]; // dB; Infinity when identical
    readonly ssimPerFrame: readonly number[];
    /** ||ebar||^2 per pixel and channel, in squared 8-bit levels; one number for the clip. */
    readonly errorContent: number;
  };
  readonly motion: {
    /** mean ||e_t - ebar||^2, same unit as errorContent. */
    readonly errorMotion: number;
    /** ||e_t - ebar||^2 of each frame. */
    readonly errorMotionPerFrame: readonly number[];
    /** mean ||dS - dT||^2 / mean ||dT||^2; null for a near-static reference. */
    readonly motionDelta: number | null;
    readonly flowEpePerTransition: readonly number[]; // pixels
    readonly flowMagnitudeRatio: number | null;
    readonly flowDirectionCosine: number | null;
    /** VBench's temporal flickering score in 0..1, higher is steadier. */
    readonly flicker: { readonly reference: number; readonly candidate: number };
    /** Top-5 % flow magnitude / (min(H, W) / 256), a proxy of VBench's dynamic degree. */
    readonly motionMagnitude: { readonly reference: number; readonly candidate: number };
    readonly flickerPerTransition: { readonly reference: readonly number[]; readonly candidate: readonly number[] };
    readonly motionMagnitudePerTransition: {
      readonly reference: readonly number[];
      readonly candidate: readonly number[];
    };
  };
  /** mean ||e_t||^2 = errorContent + errorMotion. */
  readonly meanSquaredError: number;
}
