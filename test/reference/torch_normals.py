"""Golden normals of torch's CPU generator, for src/random/torchCpuNormal.ts.

Writes test/golden/torch_normals.safetensors (int32 integers, float32 normals) and torch_normals.json, which names the
seed and the sizes of the calls of each array. Large requests are stored as their first and last 64 values and every
97th between, to keep the file small.
Usage: python test/reference/torch_normals.py
"""
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

torch.set_num_threads(1)
golden = Path(__file__).parent.parent / "golden"
SEEDS = [0, 1, 42, 2**31, 2**32 - 1, 2**32 + 5, 2**63 - 1, -1, -12345]
arrays, cases = {}, []


def picked(values):
    if len(values) <= 200:
        return values
    return np.concatenate([values[:64], values[64:-64:97], values[-64:]])


def add(seed, calls):
    g = torch.Generator().manual_seed(seed)
    values = [picked(torch.randn(n, generator=g).numpy()) for n in calls]
    name = f"normals_{len(cases)}"
    arrays[name] = np.concatenate(values)
    cases.append({"name": name, "seed": str(seed), "calls": calls})


for seed in SEEDS:
    for size in (1, 4, 15, 16, 17, 33, 63, 64, 100, 4096):
        add(seed, [size])
for size in range(1, 41):
    add(7, [size])
add(42, [16384])
add(3, [1, 1, 1, 16, 1, 3, 20, 2, 15, 64, 5, 1])
add(11, [4096, 4096, 7, 4096, 7, 15, 15])
add(12, [5, 100, 5, 63, 14])
add(13, [0, 3, 0, 16, 0, 1])

# The integers: random_() over a range of 2^32 draws two integers of the stream and keeps the second whole.
for seed in SEEDS:
    g = torch.Generator().manual_seed(seed)
    drawn = torch.empty(1000, dtype=torch.int64).random_(0, 2**32, generator=g)
    arrays[f"integers_{seed}"] = drawn.numpy()[[0, 1, 2, 311, 312, 313, 623, 624, 999]].astype(np.float64)

save_file(arrays, golden / "torch_normals.safetensors")
(golden / "torch_normals.json").write_text(json.dumps({"cases": cases, "seeds": [str(s) for s in SEEDS]}))
