"""Trains the f8 VAE on the training pictures (CPU).

usage: train_vae.py DATASET OUT --minutes N
64x64 crops for three quarters of the time, whole pictures for the rest. OUT/ckpt.pt resumes; fold_vae.py makes the folder of it."""
import argparse
import math
import os
import time

import torch
import torch.nn.functional as F

from dataset import load_images, load_rows
from networks import build_vae


def edges(images):
    return images[..., 1:, :] - images[..., :-1, :], images[..., :, 1:] - images[..., :, :-1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset")
    parser.add_argument("out")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)

    images = load_images(args.dataset, load_rows(args.dataset, "train"))
    vae = build_vae()
    average = {name: value.detach().clone() for name, value in vae.state_dict().items()}
    optimizer = torch.optim.AdamW(vae.parameters(), args.lr, betas=(0.9, 0.99), weight_decay=1e-4)
    step, checkpoint = 0, args.out + "/ckpt.pt"
    if os.path.exists(checkpoint):
        kept = torch.load(checkpoint)
        vae.load_state_dict(kept["m"])
        optimizer.load_state_dict(kept["o"])
        average, step = kept["ema"], kept["step"]

    def save():
        torch.save(dict(m=vae.state_dict(), o=optimizer.state_dict(), ema=average, step=step), checkpoint)

    started = last_save = time.time()
    losses = []
    while (progress := (time.time() - started) / (args.minutes * 60)) < 1:
        rate = args.lr * min(1, (step + 1) / 100) * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        whole = progress > 0.75
        target = images[torch.randint(len(images), (args.batch // 4 if whole else args.batch,))]
        if not whole:
            top, left = [int(v) * 8 for v in torch.randint(0, 9, (2,))]
            target = target[..., top : top + 64, left : left + 64]
        target = target.float() / 127.5 - 1
        if torch.rand(()) < 0.5:
            target = target.flip(-1)
        posterior = vae.encode(target).latent_dist
        error = vae.decode(posterior.sample()).sample - target
        pixel = error.abs().mean() + 0.5 * error.square().mean()
        edge = sum(e.abs().mean() for e in edges(error))
        coarse = sum(F.avg_pool2d(error, size).abs().mean() for size in (2, 4))
        kl = posterior.kl().mean() / posterior.mean[0].numel()
        loss = pixel + 1.0 * edge + 0.5 * coarse + 2e-4 * kl
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        step += 1
        decay = min(0.998, (1 + step) / (10 + step))
        for name, value in vae.state_dict().items():
            if value.is_floating_point():
                average[name].lerp_(value, 1 - decay)
            else:
                average[name].copy_(value)
        losses.append((pixel.item(), edge.item(), kl.item()))
        if step % 100 == 0:
            recent = torch.tensor(losses[-100:]).mean(0).tolist()
            print(step, round(time.time() - started), "l1 %.4f edge %.4f kl %.2f" % tuple(recent), flush=True)
        if time.time() - last_save > 180:
            save()
            last_save = time.time()
    save()


if __name__ == "__main__":
    main()
