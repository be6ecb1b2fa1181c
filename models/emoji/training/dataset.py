"""The data set on disk: images as one uint8 tensor per split, captions, their variants, and which pictures may be mirrored."""
import json
import re

import numpy as np
import torch
from PIL import Image

# A mirrored picture would be wrong where the caption names a direction, letters, numbers or a clock.
DIRECTED = re.compile(
    r"\b(left|right|leftwards|rightwards|clockwise|counterclockwise|anticlockwise|arrow|button|clock|o’clock|thirty|"
    r"letter|letters|number|numbers|input|abc|ok|new|free|cool|mark|note|notes|chart|calendar|japanese|latin|atm|wc|id|"
    r"soon|top|back|end|on!|play|reverse|fast|next|last|track|crescent|quarter|zodiac|sign|symbol|dollar|euro|yen|pound|"
    r"banknote|hundred|music|musical|treble|copyright|registered|currency|text|newspaper|book|books|keyboard|map)\b"
)


def load_rows(dataset, split):
    """[{file, caption, tags}] of a split ("train" or "val"), in the order of captions_SPLIT.json."""
    with open(f"{dataset}/captions_{split}.json", encoding="utf-8") as file:
        meta = json.load(file)
    by_image = {annotation["image_id"]: annotation for annotation in meta["annotations"]}
    return [
        {"file": image["file_name"], "caption": by_image[image["id"]]["caption"], "tags": by_image[image["id"]]["tags"]}
        for image in meta["images"]
    ]


def pixels_of(pictures):
    """uint8 tensor [n, 3, height, width] of RGB pictures of one size."""
    return torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures])).permute(0, 3, 1, 2)


def load_images(dataset, rows):
    """uint8 tensor [n, 3, 128, 128]."""
    return pixels_of([Image.open(f"{dataset}/images/{row['file']}").convert("RGB") for row in rows]).contiguous()


def may_mirror(caption):
    return not DIRECTED.search(caption.lower())


def caption_groups(row):
    """Caption variants by kind: [(probability of the kind, [captions])]."""
    name, tags = row["caption"], [tag for tag in row["tags"] if not tag.isdigit()]
    groups = [
        (0.45, [name]),
        (0.35, [f"a 3d emoji of {name}", f"an emoji of a {name}", f"{name} emoji", f"a {name}"]),
    ]
    if tags:
        groups += [(0.15, [f"{name}, {tag}" for tag in tags]), (0.05, tags)]
    return groups
