"""Trains a LoRA (rank 4, on the attention layers' projections) that draws everything as if of ice.

usage: train_lora.py ASSETS DATASET MODEL OUT.safetensors --minutes 12       (ASSETS as for prepare_dataset.py: pictures with transparency)
       train_lora.py ASSETS DATASET MODEL SHEET.png                          (looks at some pictures, and what the autoencoder makes of them)"""
import argparse
import random

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image

from dataset import load_rows, may_mirror
from frozen_model import FrozenModel, add_lora, begun, draw_caption, save_lora, train
from ice_style import ice, transparent

BATCH = 16


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("assets")
    parser.add_argument("dataset")
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--rank", type=int, default=4)
    args = begun(parser, seed=11, minutes=12, rate=3e-3)
    rows = load_rows(args.dataset, "train")
    vae = AutoencoderKL.from_pretrained(args.model + "/vae").float().eval().requires_grad_(False)

    def pixels(some):
        return torch.from_numpy(np.stack([ice(*transparent(args.assets, row["file"])) for row in some])).permute(0, 3, 1, 2) / 127.5 - 1

    if args.out.endswith(".png"):
        shown = pixels(rows[:: len(rows) // 24])
        again = vae.decode(vae.encode(shown).latent_dist.mean).sample.clamp(-1, 1)
        lines = [torch.cat([*part], 2) for both in zip(shown.split(12), again.split(12)) for part in both if len(part) == 12]
        Image.fromarray(((torch.cat(lines, 1) + 1) * 127.5).byte().permute(1, 2, 0).numpy()).save(args.out)
        return
    latents, chosen = [], []
    for start in range(0, len(rows), BATCH):
        some = pixels(rows[start : start + BATCH])
        latents.append(vae.encode(some).latent_dist.mean * vae.config.scaling_factor)
        latents.append(vae.encode(some.flip(-1)).latent_dist.mean * vae.config.scaling_factor)
    straight, mirrored = torch.cat(latents[::2]), torch.cat(latents[1::2])
    print("encoded", len(straight), flush=True)

    model = FrozenModel(args.model)
    weights = add_lora(model.unet, args.rank)
    print(sum(p.numel() for p in weights), "weights", flush=True)

    def step():
        while len(chosen) < BATCH:
            chosen.extend(torch.randperm(len(rows)).tolist())
        some = [chosen.pop() for _ in range(BATCH)]
        clean = torch.stack([(mirrored if may_mirror(rows[i]["caption"]) and random.random() < 0.25 else straight)[i] for i in some])
        captions = [draw_caption(rows[i], 0.1) for i in some]
        return model.loss(clean, captions, lambda noisy, times, states: model.unet(noisy, times, encoder_hidden_states=states).sample)

    train(weights, args.minutes, args.rate, step, lambda: save_lora(model.unet, args.out))


if __name__ == "__main__":
    main()
