"""Golden data of metrics on features: FID (pytorch-fid, torch-fidelity), KID, Inception score (torch-fidelity), CLIP score, CMMD.

Usage: python test/reference/metrics.py   (writes test/golden/metrics.json and metrics_statistics.npz)
Needs: numpy, scipy, torch, torch-fidelity, pytorch-fid (0.3.0). The features come from hashed_values.py.
CMMD is spelt out here from its paper's definition and constants (sigma 10, scale 1000, biased); the rest is called.
"""
import json
import pathlib
import warnings

import numpy as np
import torch
from hashed_values import hashed_values
from pytorch_fid.fid_score import calculate_frechet_distance
from scipy import linalg
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric

torch.set_num_threads(1)
warnings.filterwarnings("ignore")
GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
if not hasattr(linalg, "_sqrtm"):  # scipy 1.18 dropped `disp`, which pytorch-fid 0.3.0 passes
    linalg._sqrtm = linalg.sqrtm
    linalg.sqrtm = lambda a, disp=True: linalg._sqrtm(a) if disp else (linalg._sqrtm(a), 0)


def features(count, width, seed):
    """Correlated features with a mean: neighbours mixed, widths growing along the row."""
    x = hashed_values(count * width, seed).reshape(count, width)
    y = x + np.float32(0.5) * np.roll(x, 1, axis=1)
    return (y * np.linspace(0.25, 1.5, width, dtype=np.float32) + np.float32(0.1 * (seed % 5))).astype(np.float32)


golden = {"frechet": [], "kid": [], "isc": [], "clip": {}}
for width, n1, n2 in [(64, 300, 500), (64, 40, 300), (64, 30, 40), (512, 700, 600), (2048, 150, 120)]:
    s1, s2 = (fid_features_to_statistics(torch.from_numpy(features(n, width, seed))) for n, seed in [(n1, 1), (n2, 2)])
    golden["frechet"].append({
        "width": width, "n1": n1, "n2": n2,
        "pytorch_fid": None if width > 512 else float(calculate_frechet_distance(s1["mu"], s1["sigma"], s2["mu"], s2["sigma"])),
        "torch_fidelity": fid_statistics_to_metric(s1, s2, False)["frechet_inception_distance"],
    })
    if (width, n1) == (64, 300):
        np.savez(GOLDEN / "metrics_statistics.npz", mu=s1["mu"], sigma=s1["sigma"])

for width, n1, n2, subsets, size in [(48, 200, 150, 20, 50), (48, 120, 400, 5, 100)]:
    r = kid_features_to_metric(*(torch.from_numpy(features(n, width, s)) for n, s in [(n1, 1), (n2, 2)]),
                               kid_subsets=subsets, kid_subset_size=size, kid_kernel="poly", kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None,
                               kid_kernel_poly_coef0=1, rng_seed=2020, verbose=False)
    golden["kid"].append({"width": width, "n1": n1, "n2": n2, "subsets": subsets, "size": size,
                          "mean": r["kernel_inception_distance_mean"], "std": r["kernel_inception_distance_std"]})

for count, width, splits in [(95, 60, 10), (30, 20, 4)]:
    r = isc_features_to_metric(3 * torch.from_numpy(features(count, width, 3)), splits=splits)
    golden["isc"].append({"count": count, "width": width, "splits": splits, "mean": r["inception_score_mean"], "std": r["inception_score_std"]})

golden["permutations"] = [np.random.RandomState(2020).permutation(17).tolist()]
rng = np.random.RandomState(5)
golden["permutation_calls"] = [rng.permutation(n).tolist() for n in (1, 2, 33, 100)]

image, text = (torch.from_numpy(features(12, 32, s)) for s in (4, 6))
cos = torch.nn.functional.cosine_similarity(image.double(), text.double())
golden["clip"] = {"cosines": cos.tolist(), "torchmetrics": float(torch.clamp((100 * cos).mean(), min=0)),
                  "hessel": (2.5 * cos.clamp(min=0)).tolist()}


def kernel(a, b):
    return np.exp(-((a[:, None] - b[None]) ** 2).sum(-1) / (2 * 10**2)).mean()


x, y = (features(n, 40, s).astype(np.float64) for n, s in [(37, 1), (52, 2)])
x, y = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (x, y))
golden["cmmd"] = 1000 * float(kernel(x, x) + kernel(y, y) - 2 * kernel(x, y))

(GOLDEN / "metrics.json").write_text(json.dumps(golden, indent="\t") + "\n")
