"""Exports a trained teacher as a pipeline folder in Optimum's layout: one ONNX file a component, fp16 storage.

Weights are stored as fp16 and cast to fp32 in the graph, so that the files are small and run where there is no fp16
arithmetic. The studio reads nothing but this folder.
"""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from diffusers import AutoencoderKL, UNet3DConditionModel
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from transformers import CLIPTextModel

from emoji_clips import CONTENTS, FPS, FRAMES, MOTIONS, SCENES
from models import LATENT_CHANNELS, LATENT_SIZE, MAX_TOKENS, PAD, TEXT_WIDTH, UNKNOWN, build_scheduler, build_tokenizer

OPSET = 18  # group norm stays InstanceNormalization, which every runtime has

DEFAULTS = {
    "frames_per_second": FPS,
    "steps": 16,
    "guidance": 2.0,
    "prompt": "a red apple bounces on a dark background",
    "negative_prompt": "",
    "example_prompts": [
        "a red apple bounces on a dark background",
        "a panda spins on a green background",
        "a rocket rises on a blue background",
        "a soccer ball slides right on a light background",
        "a yellow star circles on a dark background",
        "a blue fish slides left on a blue background",
        "a purple grapes grows on a light background",
        "a penguin falls on a green background",
    ],
}


class Denoiser(nn.Module):
    """Only to return a tensor; the modules keep their own paths."""

    def __new__(cls, net: UNet3DConditionModel) -> UNet3DConditionModel:  # type: ignore[misc]
        forward = net.forward
        net.forward = lambda sample, timestep, encoder_hidden_states: forward(sample, timestep, encoder_hidden_states, return_dict=False)[0]
        return net


def fold_normalisation(vae: AutoencoderKL, mean: torch.Tensor, std: torch.Tensor) -> None:
    """Moves the latent's per-channel normalisation into the 1x1 convolutions, so that scaling_factor is 1. In place."""
    with torch.no_grad():
        channels = len(mean)
        weight, bias = vae.quant_conv.weight, vae.quant_conv.bias
        weight[:channels] /= std.view(-1, 1, 1, 1)
        bias[:channels] = (bias[:channels] - mean) / std
        bias[channels:] -= 2 * std.log()
        weight, bias = vae.post_quant_conv.weight, vae.post_quant_conv.bias
        bias += (weight[:, :, 0, 0] @ mean)
        weight *= std.view(1, -1, 1, 1)


def export_pipeline(folder: Path, vae: AutoencoderKL, net: UNet3DConditionModel, text: CLIPTextModel) -> None:
    """`vae` must have its normalisation folded in."""
    for module in (vae, net, text):
        module.eval().float()
    batch = torch.export.Dim("batch", min=1, max=64)
    frames = torch.export.Dim("frames", min=1, max=1024)
    sample = torch.randn(2, LATENT_CHANNELS, FRAMES, LATENT_SIZE, LATENT_SIZE)
    context = torch.randn(2, MAX_TOKENS, TEXT_WIDTH)
    _export(
        Denoiser(net), folder / "unet", (sample, torch.tensor([500.0, 500.0]), context), ["sample", "timestep", "encoder_hidden_states"], ["out_sample"],
        {"sample": {0: batch}, "timestep": {0: batch}, "encoder_hidden_states": {0: batch}},
    )
    _write_json(folder / "unet" / "config.json", {**_config(net), "num_frames": FRAMES})
    latent = torch.randn(4, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE)
    _export(_Decoder(vae), folder / "vae_decoder", (latent,), ["latent_sample"], ["sample"], {"latent_sample": {0: frames}})
    _export(_Encoder(vae), folder / "vae_encoder", (torch.randn(4, 3, 64, 64),), ["sample"], ["latent_parameters"], {"sample": {0: frames}})
    for part in ("vae_decoder", "vae_encoder"):
        _write_json(folder / part / "config.json", _config(vae))
    ids = torch.tensor([build_tokenizer().encode("a panda spins on a dark background").ids] * 2)
    _export(_Text(text), folder / "text_encoder", (ids,), ["input_ids"], ["last_hidden_state"], {"input_ids": {0: batch}})
    _write_json(folder / "text_encoder" / "config.json", text.config.to_dict())
    _write_tokenizer(folder / "tokenizer")
    build_scheduler().save_pretrained(folder / "scheduler")
    _write_json(folder / "model_index.json", {
        "_class_name": "TextToVideoSDPipeline",
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
        "unet": ["diffusers", "UNet3DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "_studio": DEFAULTS,
    })


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


class _Text(nn.Module):
    def __init__(self, text: CLIPTextModel) -> None:
        super().__init__()
        self.text_model = text

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.text_model(input_ids=input_ids, return_dict=False)[0]


def _export(module: nn.Module, folder: Path, args: tuple, inputs: list[str], outputs: list[str], dynamic: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    program = torch.onnx.export(
        module.eval(), args, dynamo=True, opset_version=OPSET, input_names=inputs, output_names=outputs,
        dynamic_shapes=tuple(dynamic[name] for name in inputs), external_data=False, verbose=False,
    )
    model = program.model_proto
    _strip_traces(model)
    _store_as_half(model)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "model.onnx")


def _strip_traces(model: onnx.ModelProto) -> None:
    """Stack traces and graph text of the exporter triple the file; module scopes stay, discovery reads them."""
    keep = {"pkg.torch.onnx.name_scopes"}
    for item in [*model.graph.node, *model.graph.value_info, *model.graph.initializer, *model.graph.input, *model.graph.output]:
        kept = [prop for prop in item.metadata_props if prop.key in keep]
        del item.metadata_props[:]
        item.metadata_props.extend(kept)
        item.doc_string = ""


def _store_as_half(model: onnx.ModelProto) -> None:
    """fp32 weights of more than 16 values become fp16 with a Cast in front; the rest stays exact."""
    graph = model.graph
    casts, renamed = [], {}
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) <= 16:
            continue
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name)
        tensor.CopyFrom(half)
        renamed[tensor.name] = f"{tensor.name}.float32"
        casts.append(helper.make_node("Cast", [tensor.name], [renamed[tensor.name]], name=f"cast.{tensor.name}", to=TensorProto.FLOAT))
    for node in graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = renamed.get(name, name)
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    stale = [info for info in graph.value_info if info.name in renamed]
    for info in stale:
        graph.value_info.remove(info)


def _config(module: nn.Module) -> dict:
    return {key: value for key, value in dict(module.config).items() if not key.startswith("_") or key == "_class_name"} | {"_class_name": type(module).__name__}


def _write_tokenizer(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    build_tokenizer().save(str(folder / "tokenizer.json"))
    _write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": MAX_TOKENS, "padding_side": "right",
        "pad_token": PAD, "unk_token": UNKNOWN,
    })


def _write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, default=list) + "\n")
