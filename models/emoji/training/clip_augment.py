"""Random changes of real pictures for train_clip.py, so that 1,438 pictures do not get learnt by heart and blurred, noisy or
slightly wrong pictures still land near the right caption. Batches are float [n, 3, 128, 128] in [0, 1] on a white ground."""
import io

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image


def mirror(images, allowed):
    chosen = allowed & (torch.rand(len(images)) < 0.5)
    return torch.where(chosen.view(-1, 1, 1, 1), images.flip(-1), images)


def affine(images):
    """Rotation up to 15 degrees, shear, scale 0.75-1.2 and shift; what comes in from outside is white."""
    n = len(images)
    uniform = lambda low, high: torch.rand(n) * (high - low) + low
    angle, shear, zoom = uniform(-0.26, 0.26), uniform(-0.1, 0.1), 1 / uniform(0.75, 1.2)
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    theta = torch.stack([cos, -sin + shear, uniform(-0.15, 0.15), sin, cos, uniform(-0.15, 0.15)], 1).view(n, 2, 3)
    grid = F.affine_grid(theta, images.shape, align_corners=False)
    return F.grid_sample(images - 1, grid, align_corners=False) + 1


def colour(images):
    """Mild, since colours are what many captions are about: brightness, contrast, saturation and a tint."""
    n = len(images)
    factor = lambda spread: 1 + (torch.rand(n, 1, 1, 1) * 2 - 1) * spread
    images = images * factor(0.15) * (1 + (torch.rand(n, 3, 1, 1) * 2 - 1) * 0.06)
    mean = images.mean((1, 2, 3), keepdim=True)
    images = mean + (images - mean) * factor(0.2)
    grey = images.mean(1, keepdim=True)
    return grey + (images - grey) * factor(0.3)


def blur(images, share=0.35):
    """Half of the chosen pictures are made smaller and larger again by one random factor, the rest by another."""
    for part in torch.randperm(len(images))[: int(len(images) * share)].chunk(2):
        small = int(torch.randint(24, 80, ()))
        down = F.interpolate(images[part], size=(small, small), mode="bilinear", antialias=True)
        images[part] = F.interpolate(down, size=images.shape[-2:], mode="bilinear", align_corners=False)
    return images


def noise(images):
    sigma = (torch.rand(len(images), 1, 1, 1) * 2 - 1).clamp(min=0) * 0.12
    return images + sigma * torch.randn_like(images)


def erase(images, share=0.25):
    """A rectangle of one random colour over some pictures."""
    for i in torch.nonzero(torch.rand(len(images)) < share).flatten().tolist():
        height, width = torch.randint(16, 56, (2,)).tolist()
        top, left = torch.randint(0, 128 - height, ()), torch.randint(0, 128 - width, ())
        images[i, :, top : top + height, left : left + width] = torch.rand(3, 1, 1)
    return images


def augment(images, allowed):
    return erase(noise(blur(colour(affine(mirror(images, allowed)))))).clamp(0, 1)


@torch.no_grad()
def through_vae(vae, images, jpeg_share=0.4):
    """Copies of uint8 pictures as a VAE gives them back when its latents are off by noise (0.1-0.5 of the latents' own standard
    deviation), some of them through JPEG too: still real pictures, but with a decoder's artefacts."""
    out = []
    for batch in images.split(16):
        latents = vae.encode(batch.float() / 127.5 - 1).latent_dist.mean
        sigma = (0.1 + 0.4 * torch.rand(len(batch), 1, 1, 1)) / vae.config.scaling_factor
        latents = latents + sigma * torch.randn_like(latents)
        pixels = ((vae.decode(latents).sample / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
        for i in torch.nonzero(torch.rand(len(pixels)) < jpeg_share).flatten().tolist():
            packed = io.BytesIO()
            quality = int(torch.randint(25, 85, ()))
            Image.fromarray(pixels[i].permute(1, 2, 0).numpy()).save(packed, "JPEG", quality=quality)
            pixels[i] = torch.from_numpy(np.array(Image.open(packed))).permute(2, 0, 1)
        out.append(pixels)
    return torch.cat(out)
