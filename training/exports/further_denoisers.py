"""Denoisers beside the ten video families: image models that video pipelines grew out of, and newer video models."""

import torch
from diffusers import (
    FluxTransformer2DModel,
    HunyuanVideo15Transformer3DModel,
    SD3Transformer2DModel,
    UNet2DConditionModel,
    WanTransformer3DModel,
    WanVACETransformer3DModel,
)

from family import Family, noise
from workarounds import boolean_fill_as_logic


class StableDiffusionUNet(UNet2DConditionModel):
    def forward(self, sample, timestep, encoder_hidden_states):
        return super().forward(sample, timestep, encoder_hidden_states, return_dict=False)[0]


class StableDiffusionXLUNet(UNet2DConditionModel):
    def forward(self, sample, timestep, encoder_hidden_states, text_embeds, time_ids):
        return super().forward(
            sample, timestep, encoder_hidden_states, added_cond_kwargs={"text_embeds": text_embeds, "time_ids": time_ids},
            return_dict=False,
        )[0]


class StableDiffusion3(SD3Transformer2DModel):
    def forward(self, hidden_states, encoder_hidden_states, pooled_projections, timestep):
        return super().forward(
            hidden_states, encoder_hidden_states, pooled_projections, timestep, return_dict=False
        )[0]


class Flux(FluxTransformer2DModel):
    def forward(self, hidden_states, encoder_hidden_states, pooled_projections, timestep, img_ids, txt_ids, guidance):
        return super().forward(
            hidden_states, encoder_hidden_states, pooled_projections, timestep, img_ids, txt_ids, guidance,
            return_dict=False,
        )[0]


class HunyuanVideo15(HunyuanVideo15Transformer3DModel):
    def forward(
        self, hidden_states, timestep, encoder_hidden_states, encoder_attention_mask, encoder_hidden_states_2,
        encoder_attention_mask_2, image_embeds,
    ):
        with boolean_fill_as_logic():
            return super().forward(
                hidden_states, timestep, encoder_hidden_states, encoder_attention_mask,
                encoder_hidden_states_2=encoder_hidden_states_2, encoder_attention_mask_2=encoder_attention_mask_2,
                image_embeds=image_embeds, return_dict=False,
            )[0]


class WanVACE(WanVACETransformer3DModel):
    def forward(self, hidden_states, timestep, encoder_hidden_states, control_hidden_states):
        return super().forward(
            hidden_states, timestep, encoder_hidden_states, control_hidden_states=control_hidden_states,
            return_dict=False,
        )[0]


class WanImageToVideo(WanTransformer3DModel):
    def forward(self, hidden_states, timestep, encoder_hidden_states, encoder_hidden_states_image):
        return super().forward(
            hidden_states, timestep, encoder_hidden_states, encoder_hidden_states_image, return_dict=False
        )[0]


SD15 = Family(
    name="sd-1.5",
    build=lambda: StableDiffusionUNet(
        block_out_channels=(8, 16, 24, 24), norm_num_groups=4, cross_attention_dim=16, attention_head_dim=4,
        layers_per_block=2,
    ),
    inputs=lambda: {
        "sample": noise(1, 4, 8, 16),
        "timestep": torch.tensor([20]),
        "encoder_hidden_states": noise(1, 5, 16, seed=2),
    },
    generic=True,
)

SDXL = Family(
    name="sdxl",
    build=lambda: StableDiffusionXLUNet(
        block_out_channels=(8, 16, 24), norm_num_groups=4, cross_attention_dim=16, attention_head_dim=(2, 4, 4),
        layers_per_block=2, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), transformer_layers_per_block=(1, 2, 3),
        use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=32,
    ),
    inputs=lambda: {
        "sample": noise(1, 4, 8, 16),
        "timestep": torch.tensor([20]),
        "encoder_hidden_states": noise(1, 5, 16, seed=2),
        "text_embeds": noise(1, 8, seed=3),
        "time_ids": torch.tensor([[64.0, 128.0, 0.0, 0.0, 64.0, 128.0]]),
    },
    generic=True,
)

SD3 = Family(
    name="sd3",
    build=lambda: StableDiffusion3(
        sample_size=8, patch_size=2, in_channels=4, out_channels=4, num_layers=4, attention_head_dim=8,
        num_attention_heads=4, joint_attention_dim=16, caption_projection_dim=32, pooled_projection_dim=16,
        pos_embed_max_size=8, dual_attention_layers=(0, 1), qk_norm="rms_norm",
    ),
    inputs=lambda: {
        "hidden_states": noise(1, 4, 4, 6),
        "encoder_hidden_states": noise(1, 5, 16, seed=2),
        "pooled_projections": noise(1, 16, seed=3),
        "timestep": torch.tensor([20]),
    },
    generic=True,
)

FLUX = Family(
    name="flux",
    build=lambda: Flux(
        patch_size=1, in_channels=4, num_layers=3, num_single_layers=3, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=16, pooled_projection_dim=8, guidance_embeds=True, axes_dims_rope=(4, 6, 6),
    ),
    inputs=lambda: {
        "hidden_states": noise(1, 6, 4),
        "encoder_hidden_states": noise(1, 5, 16, seed=2),
        "pooled_projections": noise(1, 8, seed=3),
        "timestep": torch.tensor([0.5]),
        "img_ids": torch.tensor([[0.0, y, x] for y in range(2) for x in range(3)]),
        "txt_ids": torch.zeros(5, 3),
        "guidance": torch.tensor([3.5]),
    },
    generic=True,
)

HUNYUAN15 = Family(
    name="hunyuan-1.5",
    build=lambda: HunyuanVideo15(
        in_channels=5, out_channels=4, num_attention_heads=2, attention_head_dim=16, num_layers=4, num_refiner_layers=2,
        text_embed_dim=16, text_embed_2_dim=12, image_embed_dim=8, rope_axes_dim=(4, 6, 6),
    ),
    inputs=lambda: {
        "hidden_states": noise(1, 5, 2, 3, 4),
        "timestep": torch.tensor([20.0]),
        "encoder_hidden_states": noise(1, 5, 16, seed=2),
        "encoder_attention_mask": torch.tensor([[1, 1, 1, 1, 0]]),
        "encoder_hidden_states_2": noise(1, 4, 12, seed=3),
        "encoder_attention_mask_2": torch.tensor([[1, 1, 1, 0]]),
        "image_embeds": noise(1, 3, 8, seed=4),
    },
    generic=True,
)

WAN_CONFIGURATION = dict(
    patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=16, text_dim=16, freq_dim=16, ffn_dim=64,
    cross_attn_norm=True, qk_norm="rms_norm_across_heads", rope_max_seq_len=16,
)

WAN_VACE = Family(
    name="wan-vace",
    build=lambda: WanVACE(
        **WAN_CONFIGURATION, in_channels=4, out_channels=4, num_layers=5, vace_layers=[0, 2], vace_in_channels=6
    ),
    inputs=lambda: {
        "hidden_states": noise(1, 4, 3, 4, 6),
        "timestep": torch.tensor([20]),
        "encoder_hidden_states": noise(1, 5, 16, seed=2),
        "control_hidden_states": noise(1, 6, 3, 4, 6, seed=3),
    },
    generic=True,
)

WAN_I2V = Family(
    name="wan-i2v",
    build=lambda: WanImageToVideo(
        **WAN_CONFIGURATION, in_channels=9, out_channels=4, num_layers=3, image_dim=12, added_kv_proj_dim=32
    ),
    inputs=lambda: {
        "hidden_states": noise(1, 9, 3, 4, 6),
        "timestep": torch.tensor([20]),
        "encoder_hidden_states": noise(1, 512, 16, seed=2),
        "encoder_hidden_states_image": noise(1, 3, 12, seed=3),
    },
    generic=True,
)

FURTHER_DENOISERS = (SD15, SDXL, SD3, FLUX, HUNYUAN15, WAN_VACE, WAN_I2V)
