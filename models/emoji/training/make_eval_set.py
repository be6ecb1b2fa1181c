"""Writes the embedded evaluation set: the held-out pictures with captions in COCO's captions format.

usage: make_eval_set.py DATASET OUT     (OUT/captions.json, OUT/images/*.png)"""
import io
import json
import os
import sys

from PIL import Image

INFO = {
    "description": "Held-out Fluent Emoji 3D pictures (128x128, on white) with captions from emojibase: the evaluation set of the embedded model",
    "url": "https://github.com/microsoft/fluentui-emoji",
    "version": "1.0",
    "contributor": "Pictures: Microsoft (npm @lobehub/fluent-emoji-3d 1.1.0). Captions: Miles Johnson (npm emojibase-data 17.0.0), from Unicode CLDR.",
}
LICENCES = [
    {"id": 1, "name": "MIT (Fluent Emoji, Microsoft)", "url": "https://github.com/microsoft/fluentui-emoji/blob/main/LICENSE"},
    {"id": 2, "name": "MIT (emojibase, Miles Johnson)", "url": "https://github.com/milesj/emojibase/blob/master/LICENSE"},
]


def smallest_png(path):
    """The losslessly packed bytes: the file's own, or Pillow's, whichever is smaller."""
    packed = io.BytesIO()
    Image.open(path).convert("RGB").save(packed, "PNG", optimize=True, compress_level=9)
    with open(path, "rb") as file:
        own = file.read()
    return min(own, packed.getvalue(), key=len)


def main(dataset, out):
    with open(dataset + "/captions_val.json", encoding="utf-8") as file:
        meta = json.load(file)
    os.makedirs(out + "/images", exist_ok=True)
    images = []
    for image in meta["images"]:
        name = image["file_name"]
        with open(f"{out}/images/{name}", "wb") as file:
            file.write(smallest_png(f"{dataset}/images/{name}"))
        images.append({"id": image["id"], "file_name": name, "width": 128, "height": 128, "license": 1})
    annotations = [{key: a[key] for key in ("id", "image_id", "caption")} for a in meta["annotations"]]
    with open(out + "/captions.json", "w", encoding="utf-8") as file:
        value = {"info": INFO, "licenses": LICENCES, "images": images, "annotations": annotations}
        json.dump(value, file, ensure_ascii=False, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
