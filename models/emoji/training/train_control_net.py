"""Trains a control net for edges: a copy of the UNet's encoder half that sees the edges of the picture, the UNet frozen. Pictures are turned,
scaled and moved too, so that only the edges tell where things are, and half of the captions are empty, so that they tell what things are.

usage: train_control_net.py DATASET MODEL OUT --minutes 25      (OUT: a diffusers folder in fp16)"""
import argparse
import json
import os
import random
import subprocess

import numpy as np
import torch
from diffusers import AutoencoderKL, ControlNetModel
from diffusers.models.attention_processor import AttnProcessor
from PIL import Image

from dataset import load_images, load_rows, may_mirror
from frozen_model import FrozenModel, begun, draw_caption, train

BATCH = 16
THRESHOLDS = ["100,200", "50,120"]
EMBEDDING = (8, 16, 32, 64)  # channels of the picture's embedding: diffusers' own is four times as wide


def moved(picture, chance, mirror):
    """A picture turned, scaled and moved before white; mirrored half of the time, where it may be."""
    if mirror and chance.random() < 0.5:
        picture = picture.flip(-1)
    image = Image.fromarray(picture.permute(1, 2, 0).numpy())
    scale, angle = chance.uniform(0.55, 1.1), np.radians(chance.uniform(-35, 35))
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    room = max(0.0, 64 * (1.05 - scale))
    x, y = chance.uniform(-room, room), chance.uniform(-room, room)
    turn = (cos, sin, 64 - cos * (64 + x) - sin * (64 + y), -sin, cos, 64 + sin * (64 + x) - cos * (64 + y))
    turned = image.transform((128, 128), Image.AFFINE, turn, Image.BICUBIC, fillcolor=(255, 255, 255))
    return torch.from_numpy(np.asarray(turned).copy()).permute(2, 0, 1)


def edges(pictures, thresholds):
    """bool [n, 128, 128]."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "picture_edges.mjs")
    raw = pictures.permute(0, 2, 3, 1).contiguous().numpy().tobytes()
    found = subprocess.run(["node", script, thresholds], input=raw, stdout=subprocess.PIPE, check=True).stdout
    return torch.from_numpy(np.frombuffer(found, np.uint8) > 0).view(-1, 128, 128)


def prepare(rows, args, out):
    """Latents of all pictures, and their edges at each of the thresholds [2, n, 128, 128]."""
    straight, chance = load_images(args.dataset, rows), random.Random(12)
    mirror = [may_mirror(row["caption"]) for row in rows]
    others = [torch.stack([moved(picture, chance, may) for picture, may in zip(straight, mirror)]) for _ in range(args.moved)]
    pictures = torch.cat([straight, *others])
    hints = torch.stack([edges(pictures, one) for one in THRESHOLDS])
    print(len(pictures), "pictures; edges are so much of them:", hints.float().mean((1, 2, 3)).tolist(), flush=True)
    vae = AutoencoderKL.from_pretrained(args.model + "/vae").float().eval().requires_grad_(False)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        encoded = [vae.encode(some / 127.5 - 1).latent_dist.mean for some in pictures.split(16)]
    latents = torch.cat(encoded).float() * vae.config.scaling_factor
    torch.save(dict(latents=latents, hints=hints), out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset")
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--moved", type=int, default=2, help="pictures turned, scaled and moved, of each")
    parser.add_argument("--empty", type=float, default=0.5, help="share of empty captions")
    args = begun(parser, seed=12, minutes=25, rate=1e-3)
    rows = load_rows(args.dataset, "train")
    kept = args.out + ".pictures.pt"
    if not os.path.exists(kept):
        prepare(rows, args, kept)
    latents, hints = torch.load(kept).values()

    model = FrozenModel(args.model)
    net = ControlNetModel.from_unet(model.unet, conditioning_embedding_out_channels=EMBEDDING).float().train()
    net.set_attn_processor(AttnProcessor())
    weights = list(net.requires_grad_(True).parameters())
    print(sum(p.numel() for p in weights), "weights", flush=True)
    chosen = []

    def step():
        while len(chosen) < BATCH:
            chosen.extend(torch.randperm(len(latents)).tolist())
        some = [chosen.pop() for _ in range(BATCH)]
        hint = torch.stack([hints[random.randrange(len(THRESHOLDS)), i] for i in some]).float().unsqueeze(1).expand(-1, 3, -1, -1)
        captions = [draw_caption(rows[i % len(rows)], args.empty) for i in some]

        def predict(noisy, times, states):
            skips, mid = net(noisy, times, encoder_hidden_states=states, controlnet_cond=hint, return_dict=False)
            return model.unet(
                noisy, times, encoder_hidden_states=states, down_block_additional_residuals=skips, mid_block_additional_residual=mid
            ).sample

        return model.loss(latents[some], captions, predict)

    def save():
        half = ControlNetModel.from_config(net.config)
        half.load_state_dict(net.state_dict())
        half.half().save_pretrained(args.out)
        path = args.out + "/config.json"
        with open(path) as file:
            config = json.load(file)
        config.pop("_name_or_path", None)
        with open(path, "w") as file:
            json.dump(config, file, indent=2)
            file.write("\n")

    train(weights, args.minutes, args.rate, step, save)


if __name__ == "__main__":
    main()
