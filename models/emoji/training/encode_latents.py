"""Encodes the training pictures with a finished VAE, for train_unet.py where the VAE's own training run is not at hand.

usage: encode_latents.py DATASET VAE_FOLDER OUT     (OUT/vae, OUT/latents.pt as fold_vae.py writes them)"""
import shutil
import sys

import torch
from diffusers import AutoencoderKL

from dataset import load_images, load_rows, may_mirror


@torch.no_grad()
def main(dataset, folder, out):
    rows = load_rows(dataset, "train")
    images = load_images(dataset, rows)
    vae = AutoencoderKL.from_pretrained(folder, torch_dtype=torch.float32).eval()

    def encode(x):
        means = [vae.encode(batch.float() / 127.5 - 1).latent_dist.mean for batch in x.split(16)]
        return torch.cat(means) * vae.config.scaling_factor

    shutil.copytree(folder, out + "/vae", dirs_exist_ok=True)
    allowed = torch.tensor([may_mirror(row["caption"]) for row in rows])
    torch.save(dict(train=encode(images), train_flip=encode(images.flip(-1)), may_flip=allowed), out + "/latents.pt")


if __name__ == "__main__":
    torch.set_num_threads(2)
    main(*sys.argv[1:])
