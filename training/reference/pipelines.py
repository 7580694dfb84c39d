"""Writes src/pipeline/fixtures/pipelines.json: whole loops of diffusers' own pipeline classes, from a prompt to the last latent.

Denoisers are the tiny seeded ones of training/exports, whose graphs lie in fixtures/exports, where there is one that fits;
else a function of latent, timestep, text, mask and guidance that the test computes too. Text encoders are such a function of ids and
mask. What starts a loop, and what is added in it, is the studio's own noise (Philox), written here again.
Run from the repository root: python training/reference/pipelines.py
"""
import inspect
import json
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import diffusers
import numpy as np
import torch
from transformers.modeling_outputs import BaseModelOutputWithPooling

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "training/exports"), str(ROOT / "training/reference")]
import text_tokenizers  # noqa: E402
from families import FAMILIES  # noqa: E402
from weights import randomise  # noqa: E402

OUT = ROOT / "src/pipeline/fixtures/pipelines.json"
PROMPT, NEGATIVE, SEED = "a cat", "a dog stop", 5
WIDTH = 16


def philox_noise(seed, length, stream=0):
    """src/pipeline/seededNoise.ts: Philox4x32-10 (Salmon et al. 2011), Box-Muller."""
    blocks = np.arange(-(-length // 4), dtype=np.uint64)
    c = [blocks & 0xFFFFFFFF, blocks >> np.uint64(32), np.zeros_like(blocks), np.zeros_like(blocks)]
    k0, k1, low = seed, stream, np.uint64(0xFFFFFFFF)
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(b >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), b & low, (a >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), a & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    unit = [(word.astype(np.float64) + 0.5) / 2**32 for word in c]
    pairs = [np.sqrt(-2 * np.log(unit[i])) * part(2 * np.pi * unit[i + 1]) for i in (0, 2) for part in (np.cos, np.sin)]
    return torch.from_numpy(np.stack(pairs, 1).reshape(-1)[:length].astype(np.float32))


class Stub(torch.nn.Module):
    """What the pipelines ask of any module."""

    dtype, device = torch.float32, torch.device("cpu")

    def __init__(self, **config):
        super().__init__()
        self.config = diffusers.configuration_utils.FrozenDict(config)


class TextStub(Stub):
    """states[i, w] = sin(0.07 id (w + 1) + 0.3 i) (1 + mask) / 2."""

    def forward(self, input_ids, attention_mask=None, output_hidden_states=False, **_):
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        at = torch.arange(input_ids.shape[1]).reshape(1, -1, 1)
        states = torch.sin(0.07 * input_ids[..., None].double() * torch.arange(1, WIDTH + 1) + 0.3 * at)
        states = (states * (1 + mask[..., None].double()) / 2).float()
        # HunyuanVideo takes the third state from the end; the studio's graph has that one alone
        return BaseModelOutputWithPooling(last_hidden_state=states, hidden_states=(states, states, states * 2, states * 3), pooler_output=POOLED)


POOLED = philox_noise(0, 8, 7_000_000 + len("pooled_projections")).reshape(1, 8)


class Denoiser(Stub):
    """out = 0.5 sin(x + 0.001 t + 0.3 c) + 0.1 x + 0.01 g, c the mean of the text over the tokens of the mask."""

    def __init__(self, doubles=False, **config):
        super().__init__(**config)
        self.doubles = doubles
        self.encoder_hid_proj = None

    def cache_context(self, *_, **__):
        return _Nothing()

    def forward(self, hidden_states=None, timestep=None, encoder_hidden_states=None, encoder_attention_mask=None, guidance=None, **_):
        mask = torch.ones(encoder_hidden_states.shape[:2]) if encoder_attention_mask is None else encoder_attention_mask.float()
        mean = (encoder_hidden_states * mask[..., None]).sum((1, 2)) / (mask.sum(1) * encoder_hidden_states.shape[2])
        along = lambda value: value.reshape(-1, *[1] * (hidden_states.dim() - 1))
        told = along(torch.as_tensor(timestep).float().reshape(-1))
        out = 0.5 * torch.sin(hidden_states + 0.001 * told + 0.3 * along(mean)) + 0.1 * hidden_states
        out = out if guidance is None else out + 0.01 * along(guidance)
        out = torch.cat([out, 0 * out], 1) if self.doubles else out
        return (out,)


class _Nothing:
    __enter__ = lambda self: self
    __exit__ = lambda self, *_: None


class Unet(Denoiser):
    """The same by a U-Net's names."""

    def forward(self, sample, timestep, encoder_hidden_states=None, **_):
        return super().forward(sample, timestep, encoder_hidden_states)


def exported(name):
    """The published class with the weights of fixtures/exports; told whole timesteps where the graph's input is one."""
    family = FAMILIES[name]
    model = randomise(family.build())
    published = next(c for c in type(model).__mro__ if c.__module__.startswith("diffusers"))
    plain = published(**{k: v for k, v in model.config.items() if not k.startswith("_")})
    plain.load_state_dict(model.state_dict())
    if not family.inputs()["timestep"].is_floating_point():
        forward = plain.forward
        def rounded(*args, timestep=None, **kwargs):
            kwargs.pop("rope_interpolation_scale", None)  # LTX: the exported graph holds its positions without it
            if timestep is None:
                args = (args[0], torch.floor(torch.as_tensor(args[1]).float() + 0.5).long(), *args[2:])
                return forward(*args, **kwargs)
            return forward(*args, timestep=torch.floor(timestep.float() + 0.5).long(), **kwargs)
        plain.forward = rounded
    return plain.eval()


def tokenizer(kind, length):
    made = getattr(text_tokenizers, kind)()
    made.model_max_length = length
    return made


def vae(name, **config):
    """Nothing is decoded; some pipelines read sizes from it."""
    stub = Stub(**config)
    stub.spatial_compression_ratio, stub.temporal_compression_ratio = config.get("spatial", 8), config.get("temporal", 4)
    stub.temperal_downsample = [False, True, True]
    stub.encode = lambda x: SimpleNamespace(latent_dist=SimpleNamespace(mode=lambda: torch.zeros(1, 4, x.shape[2] // 8, x.shape[3] // 8)))
    stub.enable_tiling = stub.disable_tiling = lambda *_: None
    return stub


def scheduler(name, **config):
    return getattr(diffusers, name)(**config)


SD = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
VIDEO = dict(height=32, width=48, num_frames=9)


def cases():
    """(name, pipeline, latent shape, arguments, where the denoiser comes from)."""
    clip, t5 = lambda: tokenizer("clip", 5), lambda: tokenizer("t5", 5)
    text = lambda: TextStub(use_attention_mask=False, hidden_size=WIDTH)
    cls = lambda name: getattr(diffusers, name)
    yield "TextToVideoSD", cls("TextToVideoSDPipeline")(vae=vae("sd", block_out_channels=[1] * 4), text_encoder=text(), tokenizer=clip(), unet=exported("modelscope"),
        scheduler=scheduler("DDIMScheduler", **SD, clip_sample=False, steps_offset=1)), (1, 4, 3, 8, 16), dict(height=64, width=128, num_frames=3, guidance_scale=9.0), "modelscope"
    yield "AnimateDiff", cls("AnimateDiffPipeline")(vae=vae("sd", block_out_channels=[1] * 4), text_encoder=text(), tokenizer=clip(), unet=exported("animatediff"), motion_adapter=None,
        scheduler=scheduler("EulerDiscreteScheduler", **SD, timestep_spacing="leading", steps_offset=1)), (1, 4, 3, 8, 16), dict(height=64, width=128, num_frames=3, guidance_scale=7.5), "animatediff"
    for kind, shift in (("CogVideoXDDIMScheduler", 3.0), ("CogVideoXDPMScheduler", 1.0)):
        yield f"CogVideoX, {kind}", cls("CogVideoXPipeline")(vae=vae("cog", block_out_channels=[1] * 4, temporal_compression_ratio=4, scaling_factor=0.7), text_encoder=text(), tokenizer=t5(), transformer=exported("cogvideox-1.0"),
            scheduler=scheduler(kind, prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing", snr_shift_scale=shift)), (1, 3, 4, 4, 6), dict(VIDEO, guidance_scale=6.0, max_sequence_length=5), "cogvideox-1.0"
    yield "LTX", cls("LTXPipeline")(vae=vae("ltx", spatial=32, temporal=8), text_encoder=text(), tokenizer=t5(), transformer=exported("ltx"),
        scheduler=scheduler("FlowMatchEulerDiscreteScheduler", use_dynamic_shifting=True, base_shift=0.95, max_shift=2.05, base_image_seq_len=1024, max_image_seq_len=4096, shift_terminal=0.1)), (1, 24, 8), dict(height=96, width=128, num_frames=9, guidance_scale=3.0, max_sequence_length=5), "ltx"
    yield "Mochi", cls("MochiPipeline")(vae=vae("mochi"), text_encoder=text(), tokenizer=t5(), transformer=exported("mochi"), force_zeros_for_empty_prompt=True,
        scheduler=scheduler("FlowMatchEulerDiscreteScheduler", invert_sigmas=True)), (1, 4, 3, 4, 6), dict(VIDEO, guidance_scale=4.5, max_sequence_length=5, negative_prompt=""), "mochi"
    yield "Wan", cls("WanPipeline")(vae=vae("wan", scale_factor_temporal=4, scale_factor_spatial=8), text_encoder=text(), tokenizer=t5(), transformer=exported("wan"),
        scheduler=scheduler("UniPCMultistepScheduler", prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)), (1, 4, 3, 4, 6), dict(VIDEO, guidance_scale=5.0, max_sequence_length=5), "wan"
    yield "HunyuanVideo", cls("HunyuanVideoPipeline")(vae=vae("hunyuan"), text_encoder=text(), tokenizer=tokenizer("t5", 100), text_encoder_2=text(), tokenizer_2=clip(), transformer=exported("hunyuan"),
        scheduler=scheduler("FlowMatchEulerDiscreteScheduler", shift=7.0)), (1, 4, 3, 4, 6), dict(VIDEO, guidance_scale=6.0, max_sequence_length=5, negative_prompt=None), "hunyuan"
    yield "Latte", cls("LattePipeline")(vae=vae("latte", block_out_channels=[1] * 4), text_encoder=text(), tokenizer=tokenizer("t5", 512), transformer=Denoiser(doubles=True, sample_size=8, in_channels=4),
        scheduler=scheduler("PNDMScheduler", **SD, skip_prk_steps=True, steps_offset=1)), (1, 4, 3, 8, 8), dict(height=64, width=64, video_length=3, guidance_scale=7.5, clean_caption=False), dict(hidden_states=["b", 4, 3, 8, 8], timestep=["b"], encoder_hidden_states=["b", "tokens", WIDTH], out_channels=8)
    yield "StableDiffusion", cls("StableDiffusionPipeline")(vae=vae("sd", block_out_channels=[1] * 4), text_encoder=text(), tokenizer=clip(), unet=Unet(in_channels=4, sample_size=8, time_cond_proj_dim=None),
        scheduler=scheduler("DPMSolverMultistepScheduler", **SD, solver_order=3, use_karras_sigmas=True), safety_checker=None, feature_extractor=None, requires_safety_checker=False), (1, 4, 8, 8), dict(height=64, width=64, guidance_scale=7.5), dict(sample=["b", 4, 8, 8], timestep=["b"], encoder_hidden_states=["b", 5, WIDTH], out_channels=4)
    yield "Flux", cls("FluxPipeline")(vae=vae("flux", block_out_channels=[1] * 4, latent_channels=2), text_encoder=text(), tokenizer=clip(), text_encoder_2=text(), tokenizer_2=t5(), transformer=Denoiser(in_channels=8, guidance_embeds=True),
        scheduler=scheduler("FlowMatchEulerDiscreteScheduler", use_dynamic_shifting=True, shift=3.0)), (1, 24, 8), dict(height=64, width=96, guidance_scale=3.5, max_sequence_length=5, negative_prompt=None), dict(hidden_states=["b", 24, 8], timestep=["b"], encoder_hidden_states=["b", 5, WIDTH], guidance=["b"], img_ids=[24, 3], txt_ids=[5, 3], out_channels=8)
    image = torch.full((1, 3, 128, 128), 0.5)
    encoder = Stub()
    encoder.forward = lambda image: SimpleNamespace(image_embeds=philox_noise(0, WIDTH, 7_000_000).reshape(1, WIDTH))
    encoder.dtype_parameter = torch.nn.Parameter(torch.zeros(1))
    yield "StableVideoDiffusion", cls("StableVideoDiffusionPipeline")(vae=vae("svd", block_out_channels=[1] * 4, force_upcast=False), image_encoder=encoder, unet=exported("svd"), feature_extractor=lambda images, **_: SimpleNamespace(pixel_values=images),
        scheduler=scheduler("EulerDiscreteScheduler", **SD, prediction_type="v_prediction", timestep_type="continuous", timestep_spacing="leading", steps_offset=1, use_karras_sigmas=True, sigma_min=0.002, sigma_max=700.0)), (1, 2, 4, 16, 16), dict(image=image, height=128, width=128, num_frames=2, min_guidance_scale=1.0, max_guidance_scale=1.0), "svd"


def loop(pipeline, shape, arguments, steps):
    """The last latent. Noise of step i is the studio's stream 1 + i."""
    count = int(np.prod(shape))
    step = [0]
    for module in [m for n, m in sys.modules.items() if n.startswith("diffusers.schedulers.") and hasattr(m, "randn_tensor")]:
        module.randn_tensor = lambda size, **_: philox_noise(SEED, count, 1 + step[0]).reshape(size)
    def next_step(_pipeline, index, _t, _tensors):
        step[0] = index + 1
        return {}
    takes = inspect.signature(pipeline.__call__).parameters
    call = dict(latents=philox_noise(SEED, count).reshape(shape), num_inference_steps=steps, output_type="latent", return_dict=False)
    call |= dict(prompt=PROMPT, negative_prompt=NEGATIVE) if "prompt" in takes else {}
    call |= dict(callback_on_step_end=next_step) if "callback_on_step_end" in takes else {}
    call |= {k: v for k, v in arguments.items()}
    pipeline.set_progress_bar_config(disable=True)
    with torch.no_grad():
        return pipeline(**call)[0]


def files_of(pipeline):
    """The small files of the folder, as save_pretrained writes them."""
    components = {n: c for n, c in pipeline.components.items() if c is not None and n not in ("feature_extractor", "image_encoder")}
    index = {"_class_name": type(pipeline).__name__, **{n: ["x", type(c).__name__] for n, c in components.items()}}
    if getattr(pipeline.config, "force_zeros_for_empty_prompt", False):
        index["force_zeros_for_empty_prompt"] = True
    files = {"model_index.json": index}
    files["scheduler/scheduler_config.json"] = {k: v for k, v in json.loads(pipeline.scheduler.to_json_string()).items() if v != float("-inf")}  # no JSON
    for name, part in components.items():
        if name.startswith("tokenizer"):
            with tempfile.TemporaryDirectory() as folder:
                part.save_pretrained(folder)
                for path in ("tokenizer.json", "tokenizer_config.json"):
                    files[f"{name}/{path}"] = json.loads((Path(folder) / path).read_text())
        if name in ("unet", "transformer") and hasattr(part, "to_json_string"):
            files[f"{name}/config.json"] = json.loads(part.to_json_string())
    return files


def main():
    written, tokenizers = [], {}
    for name, pipeline, shape, arguments, source in cases():
        for steps in (4, 7):
            last = loop(pipeline, shape, arguments, steps)
            last = last.reshape(shape)  # StableVideoDiffusion gives the clip without its batch
            assert torch.isfinite(last).all(), (name, last.shape)
            files = files_of(pipeline)
            for path in [p for p in files if p.endswith("tokenizer.json")]:
                key = json.dumps(files[path], sort_keys=True)
                files[path] = tokenizers.setdefault(key, len(tokenizers))
            case = dict(name=name, steps=steps, files=files, prompt=PROMPT, negativePrompt=arguments.get("negative_prompt", NEGATIVE) or "", seed=SEED,
                        guidance=arguments.get("guidance_scale", 1), last=[float(f"{v:.7g}") for v in last.flatten().tolist()])
            case |= dict(exported=source) if isinstance(source, str) else dict(graph=source)
            written.append(case)
            print(name, steps, "largest", float(last.abs().max()), flush=True)
    body = ",\n".join(json.dumps(case, separators=(",", ":")) for case in written)
    OUT.write_text(f'{{"diffusers": "{diffusers.__version__}", "tokenizers": [\n' + ",\n".join(tokenizers) + f'\n], "cases": [\n{body}\n]}}\n')
    print(f"{len(written)} loops, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
