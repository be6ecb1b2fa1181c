"""Writes test/golden/canny.safetensors: edges by OpenCV's Canny (opencv-python-headless).

Usage: python test/reference/canny.py

Arrays: image [64, 96, 3] uint8, grey [64, 96, 1] uint8, NAME/LOW,HIGH [64, 96] uint8.
"""
import os
import cv2
import numpy as np
from safetensors.numpy import save_file

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden")
y, x = np.mgrid[0:64, 0:96].astype(float)
rng = np.random.RandomState(8)
image = np.stack([255 * (np.hypot(x - 40, y - 30) < 22), 2 * x + 40 * np.sin(y / 5), 255 * ((x + 2 * y) % 50 < 20)], 2)
image = cv2.GaussianBlur((image + rng.randint(-12, 12, image.shape)).clip(0, 255).astype(np.uint8), (0, 0), 0.8)
grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
out = {"image": image, "grey": grey[..., None]}
for low, high in [(100, 200), (50, 60), (10, 400), (0, 30)]:
    out[f"image/{low},{high}"] = cv2.Canny(image, low, high)
    out[f"grey/{low},{high}"] = cv2.Canny(grey, low, high)
    print(low, high, (out[f"image/{low},{high}"] > 0).mean())
path = os.path.join(GOLDEN, "canny.safetensors")
save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, path, metadata={"made_by": "test/reference/canny.py"})
os.chmod(path, 0o644)
