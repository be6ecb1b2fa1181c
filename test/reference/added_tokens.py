"""Ids that transformers' CLIPTokenizer gives where a tokenizer's folder has tokens beside its vocabulary: test/golden/added_tokens.json.

Each case is tiny-sd's vocabulary with other tokenizer_config.json, special_tokens_map.json and added_tokens.json; the ids are
those of every text, begin and end included.
Usage: python test/reference/added_tokens.py   (transformers 5)
"""
import json
import re
import shutil
import tempfile
from pathlib import Path

from transformers import CLIPTokenizer

root = Path(__file__).parent.parent
source = root / "models/tiny-sd/tokenizer"
size = max(json.loads((source / "vocab.json").read_text()).values()) + 1
plain = {"model_max_length": 77, "tokenizer_class": "CLIPTokenizer"}


def token(content, **more):
    return {"content": content, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False, "special": False, **more}


sd = {key: token(f"<|{word}|>") for key, word in (("bos_token", "startoftext"), ("eos_token", "endoftext"), ("unk_token", "endoftext"))}
for value in sd.values():
    del value["special"]
cases = {
    "decoder": ({**plain, "added_tokens_decoder": {str(size): token("<cat-toy>"), str(size + 1): token("<Dog>", normalized=False)}}, None, None),
    "decoder of today": ({**plain, "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>",
                          "added_tokens_decoder": {str(size - 2): token("<|startoftext|>", special=True), str(size - 1): token("<|endoftext|>", normalized=False, special=True),
                                                   str(size): token("<cat-toy>"), str(size + 1): token("<cat-toy>_1"), str(size + 2): token("<cat-toy>_2")}}, None, None),
    "strips": ({**plain, "added_tokens_decoder": {str(size): token("<l>", lstrip=True), str(size + 1): token("<r>", rstrip=True),
                                                  str(size + 2): token("sks", single_word=True), str(size + 3): token("<S>", special=True, normalized=False)}}, None, None),
    "older": ({**plain}, {**sd, "pad_token": "<|endoftext|>"}, {"<cat-toy>": size, "<Dog>": size + 1}),
    "older, special": ({**plain}, {**sd, "additional_special_tokens": ["<Dog>"], "pad_token": "<|endoftext|>"}, {"<cat-toy>": size, "<Dog>": size + 1}),
    "pad of its own": ({**plain, "pad_token": "<pad>"}, {**sd, "pad_token": "<pad>"}, None),
}
texts = [
    "a <cat-toy> cat", "a <CAT-TOY> cat", "<cat-toy>", "x<cat-toy>y", "<cat-toy><cat-toy>", " <cat-toy>  . ", "<cat-toy>_1 and <cat-toy>_2", "<cat-toy>_12",
    "a <Dog> runs", "a <dog> runs", "<Dog>_<DOG>", "a <l> b", "a  <r>  b", "a<l> <r>b", "sks dog", "sksdog", "a sks", "asks", "a sks, b", "_sks sks_ é sks é", "a <S> b", "a <s> b",
    "<|startoftext|> a <|endoftext|>", "<|STARTOFTEXT|> <|ENDOFTEXT|>", "a <pad> b", "",
]
result = {"texts": texts, "cases": {}}
for name, (config, special, added) in cases.items():
    folder = Path(tempfile.mkdtemp())
    for file in ("vocab.json", "merges.txt"):
        shutil.copy(source / file, folder / file)
    for file, content in (("tokenizer_config", config), ("special_tokens_map", special), ("added_tokens", added)):
        if content is not None:
            (folder / f"{file}.json").write_text(json.dumps(content))
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    result["cases"][name] = {
        "config": config, **({"specialTokens": special} if special else {}), **({"addedTokens": added} if added else {}),
        "size": len(tokenizer), "padId": tokenizer.pad_token_id, "ids": [tokenizer(text).input_ids for text in texts],
    }
text = json.dumps(result, indent=1, ensure_ascii=False)
text = re.sub(r"\[\s*((?:\d+,?\s*)+)\]", lambda m: "[" + ", ".join(re.findall(r"\d+", m.group(1))) + "]", text)
(root / "golden/added_tokens.json").write_text(text + "\n")
