"""Real files of torch.save, small, and what they hold.

Usage: python test/reference/torch_archives.py   (writes test/models/torch-archives/*.pth and expected.safetensors)
Needs: torch, safetensors. zip.pth: today's format; legacy.pth: before torch 1.6; nested.pth: under "state_dict";
deflated.pth: repacked with compression; object.pth: a pickle that would execute something.
"""
import collections
import os
import pathlib
import zipfile

import torch
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).parent.parent / "models" / "torch-archives"
ROOT.mkdir(parents=True, exist_ok=True)
torch.manual_seed(3)
base = torch.randn(6, 5)
model = torch.nn.Sequential(collections.OrderedDict(conv=torch.nn.Conv2d(3, 4, 3), norm=torch.nn.BatchNorm2d(4)))
state = model.state_dict()
state["half"] = torch.randn(7).half()
state["bfloat"] = torch.randn(2, 3).bfloat16()
state["double"] = torch.randn(3).double()
state["bytes"] = torch.arange(5, dtype=torch.uint8)
state["view"] = base[2:4]
state["transposed"] = base.t()
state["strided"] = base[::2, 1:4]
state["channels_last"] = torch.randn(2, 3, 2, 2).contiguous(memory_format=torch.channels_last)
state["parameter"] = torch.nn.Parameter(torch.randn(4))
state["empty"] = torch.zeros(0, 3)
state["scalar"] = torch.tensor(1.5)

torch.save(state, ROOT / "zip.pth")
torch.save(state, ROOT / "legacy.pth", _use_new_zipfile_serialization=False)
torch.save({"epoch": 3, "state_dict": state, "loss": 0.5, "note": "x"}, ROOT / "nested.pth")
with zipfile.ZipFile(ROOT / "zip.pth") as source, zipfile.ZipFile(ROOT / "deflated.pth", "w", zipfile.ZIP_DEFLATED) as target:
    for name in source.namelist():
        target.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), source.read(name), zipfile.ZIP_DEFLATED)

# LPIPS with AlexNet, of zeros, so that it is small once deflated
alex = {}
for layer, (outputs, inputs, kernel) in {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}.items():
    alex[f"features.{layer}.weight"] = torch.zeros(outputs, inputs, kernel, kernel)
    alex[f"features.{layer}.bias"] = torch.zeros(outputs)
for layer, channels in enumerate([64, 192, 384, 256, 256]):
    alex[f"lin{layer}.model.1.weight"] = torch.rand(1, channels, 1, 1)
torch.save(alex, ROOT / "alex.pth")
with zipfile.ZipFile(ROOT / "alex.pth") as source, zipfile.ZipFile(ROOT / "alex-deflated.pth", "w") as target:
    for name in source.namelist():
        target.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), source.read(name), zipfile.ZIP_DEFLATED)
(ROOT / "alex.pth").unlink()


class Evil:
    def __reduce__(self):
        return os.system, ("echo executed",)


torch.save({"weight": torch.zeros(2), "evil": Evil()}, ROOT / "object.pth")
save_file({key: value.detach().clone().contiguous() for key, value in state.items()}, ROOT / "expected.safetensors")
for path in ROOT.iterdir():
    path.chmod(0o644)
