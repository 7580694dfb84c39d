/** Deviation of the noise on a picture that a clip begins with, which the denoiser is told (StableVideoDiffusionPipeline). */
export const PICTURE_NOISE = 0.02;
