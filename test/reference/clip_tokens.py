"""Golden ids of transformers' CLIPTokenizer, for src/tokenizer/.

Writes models/clip-tokenizer/merges.txt.gz (the merges of OpenAI's CLIP, from PyPI's open_clip_torch, MIT licence) and
clip_tokens.json.gz: the strings, and their ids (without padding, not truncated) under three configurations:
  plain     vocab.json + merges.txt alone
  sd1       with the special_tokens_map.json and tokenizer_config.json of Stable Diffusion v1.x (normalized special tokens)
  sd2       with those of Stable Diffusion v2.x (pad token "!")
and truncated and padded to 77 for some of them; and the tokenizer.json that `sd1` saves, without its vocabulary. Rows hold the ids of strings by index where they differ from `plain`.
Usage: python test/reference/clip_tokens.py PATH/bpe_simple_vocab_16e6.txt.gz
"""
import gzip
import json
import random
import sys
import tempfile
import unicodedata
from pathlib import Path

from transformers import CLIPTokenizer

golden = Path(__file__).parent.parent / "golden"
lines = gzip.open(sys.argv[1]).read().decode().split("\n")
merges = lines[1 : 49152 - 256 - 2 + 1]


def gz(path, text):
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


gz(golden.parents[1] / "models/clip-tokenizer/merges.txt.gz", "\n".join(["#version: 0.2", *merges]) + "\n")

visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
alphabet = [chr(c) for c in visible] + [chr(256 + i) for i in range(256 - len(visible))]
tokens = alphabet + [c + "</w>" for c in alphabet] + ["".join(m.split()) for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
vocab = {token: i for i, token in enumerate(tokens)}
assert len(vocab) == 49408 and vocab["<|endoftext|>"] == 49407


def special(content, normalized=True):
    return {"content": content, "lstrip": False, "normalized": normalized, "rstrip": False, "single_word": False}


def make(name, pad=None):
    folder = Path(tempfile.mkdtemp())
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    if name != "plain":
        (folder / "special_tokens_map.json").write_text(json.dumps({
            "bos_token": special("<|startoftext|>"), "eos_token": special("<|endoftext|>"), "pad_token": pad, "unk_token": special("<|endoftext|>")}))
        (folder / "tokenizer_config.json").write_text(json.dumps({
            "add_prefix_space": False, "bos_token": {"__type": "AddedToken", **special("<|startoftext|>")}, "do_lower_case": True,
            "eos_token": {"__type": "AddedToken", **special("<|endoftext|>")}, "errors": "replace", "model_max_length": 77,
            "pad_token": "<|endoftext|>", "tokenizer_class": "CLIPTokenizer", "unk_token": {"__type": "AddedToken", **special("<|endoftext|>")}}))
    return CLIPTokenizer.from_pretrained(folder)


rng = random.Random(0)
words = [t[:-4] for t in tokens[512:] if t.endswith("</w>") and t[:-4].isascii() and t[:-4].isalpha()]
texts = [
    "", " ", "   ", "\n", "a", "A", "a bowl of ramen", "A Bowl Of RAMEN", "  a  bowl\tof\nramen \r\n", "a photo of a cat, 4k, highly detailed",
    "it's don't we've I'll they're I'm he'd", "IT'S DON'T WE'VE I'LL THEY'RE I'M HE'D", "'s's 't 're''s '", "''", "'''s", "rock'n'roll", "o'clock",
    "1234567890", "3.14159", "1,000,000", "4k 8K 1080p", "ⅷ ½ ² ٣ 三 ①", "x²+y²=z²", "<|endoftext|>", "<|startoftext|>", "a <|endoftext|> b",
    "<|ENDOFTEXT|>", "x<|EndOfText|>y", "<|STARTOFTEXT|>", "x<|StartOfText|>y", "<|ENDOFTEXT|>!!", "!!<|ENDOFTEXT|>", "<|ＥＮＤＯＦＴＥＸＴ|>", " <|endoftext|> ", "<|endoftext", "|endoftext|>", "<|endoftext|><|endoftext|>", "<|startoftext|>a<|endoftext|>", "<|pad|>", "< |endoftext| >",
    "!", "!!", "a!", "a !", "wow!!! so good!", "! ! !", "a!b!c", "!a", "</w>", "a</w>b", "#version: 0.2", "Ġ Ċ", "café", "cafe\u0301", "Å", "A\u030a", "\u212b", "ﬁ ﬂ ﬀ",
    "ΑΣ ΟΔΥΣΣΕΥΣ ς Σ", "İstanbul I ı", "straße STRASSE ẞ", "ǅ ǆ Ǆ", "ÇÉÎÔÛ", "Ω Ω K K", "日本語のプロンプト", "漢字 かな カナ", "中文提示，一碗拉面。", "한국어 프롬프트", "\u1112\u1161\u11ab\u1100\u1173\u11af",
    "สวัสดี", "नमस्ते दुनिया", "مرحبا بالعالم", "שלום עולם", "Привет, МИР!", "ﷺ", "🍜", "🍜🍜🍜", "a 🍜 bowl", "👨‍👩‍👧‍👦", "👍🏽", "🇯🇵🇫🇷", "❤️", "☃\ufe0f", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "e\u0301\u0327\u0323", "q\u0307\u0323", "zalgơ̷̡", "\u0301a",
    "\x00", "a\x00b", "a\x01\x02b", "\x7f", "a\x85b", "a\u00a0b", "a\u200bb", "a\u200db", "a\u2028b\u2029c", "a\u3000b", "a\u180eb", "a\ufeffb", "\ufeffa", "a\u00adb", "a\ufffdb", "\u202eabc", "a\x1cb\x1db\x1eb\x1fb", "\x0b\x0c",
    "&lt;b&gt; &amp; &quot;", "“curly” ‘quotes’ it’s", "Ｆｕｌｌｗｉｄｔｈ", "schön fÃ¼r", "a_b_c __init__", "snake_case-kebab", "a/b\\c", "(word:1.3) [less] {x}", "\\(escaped\\)", "C++ C# .NET", "user@example.com", "https://example.com/?a=b&c=d#e",
    "#hashtag @name", "$100 €20 £3", "50% off", "...", "…", "—–-", "a--b", "«»", "¿¡", "°C", "™®©", "∑∫√", "←→", "█▓▒", "ﾊﾝｶｸ", "𝐁𝐨𝐥𝐝 𝕏", "𝟙𝟚", "𐐀𐐨", "𒀀", "\U0010ffff", "\ue000", "\u0378",
    "a " * 80, "ramen " * 100, "x" * 300, "ab" * 200, "a" * 1000, "🍜" * 60, "1" * 100, "!" * 200, "word, " * 60, "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 3,
    " ".join(["masterpiece"] * 75), " ".join(["masterpiece"] * 74), " ".join(["masterpiece"] * 76), "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
]
while len(texts) < 1100:  # prompts of common words with the odd capital and comma
    picked = [rng.choice(words) for _ in range(rng.randint(1, 14))]
    texts.append("".join((w.title() if rng.random() < 0.2 else w.upper() if rng.random() < 0.1 else w) + rng.choice([" ", " ", " ", ", ", "  ", "-", ". ", "'s ", "! "]) for w in picked))
while len(texts) < 1500:  # letters that form words rarely
    texts.append("".join(rng.choice("abcdefghijklmnopqrstuvwxyzABCXYZ'' 0123456789.,!?-_") for _ in range(rng.randint(1, 40))))
blocks = [(0x20, 0x17F), (0x180, 0x24F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x590, 0x6FF), (0x900, 0xDFF), (0xE00, 0xE7F), (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x22FF),
          (0x2460, 0x27BF), (0x3040, 0x33FF), (0x4E00, 0x4FFF), (0xAC00, 0xAFFF), (0xF900, 0xFAFF), (0xFB00, 0xFDFF), (0xFE00, 0xFFEF), (0x10300, 0x104FF), (0x1D400, 0x1D7FF), (0x1F300, 0x1FAFF), (0x20000, 0x200FF)]


def assigned(block):
    while True:
        c = chr(rng.randint(*block))
        if unicodedata.category(c) not in ("Cn", "Cs", "Co"):
            return c


while len(texts) < 2100:  # Unicode: one block or several, with spaces
    pool = [rng.choice(blocks) for _ in range(rng.choice([1, 1, 2, 4]))]
    texts.append("".join(" " if rng.random() < 0.15 else assigned(rng.choice(pool)) for _ in range(rng.randint(1, 24))))
while len(texts) < 2250:  # control characters, white space and special tokens among words
    texts.append("".join(rng.choice([rng.choice(words), chr(rng.randint(0, 0xA1)), " ", "\t", "\u2003", "\u3000", "<|endoftext|>", "<|startoftext|>", "<|EndOfText|>", "!", "'", "\u0301", "É"]) for _ in range(rng.randint(1, 10))))

plain, sd1, sd2 = make("plain"), make("sd1", pad="<|endoftext|>"), make("sd2", pad="!")
base = [plain(t, truncation=False)["input_ids"] for t in texts]
rows = {"plain": base}
for name, tokenizer in (("sd1", sd1), ("sd2", sd2)):
    rows[name] = {i: ids for i, t in enumerate(texts) if (ids := tokenizer(t, truncation=False)["input_ids"]) != base[i]}
    print(name, len(rows[name]), "strings of", len(texts), "differ from plain; max length", tokenizer.model_max_length, "pad", tokenizer.pad_token_id)
some = [i for i, ids in enumerate(base) if len(ids) > 60][:60] + list(range(12))
padded = {name: {i: t(texts[i], padding="max_length", max_length=77, truncation=True)["input_ids"] for i in some} for name, t in (("sd1", sd1), ("sd2", sd2))}

saved = Path(tempfile.mkdtemp())
sd1.save_pretrained(saved)
tokenizer_json = json.loads((saved / "tokenizer.json").read_text())
# The vocabulary and the merges of this tokenizer.json are those of the other file.
tokenizer_json["model"].update(vocab=None, merges=None)
config = (saved / "tokenizer_config.json").read_text()
gz(golden / "clip_tokens.json.gz", json.dumps({"texts": texts, **rows, "padded": padded, "tokenizer_json": tokenizer_json, "config": config}, separators=(",", ":")))
