"""Fits what previews are made with: a map from latents, each with its neighbours, through one hidden layer to small squares of colour.

usage: fit_latent_colours.py DATASET VAE_FOLDER OUT.json

It is fitted to what the autoencoder makes of every second training picture; its quality is printed for held-out ones, beside that of the best
linear map."""
import json
import sys

import torch
from diffusers import AutoencoderKL
from torch import nn
from torch.nn import functional as F

from dataset import load_images, load_rows

KERNEL, SCALE, HIDDEN, STEPS = 3, 2, 32, 3000


def main(dataset, folder, out):
    torch.manual_seed(6)
    vae = AutoencoderKL.from_pretrained(folder, torch_dtype=torch.float32).eval().requires_grad_(False)

    def pairs(rows):
        """Latents with their neighbours [n, channels · 9], and the colours [n, 3 · 4] of what each stands for."""
        given, wanted = [], []
        for some in load_images(dataset, rows).split(16):
            means = vae.encode(some / 127.5 - 1).latent_dist.mean
            decoded = vae.decode(means).sample.clamp(-1, 1)
            latents = F.pad(means * vae.config.scaling_factor, (KERNEL // 2,) * 4, mode="replicate")
            # channel, then the place in the square of neighbours; colour, then the place in the square that the latent stands for
            given.append(F.unfold(latents, KERNEL).permute(0, 2, 1).flatten(0, 1))
            small = F.avg_pool2d(decoded, decoded.shape[-1] // means.shape[-1] // SCALE)
            wanted.append(F.pixel_unshuffle(small, SCALE).flatten(2).permute(0, 2, 1).flatten(0, 1))
        return torch.cat(given), torch.cat(wanted)

    def psnr(made, wanted):
        return 10 * torch.log10(4 / (made.clamp(-1, 1) - wanted).square().mean()).item()

    x, y = pairs(load_rows(dataset, "train")[::2])
    held_out, seen = pairs(load_rows(dataset, "val"))
    with_one = lambda values: F.pad(values, (0, 1), value=1)
    linear = torch.linalg.lstsq(with_one(x).double(), y.double()).solution.float()
    net = nn.Sequential(nn.Linear(x.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, y.shape[1]))
    optimizer = torch.optim.Adam(net.parameters())
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = 1e-2 * (1 - step / STEPS)
        some = torch.randint(len(x), (4096,))
        loss = (net(x[some]) - y[some]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"PSNR of previews of held-out pictures: {psnr(net(held_out), seen):.1f} dB; {psnr(with_one(held_out) @ linear, seen):.1f} dB by a linear map")
    layers = [torch.cat([layer.weight.T, layer.bias[None]]).tolist() for layer in (net[0], net[2])]
    texts = [",\n".join("    " + json.dumps([round(value, 4) for value in row]) for row in rows) for rows in layers]
    with open(out, "w") as file:
        file.write(
            f'{{\n  "kernel": {KERNEL},\n  "scale": {SCALE},\n  "hidden": [\n{texts[0]}\n  ],\n  "factors": [\n{texts[1]}\n  ]\n}}\n'
        )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:])
