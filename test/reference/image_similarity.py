"""Golden PSNR and SSIM of scikit-image, for src/metrics/psnr.ts and ssim.ts: test/golden/image_similarity.json. The pictures are
made by a formula that the test repeats: a(x, y, c) and b = a changed by noise of a linear congruential generator.
Usage: python test/reference/image_similarity.py   (needs scikit-image)
"""
import json
from pathlib import Path

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def pictures(width, height, amount):
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    a = (x * 5 + y * 3 + (x * y // 7) + c * 40) % 256
    noise = np.empty(width * height * 3, np.int64)
    state = 12345
    for i in range(noise.size):
        state = (state * 1103515245 + 12345) % 2**31
        noise[i] = (state >> 16) % (2 * amount + 1) - amount
    b = np.clip(a + noise.reshape(a.shape), 0, 255)
    return a.astype(np.uint8), b.astype(np.uint8)


cases = []
for width, height, amount in [(11, 11, 10), (32, 24, 0), (32, 24, 3), (33, 41, 30), (64, 64, 8), (20, 12, 255)]:
    a, b = pictures(width, height, amount)
    cases.append({
        "width": width, "height": height, "amount": amount,
        "psnr": float(peak_signal_noise_ratio(a, b, data_range=255)) if amount else None,
        "ssim": float(structural_similarity(a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=2, data_range=255)),
    })
(Path(__file__).parent.parent / "golden" / "image_similarity.json").write_text(json.dumps(cases))
print(cases)
