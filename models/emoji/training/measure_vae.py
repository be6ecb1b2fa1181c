"""How well a VAE gives pictures back: PSNR from the mean squared error over all pixels of all pictures, clamped to the range.

usage: measure_vae.py VAE_FOLDER DATASET [RECONSTRUCTIONS.png]"""
import math
import sys

import torch


@torch.no_grad()
def reconstruct(vae, images, noise=0.0):
    """Float [-1, 1]; `noise` in units of the latents' standard deviation."""
    out = []
    for batch in images.split(16):
        latents = vae.encode(batch.float() / 127.5 - 1).latent_dist.mean
        latents = latents + noise / vae.config.scaling_factor * torch.randn_like(latents)
        out.append(vae.decode(latents).sample.clamp(-1, 1))
    return torch.cat(out)


def psnr_of(vae, images, noise=0.0):
    error = reconstruct(vae, images, noise) - (images.float() / 127.5 - 1)
    return -10 * math.log10((error / 2).square().mean().item())


def main(folder, dataset, picture=None):
    from diffusers import AutoencoderKL
    from PIL import Image

    from dataset import load_images, load_rows

    vae = AutoencoderKL.from_pretrained(folder, torch_dtype=torch.float32).eval()
    torch.manual_seed(0)
    for split in ("val", "train"):
        images = load_images(dataset, load_rows(dataset, split))
        images = images[:: max(1, len(images) // 148)][:148]
        print(
            "%s: %d pictures, PSNR %.2f dB, with 10 %% latent noise %.2f dB; the first 48 alone %.2f dB"
            % (split, len(images), psnr_of(vae, images), psnr_of(vae, images, 0.1), psnr_of(vae, images[:48]))
        )
        if picture and split == "val":
            shown = images[::9][:16]
            rows = []
            for part in shown.split(8):
                rows += [torch.cat(list(part), 2)]
                back = ((reconstruct(vae, part) / 2 + 0.5) * 255).round().to(torch.uint8)
                rows += [torch.cat(list(back), 2)]
            Image.fromarray(torch.cat(rows, 1).permute(1, 2, 0).numpy()).save(picture)


if __name__ == "__main__":
    torch.set_num_threads(2)
    main(*sys.argv[1:])
