/** How a clip is made: plain data. */

/** A picture that an image-to-video model begins with. */
export interface Picture {
  /** Names the picture by its content; equal keys, equal pixels. */
  readonly key: string;
  /** Its path in the model's folder where it came with the model, else its file's name; says nothing of the pixels. */
  readonly name?: string;
  readonly width: number;
  readonly height: number;
  /** RGBA, 8 bits, width * height * 4 bytes. */
  readonly pixels: Uint8ClampedArray;
}

export interface GenerateSettings {
  readonly prompt: string;
  readonly seed: number; // unsigned 32-bit
  readonly steps: number;
  readonly guidance: number; // 1: no guidance, one denoiser call per step
  readonly image?: Picture;
}
