"""The paper's shallow U-Net, built on its own and given the teacher's weights.

It shares no code with the identity replacement: three stages instead of four, no mid block, and outer stages with one
layer (down) and two layers (up) less one. The published classes that take one number of layers for all stages are built
with it and lose the surplus entries of their module lists.
"""

import torch


class _NoMidBlock(torch.nn.Module):
    def forward(self, hidden_states, *args, **kwargs):
        return hidden_states


def preset_modules(teacher: torch.nn.Module) -> list[str]:
    """What the preset removes from a teacher of four stages with two layers each, as module paths."""
    paths = []
    for side, stages in (("down_blocks", (0, 1)), ("up_blocks", (2, 3))):
        for stage in stages:
            for name in _layer_lists(teacher.get_submodule(f"{side}.{stage}")):
                paths.append(f"{side}.{stage}.{name}.1")
    return [*paths, "down_blocks.2.downsamplers.0", "down_blocks.3", "mid_block", "up_blocks.0"]


def _layer_lists(stage: torch.nn.Module) -> list[str]:
    """Names of the lists that hold one entry per layer: resnets, attentions, motion_modules, ..."""
    return [
        name
        for name, child in stage.named_children()
        if isinstance(child, torch.nn.ModuleList) and name not in ("downsamplers", "upsamplers")
    ]


def _keep_layers(stage: torch.nn.Module, kept: list[int]) -> None:
    for name in _layer_lists(stage):
        layers = getattr(stage, name)
        setattr(stage, name, torch.nn.ModuleList([layers[index] for index in kept]))


def _teacher_name(name: str) -> str | None:
    """The teacher's name of a parameter of the shallow model; None: the teacher has none."""
    parts = name.split(".")
    if parts[0] != "up_blocks":
        return name
    stage = int(parts[1])
    if stage > 0 and parts[2] not in ("downsamplers", "upsamplers"):
        parts[3] = {"0": "0", "1": "2"}[parts[3]]
    parts[1] = str(stage + 1)
    return ".".join(parts)


def shallow_copy(teacher: torch.nn.Module) -> torch.nn.Module:
    """The shallow model with the teacher's weights; fails when a weight has another shape."""
    config = {key: value for key, value in teacher.config.items() if not key.startswith("_")}
    config["block_out_channels"] = config["block_out_channels"][:3]
    config["down_block_types"] = config["down_block_types"][:3]
    config["up_block_types"] = config["up_block_types"][1:]
    for key, value in config.items():
        if isinstance(value, (tuple, list)) and len(value) == 4 and key != "block_out_channels":
            config[key] = value[:3]
    shallow = type(teacher)(**config)
    for stage in (0, 1):
        _keep_layers(shallow.down_blocks[stage], [0])
        _keep_layers(shallow.up_blocks[stage + 1], [0, 2])
    shallow.mid_block = _NoMidBlock()
    weights = teacher.state_dict()
    shallow.load_state_dict({name: weights[_teacher_name(name)] for name in shallow.state_dict()}, strict=True)
    return shallow.eval()
