"""Small image files of the kinds that data sets hold, and what Pillow's convert("RGB") makes of them.

Usage: python test/reference/pictures.py   (writes test/golden/pictures/ and test/golden/pictures.safetensors)
Needs: numpy, pillow, safetensors.
"""
import pathlib

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
folder = GOLDEN / "pictures"
folder.mkdir(exist_ok=True)
rng = np.random.RandomState(3)
ys, xs = np.mgrid[0:34, 0:45]
rgb = (np.stack([xs * 5, ys * 7, (xs + ys) * 3], axis=2) + rng.randint(0, 40, (34, 45, 3))).clip(0, 255).astype(np.uint8)
image = Image.fromarray(rgb)
exif = Image.Exif()
exif[0x0112] = 6  # turn by 90 degrees to the right
image.save(folder / "photo.jpg", quality=90)
image.save(folder / "photo444.jpg", quality=95, subsampling=0)
image.save(folder / "rotated.jpg", quality=90, exif=exif)
image.convert("L").save(folder / "grey.jpg", quality=90)
image.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
image.save(folder / "plain.png")
image.convert("L").save(folder / "grey.png")
image.convert("P").save(folder / "palette.png")
alpha = image.convert("RGBA")
alpha.putalpha(Image.fromarray((xs * 5).astype(np.uint8)))
alpha.save(folder / "alpha.png")
Image.fromarray((np.arange(34 * 45, dtype=np.uint32).reshape(34, 45) * 42).astype(np.uint16)).save(folder / "grey16.png")

names = ["photo.jpg", "photo444.jpg", "grey.jpg", "plain.png", "grey.png", "palette.png", "alpha.png", "cmyk.jpg"]
out = {name: np.asarray(Image.open(folder / name).convert("RGB")) for name in names}
out["rotated.jpg"] = np.asarray(Image.open(folder / "rotated.jpg").transpose(Image.ROTATE_270))
save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, GOLDEN / "pictures.safetensors")
for path in [*folder.iterdir(), GOLDEN / "pictures.safetensors"]:
    path.chmod(0o644)
