"""Draws sheets of captions and pictures with an exported folder, 50 DDIM steps.

usage: sample_sheet.py MODEL DATASET OUT.jpg [--set train|held-out|everyday|combinations|guidance] [--guidance 5]
`guidance` draws 8 training captions at several guidance scales, a row each; `held-out` puts the real picture below each."""
import argparse
import random

import torch
from PIL import Image, ImageDraw

from combination_words import COMBINATIONS, EVERYDAY
from dataset import load_rows
from pipeline import draw, load_ddim

WISHED = [
    "red apple", "grinning face", "smiling face with heart-eyes", "dog face", "rocket", "pizza", "red heart", "tiger face",
    "soccer ball", "birthday cake", "guitar", "rainbow", "automobile", "bouquet", "ghost", "octopus",
]
CELL, LABEL = 128, 13


def sheet(cells, columns):
    """cells: [(label, picture, picture below or None)]."""
    height = LABEL + CELL * (2 if any(below for _, _, below in cells) else 1) + 3
    out = Image.new("RGB", (columns * (CELL + 3), -(-len(cells) // columns) * height), "white")
    pen = ImageDraw.Draw(out)
    for i, (label, picture, below) in enumerate(cells):
        left, top = i % columns * (CELL + 3), i // columns * height
        pen.text((left + 2, top + 1), label[:22], fill="black")
        out.paste(picture, (left, top + LABEL))
        if below:
            out.paste(below, (left, top + LABEL + CELL))
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("dataset")
    parser.add_argument("out")
    parser.add_argument("--set", choices=("train", "held-out", "everyday", "combinations", "guidance"), default="train")
    parser.add_argument("--guidance", type=float, default=5.0)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    pipe, rows = load_ddim(args.model), load_rows(args.dataset, "val" if args.set == "held-out" else "train")
    shuffled = random.Random(5).sample(rows, len(rows))
    if args.set == "guidance":
        captions = WISHED[:8]
        cells = []
        for scale in (3.0, 5.0, 7.5):
            pictures = draw(pipe, captions, scale, args.steps, args.seed)
            cells += [(f"{scale}: {caption}", picture, None) for caption, picture in zip(captions, pictures)]
        sheet(cells, 8).save(args.out, optimize=True, quality=82)
        return
    if args.set == "train":
        captions = (WISHED + [row["caption"] for row in shuffled if row["caption"] not in WISHED])[: args.count]
    elif args.set == "held-out":
        shuffled = shuffled[: args.count]
        captions = [row["caption"] for row in shuffled]
    else:
        captions = {"everyday": EVERYDAY, "combinations": COMBINATIONS}[args.set][: args.count]
    pictures = draw(pipe, captions, args.guidance, args.steps, args.seed)
    real = [None] * len(captions)
    if args.set == "held-out":
        real = [Image.open(f"{args.dataset}/images/{row['file']}").convert("RGB") for row in shuffled]
    sheet(list(zip(captions, pictures, real)), 8).save(args.out, optimize=True, quality=82)


if __name__ == "__main__":
    main()
