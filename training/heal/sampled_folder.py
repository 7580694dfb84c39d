"""Clips from a pipeline folder of ONNX graphs, without the studio: onnxruntime runs the graphs, diffusers' scheduler the steps."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from diffusers import EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler
from tokenizers import Tokenizer

from emoji_clips import FRAMES
from image_video import MOTION_BUCKET, PICTURE_NOISE
from models import LATENT_CHANNELS, MAX_TOKENS, PAD


def open_sessions(path: Path, parts: tuple[str, ...], threads: int) -> dict[str, onnxruntime.InferenceSession]:
    """Of those parts that the folder has."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    return {
        part: onnxruntime.InferenceSession(str(path / part / "model.onnx"), settings, providers=["CPUExecutionProvider"])
        for part in parts
        if (path / part / "model.onnx").exists()
    }


def decoded(decoder: onnxruntime.InferenceSession, latents: torch.Tensor) -> torch.Tensor:
    """[clips, FRAMES, 3, SIZE, SIZE] in -1..1 for `latents` [clips, FRAMES, channels, h, w]."""
    pixels = torch.from_numpy(decoder.run(["sample"], {"latent_sample": latents.flatten(0, 1).numpy()})[0])
    return pixels.clamp(-1, 1).unflatten(0, (-1, FRAMES))


class WordFolder:
    """A text-to-video pipeline whose denoiser takes any batch: a U-Net without guidance, or a transformer that is told its scale."""

    def __init__(self, path: Path, threads: int) -> None:
        index = json.loads((path / "model_index.json").read_text())
        self.steps, self.guidance = index["_studio"]["steps"], index["_studio"]["guidance"]
        self.denoiser = next((part for part in ("unet", "transformer") if part in index), None)
        if self.denoiser is None or "text_encoder" not in index or (self.denoiser == "unet" and self.guidance != 1):
            raise ValueError(f"{path}: words are judged of U-Nets without guidance and of transformers that are told it")
        self.sessions = open_sessions(path, (self.denoiser, "vae_decoder", "text_encoder", "text_encoder_2"), threads)
        self.net = self.sessions[self.denoiser]
        self.inputs = {one.name for one in self.net.get_inputs()}
        self.tokenizer = Tokenizer.from_file(str(path / "tokenizer" / "tokenizer.json"))
        self.tokenizer.enable_padding(length=MAX_TOKENS, pad_id=self.tokenizer.token_to_id(PAD), pad_token=PAD)
        self.scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(path / "scheduler")

    def words(self, captions: list[str]) -> dict[str, np.ndarray]:
        """What the denoiser is told of the captions, by its inputs."""
        ids = np.array([one.ids for one in self.tokenizer.encode_batch(captions)], dtype=np.int64)
        told = {"encoder_hidden_states": self.sessions["text_encoder"].run(["last_hidden_state"], {"input_ids": ids})[0]}
        if "text_encoder_2" in self.sessions:
            told["pooled_projections"] = self.sessions["text_encoder_2"].run(["pooler_output"], {"input_ids": ids})[0]
        told["encoder_attention_mask"] = (ids != self.tokenizer.token_to_id(PAD)).astype(np.int64)
        told["guidance"] = np.full(len(captions), 1000 * self.guidance, dtype=np.float32)
        return {name: value for name, value in told.items() if name in self.inputs}

    def grid(self) -> torch.Tensor:
        """Sets the levels: HunyuanVideo's own linspace(1, 1/n, n) for a transformer, the scheduler's otherwise."""
        if self.denoiser == "transformer":
            self.scheduler.set_timesteps(sigmas=np.linspace(1, 1 / self.steps, self.steps))
        else:
            self.scheduler.set_timesteps(self.steps)
        return self.scheduler.timesteps

    def sample(self, captions: list[str], noise: torch.Tensor) -> torch.Tensor:
        """[clips, FRAMES, 3, SIZE, SIZE] in -1..1 from `noise` [clips, channels, FRAMES, h, w]."""
        words, latents = self.words(captions), noise
        clip = "sample" if "sample" in self.inputs else "hidden_states"
        for timestep in self.grid():
            feeds = {clip: latents.numpy(), "timestep": np.full(len(captions), float(timestep), dtype=np.float32), **words}
            velocity = torch.from_numpy(self.net.run(["out_sample"], feeds)[0])
            latents = self.scheduler.step(velocity, timestep, latents).prev_sample
        return decoded(self.sessions["vae_decoder"], latents.transpose(1, 2))


class PictureFolder:
    """An image-to-video pipeline as StableVideoDiffusionPipeline runs it, without guidance; its denoiser takes any batch."""

    def __init__(self, path: Path, threads: int) -> None:
        index = json.loads((path / "model_index.json").read_text())
        self.steps, self.guidance = index["_studio"]["steps"], index["_studio"]["guidance"]
        if self.guidance != 1:
            raise ValueError(f"{path}: pictures are judged of models without guidance")
        self.frames_per_second = index["_studio"]["frames_per_second"]
        self.sessions = open_sessions(path, ("unet", "vae_decoder", "vae_encoder", "image_encoder"), threads)
        seen = json.loads((path / "feature_extractor" / "preprocessor_config.json").read_text())
        self.mean, self.std = (torch.tensor(seen[name]).view(3, 1, 1) for name in ("image_mean", "image_std"))
        self.scheduler = EulerDiscreteScheduler.from_pretrained(path / "scheduler")

    def sample(self, pictures: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """[clips, FRAMES, 3, SIZE, SIZE] from `pictures` [clips, 3, SIZE, SIZE] in -1..1 and `noise` [clips, FRAMES, channels, h, w]."""
        pixels = (((pictures + 1) / 2 - self.mean) / self.std).numpy()
        rough = pictures + PICTURE_NOISE * torch.randn(pictures.shape, generator=torch.Generator().manual_seed(len(pictures)))
        encoded = self.sessions["vae_encoder"].run(["latent_parameters"], {"sample": rough.numpy()})[0]
        beside = torch.from_numpy(encoded)[:, None, :LATENT_CHANNELS].expand(-1, FRAMES, -1, -1, -1)
        told = {
            "encoder_hidden_states": self.sessions["image_encoder"].run(["image_embeds"], {"pixel_values": pixels})[0][:, None],
            "added_time_ids": np.tile(np.float32([self.frames_per_second - 1, MOTION_BUCKET, PICTURE_NOISE]), (len(pictures), 1)),
        }
        self.scheduler.set_timesteps(self.steps)
        latents = noise * self.scheduler.init_noise_sigma
        for timestep in self.scheduler.timesteps:
            scaled = self.scheduler.scale_model_input(latents, timestep)
            feeds = {"sample": torch.cat([scaled, beside], 2).numpy(), "timestep": np.full(len(pictures), float(timestep), dtype=np.float32), **told}
            velocity = torch.from_numpy(self.sessions["unet"].run(["out_sample"], feeds)[0])
            latents = self.scheduler.step(velocity, timestep, latents).prev_sample
        return decoded(self.sessions["vae_decoder"], latents)


def open_folder(path: Path, threads: int) -> WordFolder | PictureFolder:
    index = json.loads((path / "model_index.json").read_text())
    return (PictureFolder if "image_encoder" in index else WordFolder)(path, threads)
