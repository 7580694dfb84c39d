"""Captions as token ids on the device, with kinds of words hidden at random.

A word that is now and then unknown is learnt apart from the others; pairs that training never shows come from that.
"""
from __future__ import annotations

import torch
from tokenizers import Tokenizer

from emoji_clips import CONTENTS, MOTIONS, SCENES
from models import END, MAX_TOKENS, PAD, START, UNKNOWN

HIDDEN = 0.12  # share of samples without their emoji's words; likewise motion, background, each drawn by itself
WITHOUT_WORDS = 0.1  # share of captions left out whole, for guidance


class Captions:
    """Token ids of every caption under every choice of hidden kinds: [16, 8, 4, 8, MAX_TOKENS] on the device."""

    def __init__(self, tokenizer: Tokenizer, device: str) -> None:
        self.table = torch.tensor(
            [[[[_ids(tokenizer, c, m, s, hidden) for hidden in range(8)] for s in range(len(SCENES))] for m in range(len(MOTIONS))] for c in range(len(CONTENTS))],
            device=device,
        )
        self.empty = torch.tensor(tokenizer.encode("").ids, device=device)
        self.weights = torch.tensor([1, 2, 4], device=device)

    def ids(self, labels: torch.Tensor, hidden: float = 0.0, left_out: float = 0.0) -> torch.Tensor:
        """[batch, MAX_TOKENS] for `labels` [batch, 3]."""
        content, motion, scene = labels.unbind(1)
        choice = ((torch.rand(labels.shape, device=labels.device) < hidden) * self.weights).sum(1)
        ids = self.table[content, motion, scene, choice]
        return torch.where(torch.rand(len(labels), 1, device=labels.device) < left_out, self.empty, ids)

    def none(self, count: int) -> torch.Tensor:
        return self.empty.expand(count, -1)


def _ids(tokenizer: Tokenizer, content: int, motion: int, scene: int, hidden: int) -> list[int]:
    def words(phrase: str, bit: int) -> list[str]:
        return [UNKNOWN if hidden & bit else word for word in phrase.split()]

    name = CONTENTS[content]
    caption = ["an" if name[0] in "aeiou" else "a", *words(name, 1), *words(MOTIONS[motion], 2), "on", "a", *words(SCENES[scene], 4), "background"]
    ids = [tokenizer.token_to_id(word) for word in (START, *caption, END)]
    return ids + [tokenizer.token_to_id(PAD)] * (MAX_TOKENS - len(ids))
