"""The layout of what a plan leaves of a diffusers model, by its class."""
from __future__ import annotations

from layout import Layout, empty_model
from plan_file import PlanError
from transformer_layout import BLOCK_LISTS, lay_out_transformer
from unet_layout import lay_out_unet

UNETS = ("UNetSpatioTemporalConditionModel", "UNet3DConditionModel", "UNetMotionModel")
PRUNED_CLASSES = (*UNETS, *BLOCK_LISTS)


def lay_out(config: dict, dropped: list[str]) -> Layout:
    """Raises PlanError for ids that this model lacks or that cannot go, and for classes that are not known here."""
    name = config.get("_class_name", "")
    if name in UNETS:
        return lay_out_unet(config, empty_model(config), dropped)
    if name in BLOCK_LISTS:
        return lay_out_transformer(config, empty_model(config), dropped)
    raise PlanError(f"{name} is not among the classes pruned here: {', '.join(PRUNED_CLASSES)}.")
