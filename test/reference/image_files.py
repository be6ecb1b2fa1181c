"""Golden picture files of Pillow and piexif (which A1111 writes with), for src/image/: test/golden/image_files.json holds
each file in base64 with the text or the pixels that it must give.
Usage: python test/reference/image_files.py   (needs pillow, numpy, piexif)
"""
import base64
import io
import json
from pathlib import Path

import numpy as np
import piexif
import piexif.helper
from PIL import Image
from PIL.PngImagePlugin import PngInfo

golden = Path(__file__).parent.parent / "golden"
rng = np.random.default_rng(0)
rgb = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
picture = Image.fromarray(rgb)
LATIN = "a café, ½ price\nNegative prompt: naïve\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512"
UNICODE = "拉面 🍜, “ramen”\nSteps: 20, Sampler: DDIM, CFG scale: 7.5, Seed: 4294967295, Size: 512x768"


def b64(out):
    return base64.b64encode(out.getvalue()).decode()


def png(text, kind):
    info = PngInfo()
    if kind == "zTXt":
        info.add_text("parameters", text, zip=True)
    elif kind == "iTXt compressed":
        info.add_itxt("parameters", text, lang="en", tkey="réglages", zip=True)
    else:
        info.add_text("parameters", text)
    out = io.BytesIO()
    picture.save(out, "PNG", pnginfo=info)
    return b64(out)


def exif(text, form, **options):
    block = piexif.dump({"Exif": {piexif.ExifIFD.UserComment: piexif.helper.UserComment.dump(text, encoding="unicode")}})
    out = io.BytesIO()
    picture.save(out, form, exif=block, **options)
    return b64(out)


def little_endian(text):
    """As other programs write it: a little-endian TIFF block and UTF-16LE."""
    comment = b"UNICODE\0" + text.encode("utf-16-le")
    block = b"II*\0\x08\0\0\0" + b"\x01\0\x69\x87\x04\0\x01\0\0\0\x1a\0\0\0" + b"\0\0\0\0"
    block += b"\x01\0\x86\x92\x07\0" + len(comment).to_bytes(4, "little") + (44).to_bytes(4, "little") + b"\0\0\0\0" + comment
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=b"Exif\0\0" + block)
    return b64(out)


texts = [
    {"kind": "tEXt", "text": LATIN, "file": png(LATIN, "tEXt")},
    {"kind": "iTXt", "text": UNICODE, "file": png(UNICODE, "iTXt")},
    {"kind": "zTXt", "text": LATIN, "file": png(LATIN, "zTXt")},
    {"kind": "iTXt compressed", "text": UNICODE, "file": png(UNICODE, "iTXt compressed")},
    {"kind": "JPEG", "text": UNICODE, "file": exif(UNICODE, "JPEG")},
    {"kind": "JPEG little-endian", "text": UNICODE, "file": little_endian(UNICODE)},
    {"kind": "WebP lossy", "text": LATIN, "file": exif(LATIN, "WEBP")},
    {"kind": "WebP lossless", "text": UNICODE, "file": exif(UNICODE, "WEBP", lossless=True)},
]


def saved(image, form="PNG", **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return b64(out)


def case(kind, file, pixels):
    return {"kind": kind, "file": file, "width": pixels.shape[1], "height": pixels.shape[0], "pixels": pixels.astype(int).ravel().tolist()}


grey = rgb[..., 0]
rgba = np.concatenate([rgb, rng.choice(np.array([0, 255], np.uint8), (5, 7, 1))], 2)
on_white = np.where(rgba[..., 3:] == 255, rgb, 255)
wide = (grey.astype(np.uint16) << 8) | 0x80
palette = picture.quantize(16)
turned = Image.Exif()
turned[0x0112] = 6
flat = np.full((16, 24, 3), (200, 60, 30), np.uint8)
flat[:8] = (20, 160, 220)
pictures = [
    case("RGB PNG", saved(picture), rgb),
    case("grey PNG", saved(Image.fromarray(grey)), np.repeat(grey[..., None], 3, 2)),
    case("16-bit grey PNG", saved(Image.fromarray(wide)), np.repeat(grey[..., None], 3, 2)),
    case("RGBA PNG on white", saved(Image.fromarray(rgba)), on_white),
    case("palette PNG", saved(palette), np.asarray(palette.convert("RGB"))),
    case("1-bit PNG", saved(Image.fromarray(grey > 127)), np.repeat(np.where(grey > 127, 255, 0)[..., None], 3, 2)),
    case("GIF", saved(palette, "GIF"), np.asarray(palette.convert("RGB"))),
    case("lossless WebP", saved(picture, "WEBP", lossless=True), rgb),
    case("JPEG on its side", saved(Image.fromarray(flat), "JPEG", quality=100, subsampling=0, exif=turned), np.rot90(flat, 3)),
]
cmyk = saved(Image.fromarray(np.full((8, 8, 4), (0, 200, 200, 0), np.uint8), "CMYK"), "JPEG", quality=100)
(golden / "image_files.json").write_text(json.dumps({"texts": texts, "pictures": pictures, "cmyk": cmyk}, separators=(",", ":")))
