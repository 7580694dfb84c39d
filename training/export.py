"""Exports a trained teacher as a pipeline folder in Optimum's layout: one ONNX file a component, fp16 storage.

Weights are stored as fp16 and cast to fp32 in the graph, so that the files are small and run where there is no fp16
arithmetic. The studio reads nothing but this folder.

A graph is exported once, with random weights that tell which initializer holds which parameter (the exporter folds
transposes and names the results `val_123`); trained weights are put in by name, also later: `swap_weights`.
"""
from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime
import torch
from diffusers import AutoencoderKL, UNet3DConditionModel
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from transformers import CLIPTextModel

from emoji_clips import CONTENTS, FPS, FRAMES, MOTIONS, SCENES, SIZE
from models import FEW_STEPS, LATENT_CHANNELS, LATENT_SIZE, MAX_TOKENS, PAD, TEXT_WIDTH, UNKNOWN, build_few_step_scheduler, build_tokenizer

PARTS = ("unet", "vae_decoder", "vae_encoder", "text_encoder")
TRANSPOSED, RESHAPED = ".transposed", ".reshaped"
SAME_WEIGHTS = 1e-4  # largest difference of ONNX from PyTorch with the same fp16 weights, over the largest value
ROUNDING = 1e-3  # mean difference of ONNX from PyTorch with the trained fp32 weights, over the largest value
OPSET = 18  # group norm stays InstanceNormalization, which every runtime has

DEFAULTS = {
    "frames_per_second": FPS,
    "steps": FEW_STEPS,
    "guidance": 1,
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


def _returning_tensor(net: UNet3DConditionModel) -> UNet3DConditionModel:
    """The net itself, so that its modules keep their paths; only its forward changes. Safe to repeat."""
    forward = type(net).forward
    net.forward = lambda sample, timestep, encoder_hidden_states: forward(net, sample, timestep, encoder_hidden_states, return_dict=False)[0]
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


def _modules(vae: AutoencoderKL, net: UNet3DConditionModel, text: CLIPTextModel) -> dict[str, nn.Module]:
    parts = (_returning_tensor(net), _Decoder(vae), _Encoder(vae), _Text(text))
    return {part: module.eval().float() for part, module in zip(PARTS, parts, strict=True)}


def export_pipeline(folder: Path, vae: AutoencoderKL, net: UNet3DConditionModel, text: CLIPTextModel, parts: tuple[str, ...] = PARTS) -> None:
    """Graphs of `parts` with their weights, and all configurations; `vae` must have its normalisation folded in."""
    modules = _modules(vae, net, text)
    batch = torch.export.Dim("batch", min=1, max=64)
    frames = torch.export.Dim("frames", min=1, max=1024)
    ids = torch.tensor([build_tokenizer().encode("a panda spins on a dark background").ids] * 2)
    # By part: example inputs, the output's name, the free axis.
    signatures = {
        "unet": (
            {
                "sample": torch.randn(2, LATENT_CHANNELS, FRAMES, LATENT_SIZE, LATENT_SIZE),
                "timestep": torch.tensor([500.0, 500.0]),
                "encoder_hidden_states": torch.randn(2, MAX_TOKENS, TEXT_WIDTH),
            },
            "out_sample",
            batch,
        ),
        "vae_decoder": ({"latent_sample": torch.randn(4, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE)}, "sample", frames),
        "vae_encoder": ({"sample": torch.randn(4, 3, SIZE, SIZE)}, "latent_parameters", frames),
        "text_encoder": ({"input_ids": ids}, "last_hidden_state", batch),
    }
    for part in parts:
        inputs, output, axis = signatures[part]
        _export(modules[part], folder / part, inputs, output, axis)
    write_settings(folder, vae, net, text)


def write_settings(folder: Path, vae: AutoencoderKL, net: UNet3DConditionModel, text: CLIPTextModel) -> None:
    """Everything in the folder that is no graph."""
    _write_json(folder / "unet" / "config.json", {**_config(net), "num_frames": FRAMES})
    for part in ("vae_decoder", "vae_encoder"):
        _write_json(folder / part / "config.json", _config(vae))
    _write_json(folder / "text_encoder" / "config.json", text.config.to_dict())
    _write_tokenizer(folder / "tokenizer")
    build_few_step_scheduler().save_pretrained(folder / "scheduler")
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


def _export(module: nn.Module, folder: Path, inputs: dict[str, torch.Tensor], output: str, axis: torch.export.Dim) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    trained = {name: value.clone() for name, value in module.state_dict().items()}
    _mark(module)
    program = torch.onnx.export(
        module, tuple(inputs.values()), dynamo=True, opset_version=OPSET, input_names=list(inputs), output_names=[output],
        dynamic_shapes=tuple({0: axis} for _ in inputs), external_data=False, verbose=False,
    )
    model = program.model_proto
    _strip_traces(model)
    _name_folded(model, module.state_dict())
    module.load_state_dict(trained)
    _store_as_half(model)
    _put_in(model, trained)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "model.onnx")


def _mark(module: nn.Module) -> None:
    """Random weights in place of all, so that a folded initializer can be told by its values."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))


def _name_folded(model: onnx.ModelProto, marks: dict[str, torch.Tensor]) -> None:
    """Names each folded initializer after its parameter. Raises ValueError when a parameter is nowhere in the graph."""
    known = {value.numpy().tobytes(): name for name, value in marks.items() if value.is_floating_point()}
    known_transposed = {value.T.contiguous().numpy().tobytes(): name for name, value in marks.items() if value.ndim == 2}
    taken = {tensor.name for tensor in model.graph.initializer}
    renamed: dict[str, str] = {}
    found = set()
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = np.ascontiguousarray(numpy_helper.to_array(tensor)).tobytes()
        source = known.get(values) or known_transposed.get(values)
        if source is None:
            continue
        found.add(source)
        if tensor.name == source:
            continue
        name = source + (RESHAPED if values in known else TRANSPOSED)
        if name in taken:
            raise ValueError(f"two initializers hold {name}")
        taken.add(name)
        renamed[tensor.name] = name
        tensor.name = name
    missing = sorted(set(known.values()) - found)
    if missing:
        raise ValueError(f"not found in the exported graph: {', '.join(missing)}")
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = renamed.get(name, name)
    for info in [info for info in model.graph.value_info if info.name in renamed]:
        info.name = renamed[info.name]


def _put_in(model: onnx.ModelProto, weights: dict[str, torch.Tensor]) -> None:
    """Writes `weights` over the initializers that bear their names, in each one's own type and layout. Raises
    ValueError when a weight has no initializer."""
    waiting = {name for name, value in weights.items() if value.is_floating_point()}
    for tensor in model.graph.initializer:
        name = parameter_of(tensor.name)
        if name not in weights:
            continue
        value = weights[name].float().numpy()
        if tensor.name.endswith(TRANSPOSED):
            value = value.T
        kind = np.float16 if tensor.data_type == TensorProto.FLOAT16 else np.float32
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value.reshape(tuple(tensor.dims)).astype(kind)), tensor.name))
        waiting.discard(name)
    if waiting:
        raise ValueError(f"no initializer for {', '.join(sorted(waiting))}")


def swap_weights(folder: Path, vae: AutoencoderKL, net: UNet3DConditionModel, text: CLIPTextModel, parts: tuple[str, ...] = PARTS) -> None:
    """Puts other weights into the graphs of `folder`; `vae` must have its normalisation folded in."""
    modules = _modules(vae, net, text)
    for part in parts:
        path = folder / part / "model.onnx"
        model = onnx.load(path)
        _put_in(model, modules[part].state_dict())
        onnx.save(model, path)
    write_settings(folder, vae, net, text)


class Parity(NamedTuple):
    """Differences of ONNX from PyTorch over PyTorch's largest value."""

    same_weights: float  # largest, PyTorch's weights rounded as stored: what an export or a swap may get wrong
    rounding: float  # mean, PyTorch's weights as trained
    rounding_worst: float  # largest, likewise: a single pixel of many thousands


@torch.no_grad()
def check_parity(folder: Path, vae: AutoencoderKL, net: UNet3DConditionModel, text: CLIPTextModel, parts: tuple[str, ...] = PARTS) -> dict[str, Parity]:
    """By part. Raises ValueError over SAME_WEIGHTS or ROUNDING."""
    generator = torch.Generator().manual_seed(7)
    ids = torch.tensor([build_tokenizer().encode(words).ids for words in ("", "a panda spins on a dark background")])
    inputs = {
        "unet": {
            "sample": torch.randn(2, LATENT_CHANNELS, FRAMES, LATENT_SIZE, LATENT_SIZE, generator=generator),
            "timestep": torch.tensor([900.0, 300.0]),
            "encoder_hidden_states": text(ids).last_hidden_state,
        },
        "vae_decoder": {"latent_sample": torch.randn(3, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE, generator=generator)},
        "vae_encoder": {"sample": torch.rand(3, 3, SIZE, SIZE, generator=generator) * 2 - 1},
        "text_encoder": {"input_ids": ids},
    }
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    modules = _modules(vae, net, text)
    differences = {}
    for part in parts:
        session = onnxruntime.InferenceSession(str(folder / part / "model.onnx"), settings, providers=["CPUExecutionProvider"])
        (ours,) = session.run(None, {name: value.numpy() for name, value in inputs[part].items()})
        trained = {name: value.clone() for name, value in modules[part].state_dict().items()}
        exact = modules[part](**inputs[part]).numpy()
        modules[part].load_state_dict(_rounded_as_stored(folder / part / "model.onnx", trained))
        rounded = modules[part](**inputs[part]).numpy()
        modules[part].load_state_dict(trained)
        size = np.abs(exact).max()
        away = np.abs(ours - exact)
        differences[part] = Parity(float(np.abs(ours - rounded).max() / size), float(away.mean() / size), float(away.max() / size))
    wrong = {part: one for part, one in differences.items() if not (one.same_weights <= SAME_WEIGHTS and one.rounding <= ROUNDING)}
    if wrong:
        raise ValueError(f"ONNX differs from PyTorch: {wrong}")
    return differences


def _rounded_as_stored(path: Path, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    half = {parameter_of(tensor.name) for tensor in onnx.load(path).graph.initializer if tensor.data_type == TensorProto.FLOAT16}
    return {name: value.half().float() if name in half else value for name, value in weights.items()}


def parameter_of(initializer: str) -> str:
    return initializer.removesuffix(TRANSPOSED).removesuffix(RESHAPED)


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
