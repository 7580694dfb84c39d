"""Writes src/pipeline/fixtures/tokenizers.json: two tiny tokenizers and the ids that transformers gives for texts, also with
small files that say otherwise than tokenizer.json.

CLIP's kind (byte-level BPE with </w>, start and end tokens) and T5's (SentencePiece Unigram with an end token).
Run from the repository root: python training/reference/text_tokenizers.py
"""
import json
import tempfile
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import LlamaTokenizerFast, PreTrainedTokenizerFast

OUT = Path(__file__).resolve().parents[2] / "src/pipeline/fixtures/tokenizers.json"
CORPUS = [
    "a red apple bounces on a dark background", "a yellow star rotates on a blue background",
    "a green car moves to the left on a white background", "a cat and a dog spin slowly, then stop!",
    "the apple's shadow grows; it doesn't shrink 2 times in 16 frames",
]
TEXTS = [
    "a red apple bounces on a dark background", "A RED Apple  bounces,\non a dark background!", "", " ", "the star's 16 frames",
    "caf\u00e9 \U0001f34e na\u00efve", "a cat and a dog and a car and a star and an apple and a cat and a dog and a car", "don't stop",
]


def clip():
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token="<|endoftext|>", fuse_unk=False, continuing_subword_prefix=""))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    pattern = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), behavior="removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=620, end_of_word_suffix="</w>", initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  special_tokens=["<|startoftext|>", "<|endoftext|>"])
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(
        ("<|endoftext|>", tokenizer.token_to_id("<|endoftext|>")), ("<|startoftext|>", tokenizer.token_to_id("<|startoftext|>")),
        add_prefix_space=False, trim_offsets=False)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|startoftext|>", eos_token="<|endoftext|>",
                                   unk_token="<|endoftext|>", pad_token="<|endoftext|>", model_max_length=24)


def t5():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>")
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", tokenizer.token_to_id("</s>"))])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", unk_token="<unk>", pad_token="<pad>", model_max_length=20)


def fixture(name, tokenizer, change=lambda files: None, texts=TEXTS, side=None):
    """`change` edits the saved files (tokenizer.json, tokenizer_config.json, special_tokens_map.json) before they are loaded.

    `side`: the side of a class that the folder only names (its own code would replace tokenizer.json)."""
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        files = {path: json.loads((Path(folder) / path).read_text()) for path in ("tokenizer.json", "tokenizer_config.json")}
        change(files)
        for path, content in files.items():
            (Path(folder) / path).write_text(json.dumps(content))
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        if side:
            tokenizer.padding_side = side
    cases = []
    for text in texts:
        encoded = tokenizer(text, padding="max_length", truncation=True, max_length=tokenizer.model_max_length)
        cases.append(dict(text=text, ids=encoded["input_ids"], mask=encoded["attention_mask"]))
    return dict(name=name, tokenizer=files["tokenizer.json"], config=files["tokenizer_config.json"], special=files.get("special_tokens_map.json"), cases=cases)


def padding(direction):
    return dict(strategy=dict(Fixed=20), direction=direction, pad_to_multiple_of=None, pad_id=0, pad_type_id=0, pad_token="<pad>")


def without_side(files, **config):
    files["tokenizer_config.json"].pop("padding_side", None)
    files["tokenizer_config.json"].update(config)


def variants():
    exclaims = ["a cat! stop!", "!", "", "the star's 16 frames !!"]
    few = TEXTS[:1] + TEXTS[2:3] + TEXTS[6:7]
    yield fixture("CLIP, pad ! by special_tokens_map.json", clip(), lambda files: files.update({"special_tokens_map.json": {"pad_token": "!"}}), exclaims)
    yield fixture("CLIP, pad ! as an object", clip(), lambda files: files["tokenizer_config.json"].update(pad_token={"__type": "AddedToken", "content": "!", "normalized": False}), exclaims)
    yield fixture("T5, a pad that is in no vocabulary", t5(), lambda files: files.update({"special_tokens_map.json": {"pad_token": "[nothing]"}}), few)
    yield fixture("T5, no side, tokenizer.json pads left", t5(), lambda files: (without_side(files), files["tokenizer.json"].update(padding=padding("Left"))), few)
    yield fixture("T5, right by the config, left by tokenizer.json", t5(), lambda files: files["tokenizer_config.json"].update(padding_side="right") or files["tokenizer.json"].update(padding=padding("Left")), few)
    yield fixture("a Llama tokenizer, no side", t5(), lambda files: without_side(files, tokenizer_class="LlamaTokenizerFast"), few, LlamaTokenizerFast.padding_side)


def main():
    OUT.write_text(json.dumps([fixture("CLIP", clip()), fixture("T5", t5()), *variants()], separators=(",", ":")) + "\n")
    print(f"{OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
