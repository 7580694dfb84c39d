"""Families of held_out.py: a published class whose forward method takes its tensors by place, as exports name their inputs."""

from collections.abc import Callable

import torch

from family import Family
from workarounds import repeats_count_from_the_front


def _calling(cls, names: list[str], fixed: dict, first: Callable, method: str, arrange: Callable = dict) -> type:
    """The class with a forward method of positional tensors, in the order of the inputs; `fixed`: other arguments."""

    def forward(self, *args):
        with repeats_count_from_the_front():
            return first(getattr(cls, method)(self, **arrange(dict(zip(names, args))), **fixed))

    # torch.onnx reads the names of inputs from the signature.
    source = f"def forward(self, {', '.join(names)}): return _forward(self, {', '.join(names)})"
    scope = {"_forward": forward}
    exec(source, scope)  # noqa: S102  the names are those of the families
    return type(f"Held{cls.__name__}", (cls,), {"forward": scope["forward"]})


def held(name, cls, configuration, inputs, is_unet=False, fixed=None, first=lambda result: result[0], arrange=dict) -> Family:
    """A diffusers denoiser. `first`: the tensor out of what it returns as a tuple; `arrange`: its arguments out of the inputs."""
    made = _calling(cls, list(inputs()), {"return_dict": False, **(fixed or {})}, first, "forward", arrange)
    return Family(name=name, build=lambda: made(**configuration), inputs=inputs, is_unet=is_unet, generic=True)


def held_decoder(name, cls, configuration, inputs, decode=None) -> Family:
    """A diffusers autoencoder's decoder. `decode(self, z)`: where `decode` of the class is not what pipelines of one clip do."""
    call = decode or (lambda self, latent_sample: self.decode(latent_sample, return_dict=False)[0])
    made = type(f"Held{cls.__name__}", (cls,), {"forward": _named(call)})
    return Family(name=name, build=lambda: made(**configuration), inputs=inputs, generic=True)


def _named(call):
    def forward(self, latent_sample):
        return call(self, latent_sample)

    return forward


def held_encoder(name, cls, config, inputs) -> Family:
    """A text encoder or vision model of transformers, its last hidden state."""
    names = list(inputs())
    made = _calling(cls, names, {}, lambda result: result.last_hidden_state, "forward")
    return Family(name=name, build=lambda: made(config()), inputs=inputs, generic=True)


def ids() -> dict[str, torch.Tensor]:
    return {"input_ids": torch.tensor([[1, 5, 17, 23, 42, 60, 71, 98]])}
