"""Text encoders and vision models of held_out.py."""

import torch
from transformers import (
    BertConfig,
    BertModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPVisionConfig,
    CLIPVisionModel,
    ConvNextConfig,
    ConvNextModel,
    Dinov2Config,
    Dinov2Model,
    LlamaConfig,
    LlamaModel,
    Qwen2Config,
    Qwen2Model,
    SiglipVisionConfig,
    SiglipVisionModel,
    SwinConfig,
    SwinModel,
    T5Config,
    T5EncoderModel,
    UMT5Config,
    UMT5EncoderModel,
    ViTConfig,
    ViTModel,
)

from family import Family, noise
from held_out_family import held_encoder, ids

WIDTHS = dict(hidden_size=32, intermediate_size=37, num_hidden_layers=3, num_attention_heads=4, attn_implementation="eager")
PICTURE = dict(image_size=16, patch_size=4)
T5 = dict(vocab_size=99, d_model=32, d_ff=37, d_kv=8, num_layers=3, num_heads=4, feed_forward_proj="gated-gelu",
          is_encoder_decoder=False, use_cache=False)


def _picture() -> dict[str, torch.Tensor]:
    return {"pixel_values": noise(1, 3, 16, 16)}


class Vit(ViTModel):
    def __init__(self, config):
        super().__init__(config, add_pooling_layer=False)


class Bert(BertModel):
    def __init__(self, config):
        super().__init__(config, add_pooling_layer=False)


HELD_OUT_ENCODERS: tuple[Family, ...] = (
    held_encoder("clip-text", CLIPTextModel, lambda: CLIPTextConfig(
        vocab_size=99, max_position_embeddings=16, projection_dim=32, **WIDTHS), ids),
    held_encoder("t5-text", T5EncoderModel, lambda: T5Config(**T5), ids),
    held_encoder("umt5-text", UMT5EncoderModel, lambda: UMT5Config(**T5), ids),
    held_encoder("bert-text", Bert, lambda: BertConfig(vocab_size=99, max_position_embeddings=16, **WIDTHS), ids),
    held_encoder("llama-text", LlamaModel, lambda: LlamaConfig(
        vocab_size=99, num_key_value_heads=2, use_cache=False, max_position_embeddings=16, **WIDTHS), ids),
    held_encoder("qwen2-text", Qwen2Model, lambda: Qwen2Config(
        vocab_size=99, num_key_value_heads=2, use_cache=False, max_position_embeddings=16, **WIDTHS), ids),
    held_encoder("vit", Vit, lambda: ViTConfig(**WIDTHS, **PICTURE), _picture),
    held_encoder("dinov2", Dinov2Model, lambda: Dinov2Config(
        hidden_size=32, num_hidden_layers=3, num_attention_heads=4, mlp_ratio=2, attn_implementation="eager", **PICTURE),
        _picture),
    held_encoder("clip-vision", CLIPVisionModel, lambda: CLIPVisionConfig(projection_dim=32, **WIDTHS, **PICTURE), _picture),
    held_encoder("siglip-vision", SiglipVisionModel, lambda: SiglipVisionConfig(
        vision_use_head=False, **WIDTHS, **PICTURE), _picture),
    held_encoder("swin", SwinModel, lambda: SwinConfig(
        image_size=32, patch_size=2, embed_dim=16, depths=[2, 2], num_heads=[2, 2], window_size=4,
        attn_implementation="eager"), lambda: {"pixel_values": noise(1, 3, 32, 32)}),
    held_encoder("convnext", ConvNextModel, lambda: ConvNextConfig(
        hidden_sizes=[8, 16], depths=[2, 2], num_stages=2, image_size=32), lambda: {"pixel_values": noise(1, 3, 32, 32)}),
)
