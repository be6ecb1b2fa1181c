"""What each FID tool feeds Inception v3: one picture through the resizes of torch-fidelity, torchmetrics, pytorch-fid and clean-fid.

Usage: python test/reference/fid_preprocessing.py   (writes test/golden/fid_preprocessing.safetensors: every 61st value)
Needs: torch, torch-fidelity, clean-fid (its resize module), pillow, safetensors. The picture comes from hashed_values.py.
"""
import importlib.util
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
from hashed_values import hashed_values
from safetensors.numpy import save_file
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

torch.set_num_threads(1)
# The module alone: the package's __init__ fetches networks.
site = next(pathlib.Path(p) for p in sys.path if (pathlib.Path(p) / "cleanfid" / "resize.py").exists())
spec = importlib.util.spec_from_file_location("cleanfid_resize", site / "cleanfid" / "resize.py")
cleanfid = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cleanfid)

SIZE = (299, 299)
out = {}
for name, (height, width) in {"small": (64, 80), "large": (400, 330)}.items():
    picture = np.floor((hashed_values(height * width * 3, 9).astype(np.float64) + 1) * 128).astype(np.uint8).reshape(height, width, 3)
    x = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    tensorflow = (interpolate_bilinear_2d_like_tensorflow1x(x, size=SIZE, align_corners=False) - 128) / 128
    results = {
        "torch-fidelity": tensorflow,
        "torchmetrics-no-antialias": tensorflow,
        "torchmetrics": (F.interpolate(x, size=SIZE, mode="bilinear", align_corners=False, antialias=True) - 128) / 128,
        "pytorch-fid": 2 * F.interpolate(x / 255, size=SIZE, mode="bilinear", align_corners=False) - 1,
        "clean-fid": (torch.from_numpy(cleanfid.build_resizer("clean")(picture)).permute(2, 0, 1) - 128) / 128,
    }
    for variant, values in results.items():
        out[f"{name}.{variant}"] = np.ascontiguousarray(values.numpy().reshape(-1)[::61])
target = pathlib.Path(__file__).parent.parent / "golden" / "fid_preprocessing.safetensors"
save_file(out, target)
target.chmod(0o644)
