"""Inputs for a denoiser, one row a state: the teacher's own sampling (recorded, no data needed) or noised latents that are given.

Rows live in a safetensors file and are read as they are drawn. Which rows a step gets follows from seed, step and process
alone, so that a resumed run draws what the uninterrupted one would.
"""
from __future__ import annotations

import inspect
import json
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from noise import Noise
from plan_file import PlanError

NOT_BATCHED = ("image_rotary_emb",)  # the same for all rows
Rows = dict[str, torch.Tensor]


def latent_argument(model: torch.nn.Module) -> str:
    return "sample" if "sample" in inspect.signature(model.forward).parameters else "hidden_states"


class Recorder:
    """While open, keeps the inputs of every call of the denoiser, split into rows."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.rows: list[Rows] = []
        self.clips: list[int] = []
        self.constants: dict = {}
        self.clip = 0
        self._latent = latent_argument(model)
        self._names = list(inspect.signature(model.forward).parameters)
        self._handle = model.register_forward_pre_hook(self._keep, with_kwargs=True)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.remove()

    def _keep(self, _: torch.nn.Module, args: tuple, kwargs: dict) -> None:
        inputs = dict(zip(self._names, args)) | kwargs
        batch = len(inputs[self._latent])
        tensors = {name: value for name, value in inputs.items() if isinstance(value, torch.Tensor) and name not in NOT_BATCHED}
        tensors["timestep"] = torch.as_tensor(inputs["timestep"]).reshape(-1).expand(batch) if torch.as_tensor(inputs["timestep"]).numel() == 1 else inputs["timestep"]
        self.constants = {name: value for name, value in inputs.items() if name not in tensors and value is not None and name != "return_dict"}
        for row in range(batch):
            self.rows.append({
                name: value[row * (len(value) // batch) : (row + 1) * (len(value) // batch)].detach().cpu().clone() for name, value in tensors.items()
            })
            self.clips.append(self.clip)

    def save(self, path: Path) -> None:
        """Raises PlanError when the calls differ in shape: one size of video a file."""
        if not self.rows:
            raise PlanError("The pipeline never called its denoiser.")
        try:
            stacked = {name: torch.stack([row[name] for row in self.rows]).contiguous() for name in self.rows[0]}
        except (RuntimeError, KeyError) as error:
            raise PlanError("The recorded calls differ in their shapes or inputs; record one size of video.") from error
        extra = {f"constant:{name}:{at}": part.cpu().contiguous() for name, value in self.constants.items() if name in NOT_BATCHED for at, part in enumerate(value)}
        plain = {name: value for name, value in self.constants.items() if isinstance(value, (int, float, str, bool))}
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(stacked | extra | {"clip": torch.tensor(self.clips)}, path, metadata={"constants": json.dumps(plain)})


class States:
    """Recorded rows. The last clips are held out: whole clips, never single states of one."""

    def __init__(self, path: Path, noise: Noise, high_noise: float, held_out: float = 0.15) -> None:
        self._file = safe_open(path, "pt")
        self.names = [name for name in self._file.keys() if name != "clip" and not name.startswith("constant:")]
        self.constants = json.loads((self._file.metadata() or {}).get("constants", "{}"))
        for name in sorted(one for one in self._file.keys() if one.startswith("constant:")):
            kind = name.split(":")[1]
            self.constants[kind] = (*self.constants.get(kind, ()), self._file.get_tensor(name))
        clips = self._file.get_tensor("clip")
        every = clips.unique()
        if len(every) < 2:
            raise PlanError("At least two clips are needed: one is held out.")
        apart = every[-max(1, round(held_out * len(every))) :]
        is_apart = torch.isin(clips, apart)
        self._held_out = is_apart.nonzero().flatten().tolist()
        self._trained = (~is_apart).nonzero().flatten()
        level = noise.level(self._file.get_tensor("timestep").flatten()[: len(clips)])[self._trained]
        self._weights = favour_high_noise(level, high_noise)

    def draw(self, count: int, generator: torch.Generator) -> Rows:
        picks = self._trained[torch.multinomial(self._weights, count, replacement=True, generator=generator)]
        return self.batch(picks.tolist())

    def held_out(self, size: int, most: int = 64) -> Iterable[Rows]:
        chosen = self._held_out[:: max(1, len(self._held_out) // most)]
        return (self.batch(chosen[at : at + size]) for at in range(0, len(chosen), size))

    def batch(self, picks: list[int]) -> Rows:
        return {name: torch.cat([self._file.get_slice(name)[pick] for pick in picks]) for name in self.names}


class NoisedLatents:
    """Clean latents that are given, with their conditions, noised anew at each draw. File: `latents` [n, ...] and one tensor
    [n, ...] for each other input of the denoiser (`encoder_hidden_states`, ...); rows of the end are held out."""

    def __init__(self, path: Path, noise: Noise, high_noise: float, latent_name: str, held_out: float = 0.15) -> None:
        self._file, self.noise, self.high_noise, self.latent_name = safe_open(path, "pt"), noise, high_noise, latent_name
        if "latents" not in self._file.keys():
            raise PlanError(f"{path} holds no tensor `latents`.")
        self.names = [name for name in self._file.keys() if name != "latents"]
        self.constants = json.loads((self._file.metadata() or {}).get("constants", "{}"))
        total = self._file.get_slice("latents").get_shape()[0]
        if total < 2:
            raise PlanError("At least two latents are needed: one is held out.")
        self.trained = total - max(1, round(held_out * total))
        self.total = total

    def draw(self, count: int, generator: torch.Generator) -> Rows:
        picks = torch.randint(self.trained, (count,), generator=generator)
        return self._noised(picks.tolist(), generator)

    def held_out(self, size: int, most: int = 64) -> Iterable[Rows]:
        rows = list(range(self.trained, self.total))[:most]
        generator = torch.Generator().manual_seed(0)
        return (self._noised(rows[at : at + size], generator) for at in range(0, len(rows), size))

    def _noised(self, picks: list[int], generator: torch.Generator) -> Rows:
        clean = torch.stack([self._file.get_slice("latents")[pick] for pick in picks])
        uniform = torch.rand(len(picks), generator=generator)
        high = torch.rand(len(picks), generator=generator) < self.high_noise
        timestep = self.noise.timestep(torch.where(high, 0.5 + 0.5 * uniform, uniform))
        state = self.noise.noised(clean, torch.randn(clean.shape, generator=generator).to(clean.dtype), timestep)
        rest = {name: torch.stack([self._file.get_slice(name)[pick] for pick in picks]) for name in self.names}
        return {self.latent_name: state, "timestep": timestep.float(), **rest}


def favour_high_noise(level: torch.Tensor, share: float) -> torch.Tensor:
    """Weights [n] for drawing: the upper half of the levels gets `share` of the draws; 0 leaves all equal."""
    weights = torch.ones(len(level), dtype=torch.double)
    high = level > level.median()
    if share > 0 and high.any() and (~high).any():
        weights[high], weights[~high] = share / high.sum(), (1 - share) / (~high).sum()
    return weights
