"""Text encoders and vision models of held_out.py."""

import torch
from transformers import (
    AlbertConfig,
    AlbertModel,
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
    DistilBertConfig,
    DistilBertModel,
    Gemma2Config,
    Gemma2Model,
    LlamaConfig,
    LlamaModel,
    Qwen2Config,
    Qwen2Model,
    SiglipVisionConfig,
    SiglipVisionModel,
    SegformerConfig,
    SegformerModel,
    SwinConfig,
    SwinModel,
    T5Config,
    T5EncoderModel,
    TimesformerConfig,
    TimesformerModel,
    UMT5Config,
    UMT5EncoderModel,
    VideoMAEConfig,
    VideoMAEModel,
    ViTConfig,
    ViTModel,
    WhisperConfig,
)
from transformers.models.whisper.modeling_whisper import WhisperEncoder

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


class Albert(AlbertModel):
    def __init__(self, config):
        super().__init__(config, add_pooling_layer=False)


def _clip() -> dict[str, torch.Tensor]:
    return {"pixel_values": noise(1, 4, 3, 16, 16)}


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
    held_encoder("albert-text", Albert, lambda: AlbertConfig(
        vocab_size=99, embedding_size=16, max_position_embeddings=16, **WIDTHS), ids),
    held_encoder("distilbert-text", DistilBertModel, lambda: DistilBertConfig(
        vocab_size=99, dim=32, hidden_dim=37, n_layers=3, n_heads=4, max_position_embeddings=16,
        attn_implementation="eager"), ids),
    held_encoder("gemma2-text", Gemma2Model, lambda: Gemma2Config(
        vocab_size=99, head_dim=8, num_key_value_heads=2, use_cache=False, max_position_embeddings=16, **WIDTHS), ids),
    held_encoder("whisper-encoder", WhisperEncoder, lambda: WhisperConfig(
        d_model=32, encoder_layers=3, encoder_attention_heads=4, encoder_ffn_dim=37, num_mel_bins=8,
        max_source_positions=10, attn_implementation="eager"), lambda: {"input_features": noise(1, 8, 20)}),
    held_encoder("videomae", VideoMAEModel, lambda: VideoMAEConfig(
        num_frames=4, tubelet_size=2, **WIDTHS, **PICTURE), _clip),
    held_encoder("timesformer", TimesformerModel, lambda: TimesformerConfig(num_frames=4, **WIDTHS, **PICTURE), _clip),
    held_encoder("segformer", SegformerModel, lambda: SegformerConfig(
        num_encoder_blocks=2, depths=[2, 2], sr_ratios=[2, 1], hidden_sizes=[8, 16], patch_sizes=[3, 3], strides=[2, 2],
        num_attention_heads=[1, 2], mlp_ratios=[2, 2], attn_implementation="eager"),
        lambda: {"pixel_values": noise(1, 3, 16, 16)}),
)
