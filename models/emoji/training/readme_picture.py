"""Draws README's first picture: captions and what the command draws for each, by the built product itself (`npm run build` first).

usage: readme_picture.py OUT.png [FLAGS of fdiff generate …]     (such as --seed 7)"""
import os
import subprocess
import sys
import tempfile

from PIL import Image, ImageDraw, ImageFont

CAPTIONS = [
    "a red apple", "penguin", "rocket", "birthday cake", "butterfly",
    "a blue apple", "three stars", "a dog with a hat", "a purple car", "grinning face",
]
COLUMNS, CELL, GAP, LABEL = 5, 128, 16, 22


def main(out, *flags):
    cli = os.path.join(os.path.dirname(__file__), "../../../dist/cli/main.js")
    rows = -(-len(CAPTIONS) // COLUMNS)
    picture = Image.new("RGB", (COLUMNS * (CELL + GAP) + GAP, rows * (CELL + LABEL + GAP) + GAP), "white")
    pen = ImageDraw.Draw(picture)
    with tempfile.TemporaryDirectory() as folder:
        for i, caption in enumerate(CAPTIONS):
            file = f"{folder}/{i}.png"
            subprocess.run(["node", cli, "generate", caption, "--quiet", "--output", file, *flags], check=True)
            left, top = GAP + i % COLUMNS * (CELL + GAP), GAP + i // COLUMNS * (CELL + LABEL + GAP)
            size = next(size for size in range(12, 6, -1) if pen.textlength(caption, ImageFont.load_default(size)) <= CELL + 6)
            pen.text((left, top), caption, fill="black", font=ImageFont.load_default(size))
            picture.paste(Image.open(file), (left, top + LABEL))
    picture.save(out, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
