"""Modules that act as the identity: for a loaded student (no cost), and as weights (for a plain `from_pretrained`).

The published classes are residual throughout, so that zeros in place of a module's weights make it the identity; two kinds
need more than zeros: a resnet with a shortcut convolution and the blend of a spatial and a temporal side.
"""
from __future__ import annotations

import torch
from torch import nn

from plan_file import PlanError

# Class -> how its identity answers.
WHOLE = {
    "ResnetBlock2D": "leading", "SpatioTemporalResBlock": "leading", "TemporalResnetBlock": "leading",
    "AlphaBlender": "spatial",
    **dict.fromkeys((
        "TemporalConvLayer", "Transformer2DModel", "TransformerTemporalModel", "TransformerSpatioTemporalModel",
        "AnimateDiffTransformer3D", "BasicTransformerBlock", "TemporalBasicTransformerBlock",
        "HunyuanVideoIndividualTokenRefinerBlock", "LTXVideoTransformerBlock", "WanTransformerBlock",
        "UNetMidBlock3DCrossAttn", "UNetMidBlockSpatioTemporal", "UNetMidBlockCrossAttnMotion", "UNetMidBlock2DCrossAttn",
    ), "hidden"),
    **dict.fromkeys((
        "HunyuanVideoTransformerBlock", "HunyuanVideoSingleTransformerBlock", "CogVideoXBlock", "MochiTransformerBlock",
    ), "streams"),
}
# Blocks whose attention and feed-forward each end in an addition of their own.
BRANCHES = {
    "HunyuanVideoTransformerBlock": ("attn", "ff", "ff_context"), "HunyuanVideoIndividualTokenRefinerBlock": ("attn", "ff"),
    "CogVideoXBlock": ("attn1", "ff"), "MochiTransformerBlock": ("attn1", "ff", "ff_context"),
    "LTXVideoTransformerBlock": ("attn1", "attn2", "ff"), "WanTransformerBlock": ("attn1", "attn2", "ffn"),
    "BasicTransformerBlock": ("attn1", "attn2", "ff"), "TemporalBasicTransformerBlock": ("attn1", "attn2", "ff"),
}
SPATIAL_ONLY = 1e4  # of a blend: its sigmoid is 1 in every floating-point type


class Bypass(nn.Module):
    """Answers as the module that it stands for would if that were the identity; holds no weights."""

    def __init__(self, kind: str, channels: int | None = None) -> None:
        super().__init__()
        self.kind, self.channels = kind, channels

    def forward(self, *args, **kwargs):
        if self.kind == "spatial":
            return args[0] if args else kwargs["x_spatial"]
        hidden = args[0] if args else kwargs.get("hidden_states", kwargs.get("input_tensor"))
        if self.kind == "leading":  # of an up block's concatenation of hidden state and skip
            return hidden[:, : self.channels]
        text = args[1] if len(args) > 1 else kwargs.get("encoder_hidden_states")
        if self.kind == "streams":
            return hidden, text
        if self.kind == "nothing":
            return torch.zeros_like(hidden)
        if self.kind == "nothing twice":
            return torch.zeros_like(hidden), None if text is None else torch.zeros_like(text)
        return (hidden,) if kwargs.get("return_dict") is False else hidden

    def extra_repr(self) -> str:
        return self.kind


def bypass_for(model: nn.Module, path: str) -> Bypass:
    """What can stand in the place of the module at `path`. Raises PlanError when it has no identity."""
    module = model.get_submodule(path)
    kind = WHOLE.get(type(module).__name__)
    if kind == "leading":
        spatial = getattr(module, "spatial_res_block", module)
        for resnet in module.modules():
            if getattr(resnet, "output_scale_factor", 1.0) != 1.0 or getattr(resnet, "up", False) or getattr(resnet, "down", False):
                raise PlanError(f"{path} cannot be dropped: it rescales or resizes.")
        if hidden_channels(model, path) != spatial.out_channels:
            raise PlanError(f"{path} cannot be dropped: it changes the number of channels.")
        return Bypass(kind, spatial.out_channels)
    if kind is not None:
        return Bypass(kind)
    outer, _, name = path.rpartition(".")
    owner = type(model.get_submodule(outer)).__name__
    if name in BRANCHES.get(owner, ()):
        return Bypass("nothing twice" if WHOLE[owner] == "streams" and name.startswith("attn") else "nothing")
    raise PlanError(f"{path} ({type(module).__name__}) cannot be dropped: it is no residual unit.")


def hidden_channels(model: nn.Module, path: str) -> int:
    """Channels of the hidden state that enters a resnet; in an up block those before the concatenation with the skip."""
    parts = path.split(".")
    resnet = model.get_submodule(path)
    if parts[0] != "up_blocks" or parts[-1] == "temporal_res_block":
        return getattr(resnet, "spatial_res_block", resnet).in_channels
    stage, index = int(parts[1]), int(parts[3])
    if index > 0:
        before = model.up_blocks[stage].resnets[0]
    else:
        before = model.up_blocks[stage - 1].resnets[-1] if stage > 0 else model.down_blocks[-1].resnets[-1]
    return getattr(before, "spatial_res_block", before).out_channels


def insert_bypasses(model: nn.Module, paths: list[str]) -> None:
    """Replaces the modules at `paths`, in place. A blend without its temporal side needs that side no more."""
    stands = {path: bypass_for(model, path) for path in paths}
    for path in paths:
        outer, _, name = path.rpartition(".")
        owner = model.get_submodule(outer)
        setattr(owner, name, stands[path])
        if name == "time_mixer":
            for index in range(len(owner.temporal_transformer_blocks)):
                owner.temporal_transformer_blocks[index] = Bypass("hidden")


def identity_weights(model: nn.Module, path: str) -> dict[str, torch.Tensor]:
    """Weights that make the module at `path` (its own names) the identity; float32."""
    module = model.get_submodule(path)
    weights = {name: torch.zeros(value.shape) for name, value in module.state_dict().items()}
    for name, inner in module.named_modules():
        prefix = f"{name}." if name else ""
        if getattr(inner, "conv_shortcut", None) is not None:
            nn.init.dirac_(weights[f"{prefix}conv_shortcut.weight"])
    if type(module).__name__ == "AlphaBlender":
        weights["mix_factor"].fill_(SPATIAL_ONLY)
    return weights
