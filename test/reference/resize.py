"""Golden data of picture resizing: Pillow (bytes and mode "F"), torch-fidelity's TensorFlow 1 bilinear, torch bilinear.

Usage: python test/reference/resize.py   (writes test/golden/resize.safetensors)
Needs: numpy, pillow, torch, torch-fidelity, safetensors.
"""
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.numpy import save_file
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

torch.set_num_threads(1)
rng = np.random.RandomState(7)
out = {}
FILTERS = {"box": Image.BOX, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}


def picture(width, height):
    """Noise over gradients with hard black and white patches, so that overshoot is clipped somewhere."""
    ys, xs = np.mgrid[0:height, 0:width]
    base = np.stack([xs * 255 / width, ys * 255 / height, (xs + ys) % 256], axis=2)
    image = (base + rng.randint(-60, 60, base.shape)).clip(0, 255).astype(np.uint8)
    image[: height // 3, : width // 3] = 255
    image[: height // 4, : width // 4] = 0
    return image


# width, height -> width, height: shrink, enlarge, mixed, one axis only, extreme
CASES = [((61, 43), (17, 29)), ((9, 7), (31, 40)), ((40, 12), (13, 25)), ((33, 20), (33, 9)), ((120, 5), (3, 1))]
for index, ((w, h), (nw, nh)) in enumerate(CASES):
    image = picture(w, h)
    out[f"{index}.input"] = image
    out[f"{index}.size"] = np.array([nw, nh], dtype=np.int32)
    for name, code in FILTERS.items():
        out[f"{index}.bytes.{name}"] = np.asarray(Image.fromarray(image).resize((nw, nh), code))
        planes = [np.asarray(Image.fromarray(image[:, :, c].astype(np.float32)).resize((nw, nh), code)) for c in range(3)]
        out[f"{index}.float.{name}"] = np.stack(planes)
    x = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    out[f"{index}.tensorflow"] = interpolate_bilinear_2d_like_tensorflow1x(x, size=(nh, nw), align_corners=False)[0].numpy()
    out[f"{index}.torch"] = F.interpolate(x, size=(nh, nw), mode="bilinear", align_corners=False)[0].numpy()
    out[f"{index}.torch-antialias"] = F.interpolate(x, size=(nh, nw), mode="bilinear", align_corners=False, antialias=True)[0].numpy()

out = {key: np.ascontiguousarray(value) for key, value in out.items()}
save_file(out, pathlib.Path(__file__).parent.parent / "golden" / "resize.safetensors")
