"""Writes fixtures/pipelines/tiny-svd: a whole image-to-video pipeline of Stable Video Diffusion's classes, tiny and with
seeded random weights, exported part by part; and what diffusers' own StableVideoDiffusionPipeline makes of a picture.

Noise is the studio's own (Philox), written again in pipelines.py. Run from the repository root:
    python training/reference/svd_pipeline.py
"""
import gzip
import json
import sys
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLTemporalDecoder, EulerDiscreteScheduler, StableVideoDiffusionPipeline, UNetSpatioTemporalConditionModel
from diffusers.pipelines.stable_video_diffusion import pipeline_stable_video_diffusion as module
from PIL import Image
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "training/exports"), str(ROOT / "training/reference")]
from pipelines import philox_noise  # noqa: E402
from weights import randomise  # noqa: E402

OUT = ROOT / "fixtures/pipelines/tiny-svd"
FRAMES, LATENT, SIZE, CLIP_SIZE, WIDTH = 4, 8, 32, 224, 16  # CLIP's size is written into diffusers' pipeline
SEED, STEPS, FPS, BUCKET, PICTURE_NOISE = 11, 3, 7, 127, 0.02
PICTURE_STREAM = 2_000_000  # src/pipeline/imageConditioning.ts


def build() -> StableVideoDiffusionPipeline:
    unet = UNetSpatioTemporalConditionModel(
        sample_size=LATENT, block_out_channels=(32, 32, 32), addition_time_embed_dim=8, projection_class_embeddings_input_dim=24, layers_per_block=2,
        cross_attention_dim=WIDTH, num_attention_heads=(2, 2, 2), num_frames=FRAMES,
        down_block_types=("CrossAttnDownBlockSpatioTemporal",) * 2 + ("DownBlockSpatioTemporal",), up_block_types=("UpBlockSpatioTemporal",) + ("CrossAttnUpBlockSpatioTemporal",) * 2,
    )
    vae = AutoencoderKLTemporalDecoder(block_out_channels=(32, 32, 32), down_block_types=("DownEncoderBlock2D",) * 3, layers_per_block=1, latent_channels=4, sample_size=SIZE, force_upcast=False)
    image = CLIPVisionModelWithProjection(CLIPVisionConfig(hidden_size=WIDTH, intermediate_size=32, projection_dim=WIDTH, num_hidden_layers=1, num_attention_heads=2, image_size=CLIP_SIZE, patch_size=56))
    scheduler = EulerDiscreteScheduler(
        num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction", sigma_max=700.0, sigma_min=0.002,
        steps_offset=1, timestep_spacing="leading", timestep_type="continuous", use_karras_sigmas=True,
    )
    for seed, part in enumerate((unet, vae, image)):
        randomise(part, seed)
    processor = CLIPImageProcessor(size={"height": CLIP_SIZE, "width": CLIP_SIZE}, crop_size=CLIP_SIZE)
    return StableVideoDiffusionPipeline(vae=vae, image_encoder=image, unet=unet, scheduler=scheduler, feature_extractor=processor)


class Encoder(torch.nn.Module):
    def __init__(self, vae):
        super().__init__()
        self.encoder, self.quant_conv = vae.encoder, vae.quant_conv

    def forward(self, sample):
        return self.quant_conv(self.encoder(sample))


class Decoder(torch.nn.Module):
    """All frames in one call, as decode_chunk_size = num_frames does."""

    def __init__(self, vae):
        super().__init__()
        self.decoder = vae.decoder

    def forward(self, latent_sample):
        return self.decoder(latent_sample, num_frames=FRAMES, image_only_indicator=torch.zeros(1, FRAMES))


def unet_forward(net):
    def forward(sample, timestep, encoder_hidden_states, added_time_ids):
        return type(net).forward(net, sample, timestep, encoder_hidden_states, added_time_ids, return_dict=False)[0]
    return forward


class Embedding(torch.nn.Module):
    def __init__(self, image):
        super().__init__()
        self.vision_model, self.visual_projection = image.vision_model, image.visual_projection

    def forward(self, pixel_values):
        return self.visual_projection(self.vision_model(pixel_values=pixel_values, return_dict=False)[1])


def export(name, model, inputs, output):
    path = OUT / name / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(model, tuple(inputs.values()), str(path), dynamo=True, opset_version=18, input_names=list(inputs), output_names=[output], external_data=False, verbose=False)
    import onnx
    graph = onnx.load(path)
    for node in graph.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    (OUT / name / "model.onnx.gz").write_bytes(gzip.compress(graph.SerializeToString(), 9, mtime=0))
    path.unlink()


def picture():
    """A disc on a gradient: no two rows or columns alike, so that a turned or shifted picture shows."""
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    pixels = np.stack([x * 7, y * 7, 255 - x * 3 - y * 4], -1).astype(np.uint8)
    pixels[(x - 20) ** 2 + (y - 11) ** 2 < 36] = (250, 40, 90)
    return Image.fromarray(pixels)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    pipeline = build()
    given = picture()
    given.save(OUT / "picture.png")
    shape = (1, FRAMES, 4, LATENT, LATENT)
    # the studio's noise has the studio's layout of a clip: the graph's own, frames first
    module.randn_tensor = lambda size, **_: philox_noise(SEED, int(np.prod(size)), PICTURE_STREAM).reshape(size)
    pipeline.set_progress_bar_config(disable=True)
    start = philox_noise(SEED, int(np.prod(shape))).reshape(shape)
    call = dict(image=given, height=SIZE, width=SIZE, num_frames=FRAMES, num_inference_steps=STEPS, fps=FPS, motion_bucket_id=BUCKET, noise_aug_strength=PICTURE_NOISE, latents=start)
    with torch.no_grad():
        guided = pipeline(**call, min_guidance_scale=3.0, max_guidance_scale=3.0, output_type="latent").frames
        latents = pipeline(**call, min_guidance_scale=1.0, max_guidance_scale=1.0, output_type="latent").frames
        frames = pipeline(**call, min_guidance_scale=1.0, max_guidance_scale=1.0, output_type="pt", decode_chunk_size=FRAMES).frames
    for name, part in (("unet", pipeline.unet), ("image_encoder", pipeline.image_encoder), ("vae_encoder", pipeline.vae), ("vae_decoder", pipeline.vae)):
        (OUT / name).mkdir(exist_ok=True)
        config = part.config.to_dict() if hasattr(part.config, "to_dict") else {key: value for key, value in dict(part.config).items() if not key.startswith("_")} | {"_class_name": type(part).__name__}
        (OUT / name / "config.json").write_text(json.dumps(config, indent=1, default=list) + "\n")
    pipeline.scheduler.save_pretrained(OUT / "scheduler")
    pipeline.feature_extractor.save_pretrained(OUT / "feature_extractor")
    index = {"_class_name": "StableVideoDiffusionPipeline", "scheduler": ["diffusers", "EulerDiscreteScheduler"], "unet": ["diffusers", "UNetSpatioTemporalConditionModel"], "vae": ["diffusers", "AutoencoderKLTemporalDecoder"],
             "image_encoder": ["transformers", "CLIPVisionModelWithProjection"], "feature_extractor": ["transformers", "CLIPImageProcessor"], "_studio": {"frames_per_second": FPS, "steps": STEPS, "guidance": 1}}
    (OUT / "model_index.json").write_text(json.dumps(index, indent=1) + "\n")
    net = pipeline.unet
    noise = torch.randn
    net.forward = unet_forward(net)
    export("unet", net, {"sample": noise(1, FRAMES, 8, LATENT, LATENT), "timestep": torch.tensor([1.5]), "encoder_hidden_states": noise(1, 1, WIDTH), "added_time_ids": torch.tensor([[6.0, 127.0, 0.02]])}, "out_sample")
    export("image_encoder", Embedding(pipeline.image_encoder), {"pixel_values": noise(1, 3, CLIP_SIZE, CLIP_SIZE)}, "image_embeds")
    export("vae_encoder", Encoder(pipeline.vae), {"sample": noise(1, 3, SIZE, SIZE)}, "latent_parameters")
    export("vae_decoder", Decoder(pipeline.vae), {"latent_sample": noise(FRAMES, 4, LATENT, LATENT)}, "sample")
    written = dict(diffusers=__import__("diffusers").__version__, seed=SEED, steps=STEPS, latents=_rounded(latents), guided=dict(scale=3, latents=_rounded(guided)), frames=_rounded(frames, 4))
    (OUT / "reference.json").write_text(json.dumps(written) + "\n")
    print(sorted((str(path.relative_to(OUT)), path.stat().st_size) for path in OUT.rglob("*") if path.is_file()), float(latents.abs().max()), float(guided.abs().max()))


def _rounded(values, digits=6):
    return [float(f"{value:.{digits}g}") for value in values.flatten().tolist()]


if __name__ == "__main__":
    main()
