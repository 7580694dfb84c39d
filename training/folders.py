"""The three pipeline folders in Optimum's layout: which graphs each holds, and everything in it that is no graph.

The studio reads nothing but these folders, and knows none of the models.
"""
from __future__ import annotations

import json
import re
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from diffusers.models.attention_processor import AttnProcessor
from PIL import Image
from torch import nn

from emoji_clips import CONTENTS, FPS, FRAMES, MOTIONS, SCENES, SIZE, Recipe, caption, held_out, render
from export import Part, check_parity, export_graph, swap_weights
from image_training import load_one_step
from image_video import CLIP_MEAN, CLIP_STD, ImageVideo
from models import (
    DEEPEST,
    FEW_STEPS,
    LATENT_CHANNELS,
    LATENT_SIZE,
    MAX_TOKENS,
    PAD,
    TEXT_WIDTH,
    UNKNOWN,
    build_few_step_scheduler,
    build_image_scheduler,
    build_tokenizer,
    build_transformer_scheduler,
    load_vae,
)
from text_training import load_few_steps
from text_video import TextVideo, UNetTextVideo

TRAINED_CAPTIONS = [
    caption(Recipe(content, motion, scene))
    for content in range(len(CONTENTS))
    for motion in range(len(MOTIONS))
    for scene in range(len(SCENES))
    if not held_out(content, motion)
]
PROMPTS = (
    "a red apple bounces on a dark background",
    "a panda spins on a green background",
    "a rocket rises on a blue background",
    "a soccer ball slides right on a light background",
    "a yellow star circles on a dark background",
    "a blue fish slides left on a blue background",
    "a purple grapes grows on a light background",
    "a penguin falls on a green background",
)

# Stored in 8 bits, so that a folder takes less than 20 MB: the U-Nets' deepest stage, which VDMini's preset takes out, and, where
# attention looks at a single embedding, what asks for it and never changes the answer.
IN_BYTES = re.compile("^(" + "|".join(map(re.escape, DEEPEST)) + ")")
IMAGE_IN_BYTES = re.compile(IN_BYTES.pattern + r"|\.attn2\.to_[qk]\.")

# Where each begins says which motions are open. The first is what the studio begins with: a clip without a fault.
PICTURES = (
    ("rocket", "rises", "blue"),
    ("panda", "spins", "green"),
    ("red apple", "bounces", "dark"),
    ("soccer ball", "slides right", "light"),
    ("sunflower", "circles", "dark"),
    ("pizza", "grows", "light"),
)


def export_folder(runs: Path, out: Path, name: str, what: str) -> None:
    """`what`: the checkpoint {name}.{what}.pt. Graphs where there are none yet, else only weights; checked against PyTorch."""
    vae = load_vae(runs / "vae.pt")
    parts = _picture_parts(vae) | parts_of(load_one_step(runs, name, "cpu", what) if name == "emoji-i2v" else load_few_steps(runs, name, "cpu"))
    for part in parts.values():
        part.module.eval().requires_grad_(False)
    for part_name, part in parts.items():
        if (out / part_name / "model.onnx").exists():
            swap_weights(out, {part_name: part})
        else:
            export_graph(out / part_name, part)
    _write_settings(out, name, vae, parts)
    for part_name, one in check_parity(out, parts).items():
        print(f"{part_name}: ONNX differs from PyTorch by {one.same_weights:.1e} with the weights as stored; rounding them costs {one.rounding:.1e} on average, {one.rounding_worst:.1e} at most")


def parts_of(model: TextVideo | ImageVideo) -> dict[str, Part]:
    """Denoiser and encoders, by their folders' names."""
    if isinstance(model, ImageVideo):
        return _image_parts(model)
    return _unet_parts(model) if isinstance(model, UNetTextVideo) else _transformer_parts(model)


def _noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(7))


def _picture_parts(vae: AutoencoderKL) -> dict[str, Part]:
    return {
        "vae_decoder": Part(_Decoder(vae), {"latent_sample": _noise(4, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE)}, ("sample",), "frames"),
        "vae_encoder": Part(_Encoder(vae), {"sample": _noise(4, 3, SIZE, SIZE).clamp(-1, 1)}, ("latent_parameters",), "frames"),
    }


def _ids(tokens) -> torch.Tensor:
    return torch.tensor([tokens.encode(words).ids for words in ("a panda spins on a dark background", "")])


def _unet_parts(model: TextVideo) -> dict[str, Part]:
    net = model.modules["net"]
    net.set_attn_processor(AttnProcessor())
    return {
        "unet": Part(
            _returning_tensor(net, ("sample", "timestep", "encoder_hidden_states")),
            {
                "sample": _noise(2, LATENT_CHANNELS, FRAMES, LATENT_SIZE, LATENT_SIZE),
                "timestep": torch.tensor([900.0, 500.0]),
                "encoder_hidden_states": _noise(2, MAX_TOKENS, TEXT_WIDTH),
            },
            ("out_sample",),
            "batch",
            IN_BYTES,
        ),
        "text_encoder": Part(TextPart(model.modules["text"], pooled=False), {"input_ids": _ids(build_tokenizer())}, ("last_hidden_state",), "batch"),
    }


def _transformer_parts(model: TextVideo) -> dict[str, Part]:
    ids = _ids(build_tokenizer(end_last=True))
    return {
        "transformer": Part(
            _returning_tensor(model.modules["net"], ("hidden_states", "timestep", "encoder_hidden_states", "encoder_attention_mask", "pooled_projections", "guidance")),
            {
                "hidden_states": _noise(2, LATENT_CHANNELS, FRAMES, LATENT_SIZE, LATENT_SIZE),
                "timestep": torch.tensor([900.0, 500.0]),
                "encoder_hidden_states": _noise(2, MAX_TOKENS, TEXT_WIDTH),
                "encoder_attention_mask": (ids != 0).to(torch.int64),
                "pooled_projections": _noise(2, TEXT_WIDTH),
                "guidance": torch.tensor([2000.0, 1000.0]),
            },
            ("out_sample",),
            "batch",
        ),
        "text_encoder": Part(TextPart(model.modules["text"], pooled=False), {"input_ids": ids}, ("last_hidden_state",), "batch"),
        "text_encoder_2": Part(TextPart(model.modules["text_2"], pooled=True), {"input_ids": ids}, ("pooler_output",), "batch"),
    }


def _image_parts(model: ImageVideo) -> dict[str, Part]:
    return {
        "unet": Part(
            _returning_tensor(model.modules["net"], ("sample", "timestep", "encoder_hidden_states", "added_time_ids")),
            {
                "sample": _noise(2, FRAMES, 2 * LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE),
                "timestep": torch.tensor([1.1, 0.3]),
                "encoder_hidden_states": _noise(2, 1, TEXT_WIDTH),
                "added_time_ids": torch.tensor([[7.0, 127.0, 0.02]] * 2),
            },
            ("out_sample",),
            "batch",
            IMAGE_IN_BYTES,
        ),
        "image_encoder": Part(ImagePart(model.modules["image"]), {"pixel_values": _noise(2, 3, SIZE, SIZE)}, ("image_embeds",), "batch"),
    }


def _returning_tensor(net: nn.Module, names: tuple[str, ...]) -> nn.Module:
    """The net itself, so that its modules keep their paths; only its forward changes, to `names` in and a tensor out."""
    forward = type(net).forward
    signature = ", ".join(names)
    scope = {"forward": forward, "net": net}
    exec(f"def call({signature}): return forward(net, {', '.join(f'{name}={name}' for name in names)}, return_dict=False)[0]", scope)
    net.forward = scope["call"]
    return net


class _Decoder(nn.Module):
    def __init__(self, vae: AutoencoderKL) -> None:
        super().__init__()
        self.post_quant_conv, self.decoder = vae.post_quant_conv, vae.decoder

    def forward(self, latent_sample: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.post_quant_conv(latent_sample))


class _Encoder(nn.Module):
    def __init__(self, vae: AutoencoderKL) -> None:
        super().__init__()
        self.encoder, self.quant_conv = vae.encoder, vae.quant_conv

    def forward(self, sample: torch.Tensor) -> torch.Tensor:
        return self.quant_conv(self.encoder(sample))


class TextPart(nn.Module):
    def __init__(self, text: nn.Module, *, pooled: bool) -> None:
        super().__init__()
        self.text_model, self.index = text, 1 if pooled else 0

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.text_model(input_ids=input_ids, return_dict=False)[self.index]


class ImagePart(nn.Module):
    def __init__(self, image: nn.Module) -> None:
        super().__init__()
        self.vision_model, self.visual_projection = image.vision_model, image.visual_projection

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        return self.visual_projection(self.vision_model(pixel_values=pixel_values, return_dict=False)[1])


def _write_settings(out: Path, name: str, vae: AutoencoderKL, parts: dict[str, Part]) -> None:
    for part in ("vae_decoder", "vae_encoder"):
        _write_json(out / part / "config.json", _config(vae))
    index: dict[str, object] = {"scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"], "vae": ["diffusers", "AutoencoderKL"]}
    settings: dict[str, object] = {"frames_per_second": FPS, "steps": FEW_STEPS, "guidance": 1, "prompt": PROMPTS[0], "negative_prompt": "", "example_prompts": PROMPTS,
                                    "training_prompts": TRAINED_CAPTIONS}
    if name == "emoji-i2v":
        index |= {"scheduler": ["diffusers", "EulerDiscreteScheduler"], "unet": ["diffusers", "UNetSpatioTemporalConditionModel"],
                  "image_encoder": ["transformers", "CLIPVisionModelWithProjection"], "feature_extractor": ["transformers", "CLIPImageProcessor"]}
        build_image_scheduler().save_pretrained(out / "scheduler")
        _write_json(out / "unet" / "config.json", _config(parts["unet"].module))
        _write_json(out / "image_encoder" / "config.json", parts["image_encoder"].module.vision_model.config.to_dict() | {"projection_dim": TEXT_WIDTH})
        _write_json(out / "feature_extractor" / "preprocessor_config.json", {
            "image_processor_type": "CLIPImageProcessor", "crop_size": SIZE, "do_center_crop": True, "do_convert_rgb": True, "do_normalize": True,
            "do_rescale": True, "do_resize": True, "image_mean": CLIP_MEAN, "image_std": CLIP_STD, "resample": 3, "rescale_factor": 1 / 255, "size": SIZE,
        })
        settings = {"frames_per_second": FPS, "steps": 1, "guidance": 1, "example_images": _draw_pictures(out)}
    else:
        encoders = ["text_encoder"] if name == "emoji-t2v" else ["text_encoder", "text_encoder_2"]
        for encoder in encoders:
            text = parts[encoder].module.text_model
            _write_json(out / encoder / "config.json", text.config.to_dict())
            tokenizer = encoder.replace("text_encoder", "tokenizer")
            _write_tokenizer(out / tokenizer, end_last=name != "emoji-t2v")
            index |= {encoder: ["transformers", "CLIPTextModel"], tokenizer: ["transformers", "PreTrainedTokenizerFast"]}
        if name == "emoji-t2v":
            build_few_step_scheduler().save_pretrained(out / "scheduler")
            index["unet"] = ["diffusers", "UNet3DConditionModel"]
            _write_json(out / "unet" / "config.json", {**_config(parts["unet"].module), "num_frames": FRAMES})
        else:
            build_transformer_scheduler().save_pretrained(out / "scheduler")
            index["transformer"] = ["diffusers", "HunyuanVideoTransformer3DModel"]
            settings["guidance"] = 2
            config = {**_config(parts["transformer"].module), "num_frames": FRAMES, "sample_size": LATENT_SIZE}
            _write_json(out / "transformer" / "config.json", config)
    # HunyuanVideoPipeline itself would put its instructions to a language model around the prompt.
    classes = {"emoji-t2v": "TextToVideoSDPipeline", "emoji-hy": "HunyuanVideoTransformerPipeline", "emoji-i2v": "StableVideoDiffusionPipeline"}
    _write_json(out / "model_index.json", {"_class_name": classes[name], **dict(sorted(index.items())), "_studio": settings | _kept_presets(out)})


def _kept_presets(out: Path) -> dict[str, object]:
    """Cuts that the studio has measured on this folder's model and that were written down in it."""
    path = out / "model_index.json"
    studio = json.loads(path.read_text()).get("_studio", {}) if path.exists() else {}
    return {key: studio[key] for key in ("presets",) if key in studio}


def _draw_pictures(out: Path) -> list[str]:
    """First frames, in the size that the model takes. Returns their paths in the folder."""
    (out / "pictures").mkdir(parents=True, exist_ok=True)
    paths = []
    for content, motion, scene in PICTURES:
        path = f"pictures/{content.replace(' ', '-')}.png"
        recipe = Recipe(CONTENTS.index(content), MOTIONS.index(motion), SCENES.index(scene))
        Image.fromarray(render(recipe)[0]).save(out / path, optimize=True)
        paths.append(path)
    return paths


def _config(module: nn.Module) -> dict:
    return {key: value for key, value in dict(module.config).items() if not key.startswith("_") or key == "_class_name"} | {"_class_name": type(module).__name__}


def _write_tokenizer(folder: Path, *, end_last: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    build_tokenizer(end_last=end_last).save(str(folder / "tokenizer.json"))
    _write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": MAX_TOKENS, "padding_side": "right",
        "pad_token": PAD, "unk_token": UNKNOWN,
    })


def _write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, default=list) + "\n")
