"""Fits what previews are made with: a linear map from latents, each with its neighbours, to small squares of colour.

usage: fit_latent_colours.py VAE_FOLDER IMAGES_FOLDER OUT.json

Pictures are encoded and decoded again; the map is the least-squares one from the encoded to the decoded. Its quality is printed for every fifth
picture, which a first fit leaves out; the map that is written is fitted to all of them."""
import glob
import json
import sys

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image
from torch.nn import functional as F

KERNEL, SCALE = 3, 2


def load(path):
    image = Image.open(path).convert("RGBA")
    ground = Image.new("RGBA", image.size, "white")
    ground.alpha_composite(image)
    return np.asarray(ground.convert("RGB").resize((128, 128)), dtype=np.float32) / 127.5 - 1


@torch.no_grad()
def main(folder, images, out):
    vae = AutoencoderKL.from_pretrained(folder, torch_dtype=torch.float32).eval()
    pictures = torch.tensor(np.stack([load(path) for path in sorted(glob.glob(images + "/*.png"))])).permute(0, 3, 1, 2)
    means = torch.cat([vae.encode(batch).latent_dist.mean for batch in pictures.split(16)])
    decoded = torch.cat([vae.decode(batch).sample for batch in means.split(16)]).clamp(-1, 1)
    latents = means * vae.config.scaling_factor
    count, _, height, width = latents.shape
    factor = decoded.shape[-1] // width
    # rows: channel, then the place in the square of neighbours; the last one is constant
    given = F.unfold(F.pad(latents, (KERNEL // 2,) * 4, mode="replicate"), KERNEL)
    given = torch.cat([given, torch.ones(count, 1, height * width)], 1).permute(0, 2, 1).double().numpy()
    # columns: colour, then the place in the square that the latent stands for
    wanted = F.pixel_unshuffle(F.avg_pool2d(decoded, factor // SCALE), SCALE).flatten(2).permute(0, 2, 1).double().numpy()

    def fit(some):
        return np.linalg.lstsq(given[some].reshape(-1, given.shape[2]), wanted[some].reshape(-1, wanted.shape[2]), rcond=None)[0]

    held_out = np.arange(count) % 5 == 0
    error = np.mean(((given[held_out] @ fit(~held_out)).clip(-1, 1) - wanted[held_out]) ** 2)
    print(f"PSNR of previews of {held_out.sum()} pictures that were left out: {10 * np.log10(4 / error):.1f} dB")
    factors = np.round(fit(np.full(count, True)), 4).tolist()
    with open(out, "w") as file:
        rows = ",\n".join("    " + json.dumps(row) for row in factors)
        file.write(f'{{\n  "kernel": {KERNEL},\n  "scale": {SCALE},\n  "factors": [\n{rows}\n  ]\n}}\n')


if __name__ == "__main__":
    torch.set_num_threads(2)
    main(*sys.argv[1:])
