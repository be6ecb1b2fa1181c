"""Prepares the data set: Fluent Emoji 3D pictures (MIT) on white at 128x128, captions from emojibase's (MIT) labels and tags.

usage: prepare_dataset.py ASSETS EMOJIBASE_EN_JSON OUT
ASSETS is the `assets` folder of npm @lobehub/fluent-emoji-3d, EMOJIBASE_EN_JSON is `en/data.json` of npm emojibase-data."""
import hashlib
import json
import os
import sys

import numpy as np
from PIL import Image

COMPONENTS, FLAGS = 2, 9  # groups left out: skin tones and the like, flags


def on_white(path):
    rgba = np.asarray(Image.open(path).convert("RGBA"), np.float32) / 255
    rgb = rgba[..., :3] * rgba[..., 3:] + (1 - rgba[..., 3:])
    return Image.fromarray((rgb * 255).round().astype(np.uint8)).resize((128, 128), Image.LANCZOS)


def main(assets, emojibase, out):
    os.makedirs(out + "/images", exist_ok=True)
    files = {name[:-5].lower(): name for name in os.listdir(assets)}
    without_variation = {code.replace("-fe0f", ""): name for code, name in files.items()}
    images, annotations, missing = [], [], 0
    with open(emojibase, encoding="utf-8") as file:
        entries = json.load(file)
    for entry in entries:
        if entry.get("group") in (None, COMPONENTS, FLAGS):
            continue
        if "keycap" in entry["label"] or entry["label"].startswith("regional"):
            continue
        code = entry["hexcode"].lower()
        source = files.get(code) or without_variation.get(code.replace("-fe0f", ""))
        if not source:
            missing += 1
            continue
        number, name = len(images) + 1, code + ".png"
        on_white(f"{assets}/{source}").save(f"{out}/images/{name}", optimize=True)
        held_out = int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10 == 0
        split = "val" if held_out else "train"
        images.append(dict(id=number, file_name=name, width=128, height=128, split=split))
        annotations.append(dict(id=number, image_id=number, caption=entry["label"], tags=entry.get("tags", [])))
    for split in ("train", "val", None):
        chosen = [image for image in images if split in (None, image["split"])]
        ids = {image["id"] for image in chosen}
        with open(f"{out}/captions{'_' + split if split else ''}.json", "w") as file:
            json.dump(
                dict(
                    info=dict(description="Fluent Emoji 3D, captions from emojibase"),
                    images=chosen,
                    annotations=[annotation for annotation in annotations if annotation["image_id"] in ids],
                ),
                file,
            )
    held_out = sum(image["split"] == "val" for image in images)
    print(len(images), "pictures;", missing, "without a file;", held_out, "held out")


if __name__ == "__main__":
    main(*sys.argv[1:])
