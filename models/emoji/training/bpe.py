"""The CLIP byte-pair tokenizer, trained on the captions."""
import json
import os

from dataset import caption_groups

START, END = "<|startoftext|>", "<|endoftext|>"
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"  # CLIP's


def train_tokenizer(rows, out, vocabulary=3000):
    """Writes vocab.json, merges.txt, special_tokens_map.json and tokenizer_config.json as SD v1.5's folder has them."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

    bpe = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix=""))
    bpe.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), "removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, min_frequency=2, end_of_word_suffix="</w>", initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator([text for row in rows for _, group in caption_groups(row) for text in group], trainer)
    model = json.loads(bpe.to_str())["model"]
    learnt = [token for token, _ in sorted(model["vocab"].items(), key=lambda item: item[1])]
    tokens = list(dict.fromkeys(alphabet + [c + "</w>" for c in alphabet] + learnt)) + [START, END]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    known = set(tokens)
    assert all(merge.replace(" ", "") in known for merge in merges)

    os.makedirs(out, exist_ok=True)

    def dump(value, name, indent=1):
        with open(f"{out}/{name}", "w", encoding="utf-8") as file:
            json.dump(value, file, ensure_ascii=False, indent=indent)

    dump({token: number for number, token in enumerate(tokens)}, "vocab.json", None)
    with open(f"{out}/merges.txt", "w", encoding="utf-8") as file:
        file.write("#version: 0.2\n" + "\n".join(merges) + "\n")
    special = dict(bos_token=START, eos_token=END, pad_token=END, unk_token=END)
    dump(special, "special_tokens_map.json")
    rest = dict(add_prefix_space=False, do_lower_case=True, errors="replace", model_max_length=77)
    dump({**special, **rest, "tokenizer_class": "CLIPTokenizer"}, "tokenizer_config.json")
