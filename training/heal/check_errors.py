"""Checks that plans that do not fit are refused with PlanError, and that its message names the fault.

    python check_errors.py
"""
from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path

from diffusers import UNet3DConditionModel

from lay_out import lay_out
from plan_file import PlanError, read_plan
from prune_diffusers import prune_folder

TINY = {
    "_class_name": "UNet3DConditionModel", "block_out_channels": [8, 16], "norm_num_groups": 4, "cross_attention_dim": 8,
    "attention_head_dim": 4, "layers_per_block": 2, "down_block_types": ["CrossAttnDownBlock3D", "DownBlock3D"],
    "up_block_types": ["UpBlock3D", "CrossAttnUpBlock3D"],
}
REFUSED = {
    "no module down_blocks.7.resnets.0": ["down_blocks.7.resnets.0"],
    "no down_blocks.9": ["down_blocks.9.pairs.0"],
    "changes the number of channels": ["down_blocks.1.resnets.0"],
    "its sampler changes the resolution": ["down_blocks.0"],
    "is no residual unit": ["conv_out"],
    "inner stages can go from level 1 on": ["inner_stages.2"],
}


def refusal(action) -> str:
    try:
        action()
    except PlanError as error:
        return str(error)
    raise AssertionError("not refused")


def main() -> None:
    warnings.filterwarnings("ignore")
    for words, dropped in REFUSED.items():
        message = refusal(lambda: lay_out(TINY, dropped))
        assert words in message, f"{dropped}: {message}"
    assert "not among the classes" in refusal(lambda: lay_out({"_class_name": "UNet2DConditionModel"}, []))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        plan = folder / "plan.json"
        for text, words in (("{", "is not JSON"), ('{"dropped": 3}', "no list"), ('["decoder/mid_block"]', "only the denoiser")):
            plan.write_text(text)
            assert words in refusal(lambda: read_plan(plan)), text
        for held in ({"dropped": ["mid_block"]}, {"plan": {"dropped": ["mid_block"]}}, ["mid_block"]):
            plan.write_text(json.dumps(held))
            assert read_plan(plan) == ["mid_block"]
        UNet3DConditionModel.from_config(TINY).save_pretrained(folder / "teacher")
        message = refusal(lambda: prune_folder(folder / "teacher", ["mid_block"], folder / "student", strict=True))
        assert "cannot leave out mid_block" in message, message
        assert not (folder / "student").exists()
        assert "no config.json" in refusal(lambda: prune_folder(folder / "nothing", [], folder / "student"))
    print("all refused")


if __name__ == "__main__":
    main()
