"""Golden data for src/tokenizer/promptWeights.ts and promptChunks.ts, written from A1111's documented behaviour
(wiki "Features": Attention/emphasis, Infinite prompt length, BREAK keyword), not from its code.

A prompt is read from the front with a stack per kind of bracket. Every character gets the product of the factors of the
brackets that hold it; equal neighbours are one fragment. Token lists are made up (a word is its length, a comma is 0), so
that chunking does not depend on a tokenizer; whole prompts go through the tiny models. Writes test/golden/prompt_weights.json
and prompt_states.safetensors with prompt_states.json.
Usage: python test/reference/prompt_weights.py        (after make_tiny_models.py)
"""
import json
import math
import random
import re
from pathlib import Path

import numpy as np

rng = random.Random(1)
NUMBER = re.compile(r":\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*\)")


def characters(prompt):
    """[(character, [factors])] of a prompt, escapes and brackets resolved."""
    out, opened = [], {"(": [], "[": []}

    def apply(start, factor):
        for _, factors in out[start:]:
            factors.append(factor)

    i = 0
    while i < len(prompt):
        c = prompt[i]
        number = NUMBER.match(prompt, i)
        if c == "\\":
            i += 1
            if i < len(prompt) and prompt[i] in "()[]\\":
                out.append((prompt[i], []))
            else:
                continue
        elif c in "([":
            opened[c].append(len(out))
        elif number and opened["("]:
            apply(opened["("].pop(), float(number[1]))
            i = number.end() - 1
        elif c == ")" and opened["("]:
            apply(opened["("].pop(), 1.1)
        elif c == "]" and opened["["]:
            apply(opened["["].pop(), 1 / 1.1)
        else:
            out.append((c, []))
        i += 1
    for start in opened["("]:
        apply(start, 1.1)
    for start in opened["["]:
        apply(start, 1 / 1.1)
    return out


def fragments(prompt):
    out = []
    for c, factors in characters(prompt):
        weight = math.prod(factors, start=1.0)
        if out and out[-1][1] == weight:
            out[-1][0] += c
        else:
            out.append([c, weight])
    return out or [["", 1.0]]


texts = ["", "a", "(a)", "((a))", "(a:1.3)", "[a]", "[[a]]", "(a [b] c:1.5) d", "a (b (c:0.5) d) e", "\\(a\\)", "\\\\(a)", "a\\b", "(a", "[a", "a)", "a]", "(a [b) c]", "()", "(a:)", "(a:1.3", "(a: 1.3 )",
         "(a:-1)", "(a:.5)", "(a:2.)", "(a:1.2.3)", "a:1.3)", "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky)))", "(a)(b)", "(a:1.1)(b)", "\\[x\\] [y]", "(:1.3)", "a : b", "((a:1.2) b:1.3)", "\\"]
while len(texts) < 500:
    texts.append("".join(rng.choice(["(", ")", "[", "]", ":1.3)", ":0.5)", ":", "\\", "cat", "a ", ", ", "1.5", "\\(", "\\]", " "]) for _ in range(rng.randint(1, 16))))


def chunked(tokens, backtrack, room=75):
    """Chunks of at most 75; a full chunk whose last comma is near its end is cut after that comma."""
    out, rest = [], list(tokens)
    while len(rest) > room:
        cut = room
        if rest[room] != 0 and 0 in rest[:room]:
            after = room - rest[:room][::-1].index(0)
            if room - after < backtrack:
                cut = after
        out.append(rest[:cut])
        rest = rest[cut:]
    return [*out, rest] if rest or not out else out


chunks = []
for length in [0, 1, 74, 75, 76, 77, 150, 151, 300]:
    for rate in (0, 0.02, 0.1, 1):
        for backtrack in (0, 1, 20, 75):
            tokens = [0 if rng.random() < rate else rng.randint(1, 20) for _ in range(length)]
            chunks.append({"tokens": tokens, "backtrack": backtrack, "chunks": chunked(tokens, backtrack)})

np_rng = np.random.default_rng(0)
states = np_rng.standard_normal((2, 5, 4)).astype(np.float32) + 0.3
weights = np.array([[1, 1.1, 1.5, 0.5, 1], [1, 1, 1, 1, 1]])
z = states.astype(np.float64) * weights[:, :, None]
z *= states.astype(np.float64).mean(axis=(1, 2), keepdims=True) / z.mean(axis=(1, 2), keepdims=True)
out = {"fragments": [{"text": t, "fragments": fragments(t)} for t in texts], "chunks": chunks,
       "states": states.ravel().tolist(), "weights": weights.tolist(), "weighted": z.ravel().tolist()}
(Path(__file__).parent.parent / "golden" / "prompt_weights.json").write_text(json.dumps(out, separators=(",", ":")))

# Text states of whole prompts: the tokens, chunks and weights above through transformers' text encoders.
import torch
from safetensors.numpy import save_file
from transformers import CLIPTextModel, CLIPTokenizer

MODELS = Path(__file__).parent.parent / "models"


def prompt_states(folder, prompt, weighting, long, skip):
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    encoder = CLIPTextModel.from_pretrained(folder / "text_encoder")
    end, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    (comma,) = tokenizer(",", add_special_tokens=False).input_ids
    chunks = []
    for part in re.split(r"\s*\bBREAK\b\s*", prompt) if weighting else [prompt]:
        tokens = [(token, weight) for text, weight in (fragments(part) if weighting else [(part, 1.0)])
                  for token in tokenizer(text, add_special_tokens=False).input_ids]
        # `chunked` knows a comma by 0
        marks = [0 if token == comma else 1 for token, _ in tokens]
        for chunk in chunked(marks, 20):
            chunks.append(tokens[:len(chunk)])
            tokens = tokens[len(chunk):]
    outs = []
    for chunk in chunks if long else chunks[:1]:
        fill = 75 - len(chunk)
        ids = [tokenizer.bos_token_id, *[token for token, _ in chunk], end, *[pad] * fill]
        by = np.array([1, *[weight for _, weight in chunk], 1, *[1] * fill])
        with torch.no_grad():
            hidden = encoder(torch.tensor([ids]), output_hidden_states=True).hidden_states[-1 - skip]
            text_model = getattr(encoder, "text_model", encoder)
            state = text_model.final_layer_norm(hidden)[0].double().numpy()
        z = state * by[:, None]
        outs.append(z * (state.mean() / z.mean()))
    return np.concatenate(outs).astype(np.float32)


numbers = ", ".join(f"apple {n}" for n in range(40))
PROMPTS = [
    ("a (red:1.6) apple, [blurry] ((sky)), (a [b] c:0.5) d", True, False, 0),
    (numbers, False, True, 0),
    (f"a (red:1.4) house BREAK ({numbers}:0.7) [tree]", True, True, 1),
    (f"a (red:1.4) house, ({numbers}:1.2)", True, False, 0),
]
arrays, cases = {}, []
for model in ("tiny-sd", "tiny-sd2"):
    for n, (prompt, weighting, long, skip) in enumerate(PROMPTS):
        arrays[f"{model}/{n}"] = prompt_states(MODELS / model, prompt, weighting, long, skip)
        cases.append({"model": model, "name": f"{model}/{n}", "prompt": prompt, "promptWeighting": weighting, "longPrompts": long, "clipSkip": skip})
save_file(arrays, Path(__file__).parent.parent / "golden" / "prompt_states.safetensors")
(Path(__file__).parent.parent / "golden" / "prompt_states.json").write_text(json.dumps(cases, indent="\t") + "\n")
print({name: array.shape for name, array in arrays.items()})
