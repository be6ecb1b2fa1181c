"""Trains the VAE's decoder on, with the encoder and the quant convolution frozen, so that latents (and the UNet) stay valid.

usage: finetune_vae_decoder.py DATASET VAE_FOLDER OUT --minutes N [--assets ASSETS] [--blend SHARE]
With --assets (as for make_combinations.py) as many combinations again, half of them on coloured grounds, which no picture of the set has.
Whole 128x128 pictures, mirrored and slightly recoloured; loss: mean squared error, some absolute error and edges.
OUT/vae is the AutoencoderKL folder with the exponential average of the weights (with --blend, mixed with VAE_FOLDER's), OUT/ckpt.pt resumes."""
import argparse
import math
import os
import time

import torch
from diffusers import AutoencoderKL

from dataset import load_images, load_rows, pixels_of
from make_combinations import Maker
from measure_vae import psnr_of


def edges(images):
    return images[..., 1:, :] - images[..., :-1, :], images[..., :, 1:] - images[..., :, :-1]


def recolour(images):
    """Half of the pictures get a slightly different gain per channel and brightness; the white ground stays white."""
    n = len(images)
    gain = 1 + (torch.rand(n, 3, 1, 1) * 2 - 1) * 0.15 * (torch.rand(n, 1, 1, 1) < 0.5)
    return (1 - (1 - images) * gain).clamp(-1, 1)


def combinations(assets, dataset, count):
    """uint8 tensor [count, 3, 128, 128] of make_combinations.py's pictures."""
    maker = Maker(assets, dataset, 7)
    maker.KINDS = dict(ground=0.5, number=0.15, pair=0.15, colour=0.2)
    return pixels_of([maker.make()[0] for _ in range(count)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset")
    parser.add_argument("vae")
    parser.add_argument("out")
    parser.add_argument("--minutes", type=float, default=16)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--lr", type=float, default=8e-4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--blend", type=float, default=1, help="share of the new weights in OUT/vae; the rest are VAE_FOLDER's (a mean of both loses little of either)")
    parser.add_argument("--assets", help="pictures with transparency, to train on combinations of them too")
    parser.add_argument("--max-steps", type=int)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    torch.set_num_threads(args.threads)
    torch.manual_seed(3)

    images = load_images(args.dataset, load_rows(args.dataset, "train"))
    if args.assets:
        images = torch.cat([images, combinations(args.assets, args.dataset, len(images))])
    val = load_images(args.dataset, load_rows(args.dataset, "val"))
    vae = AutoencoderKL.from_pretrained(args.vae, torch_dtype=torch.float32)
    vae.requires_grad_(False)
    weights = [p.requires_grad_() for part in (vae.decoder, vae.post_quant_conv) for p in part.parameters()]
    optimizer = torch.optim.AdamW(weights, args.lr, betas=(0.9, 0.99), weight_decay=1e-4, fused=True)
    begun = [p.detach().clone() for p in weights]
    average, step = [p.detach().clone() for p in weights], 0
    checkpoint = args.out + "/ckpt.pt"
    if os.path.exists(checkpoint):
        kept = torch.load(checkpoint)
        vae.load_state_dict(kept["vae"])
        optimizer.load_state_dict(kept["optimizer"])
        average, step = kept["average"], kept["step"]

    def export():
        torch.save(dict(vae=vae.state_dict(), optimizer=optimizer.state_dict(), average=average, step=step), checkpoint)
        own = [p.detach().clone() for p in weights]
        with torch.no_grad():
            torch._foreach_copy_([p.data for p in weights], torch._foreach_lerp(begun, average, args.blend))
            first, whole = psnr_of(vae, val[:48]), psnr_of(vae, val)
            vae.save_pretrained(args.out + "/vae")
            torch._foreach_copy_([p.data for p in weights], own)
        return "PSNR of the first 48 held-out pictures %.2f dB, of all 148 %.2f dB" % (first, whole)

    print("start:", export(), flush=True)
    started, first_step, losses, next_report = time.time(), step, [], 240
    while True:
        spent = time.time() - started
        progress = spent / (args.minutes * 60)
        if progress >= 1 or (args.max_steps and step - first_step >= args.max_steps):
            break
        rate = args.lr * min(1, (step - first_step + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        target = images[torch.randint(len(images), (args.batch,))].float() / 127.5 - 1
        target = recolour(target.flip(-1) if step % 2 else target)
        with torch.no_grad():
            latents = vae.encode(target).latent_dist.mean
            # a quarter of the pictures with slightly wrong latents, as the UNet's are
            slip = (torch.rand(args.batch, 1, 1, 1) < 0.25) * 0.05 / vae.config.scaling_factor
            latents = latents + slip * torch.randn_like(latents)
        error = vae.decode(latents).sample - target
        squared = error.square().mean()
        absolute = error.abs().mean()
        edge = sum(e.abs().mean() for e in edges(error))
        loss = 10 * squared + 0.3 * absolute + 0.2 * edge
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        step += 1
        torch._foreach_lerp_(average, [p.detach() for p in weights], 1 - min(0.998, (1 + step) / (10 + step)))
        losses.append((squared.item(), absolute.item(), edge.item()))
        if step % 100 == 0:
            squared, absolute, edge = torch.tensor(losses[-100:]).mean(0).tolist()
            print(
                "step %d  %.0f s  passes %.1f  train PSNR %.2f dB  absolute %.4f  edges %.4f  %.1f images/s"
                % (
                    step, time.time() - started, step * args.batch / len(images), -10 * math.log10(squared / 4),
                    absolute, edge, (step - first_step) * args.batch / (time.time() - started),
                ),
                flush=True,
            )
        if time.time() - started > next_report:
            print(export(), flush=True)
            next_report += 240
    print("end:", export(), flush=True)


if __name__ == "__main__":
    main()
