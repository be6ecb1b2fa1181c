"""Squared error of a model's noise prediction, the same pictures, noise and timesteps for every model: training pictures under their own
captions, held-out pictures, and combinations of a seed that no training saw.

usage: measure_noise.py MODEL DATASET VAE_RUN COMBINATIONS.pt [--count 256]     (COMBINATIONS.pt: a latents_SEED.pt of make_combinations.py)"""
import argparse

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from dataset import load_images, load_rows
from networks import SCHEDULE


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("dataset")
    parser.add_argument("vae_run")
    parser.add_argument("combinations")
    parser.add_argument("--count", type=int, default=256)
    args = parser.parse_args()
    torch.set_num_threads(1)
    part = lambda kind, name: kind.from_pretrained(f"{args.model}/{name}").float().eval()
    unet, text, vae = part(UNet2DConditionModel, "unet"), part(CLIPTextModel, "text_encoder"), part(AutoencoderKL, "vae")
    tokenizer = CLIPTokenizer.from_pretrained(args.model + "/tokenizer")
    alphas = DDIMScheduler(clip_sample=False, **SCHEDULE).alphas_cumprod

    def measure(label, clean, captions):
        generator = torch.Generator().manual_seed(5)
        count = min(args.count, len(clean))
        chosen = torch.randperm(len(clean), generator=generator)[:count].tolist()
        timesteps = ((torch.arange(count) + torch.rand(count, generator=generator)) / count * 1000).long()
        noise = torch.randn(count, 4, 16, 16, generator=generator)
        alpha = alphas[timesteps].view(-1, 1, 1, 1)
        noisy = alpha.sqrt() * clean[chosen].float() + (1 - alpha).sqrt() * noise
        ids = tokenizer([captions[i] for i in chosen], padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
        errors = []
        for i in range(0, count, 16):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                states = text(ids[i : i + 16]).last_hidden_state
                prediction = unet(noisy[i : i + 16], timesteps[i : i + 16], encoder_hidden_states=states).sample.float()
            errors.append((prediction - noise[i : i + 16]).square().mean((1, 2, 3)))
        errors = torch.cat(errors)
        noisiest = errors[timesteps >= 600]
        print("%s: %.4f, of which at timesteps from 600 on %.4f (%d pictures)" % (label, errors.mean(), noisiest.mean(), count), flush=True)

    rows, held_out = load_rows(args.dataset, "train"), load_rows(args.dataset, "val")
    measure("training pictures", torch.load(args.vae_run + "/latents.pt")["train"], [row["caption"] for row in rows])
    means = [vae.encode(x.float() / 127.5 - 1).latent_dist.mean for x in load_images(args.dataset, held_out).split(16)]
    measure("held-out pictures", torch.cat(means) * vae.config.scaling_factor, [row["caption"] for row in held_out])
    stored = torch.load(args.combinations)
    measure("combinations", stored["latents"], stored["captions"])


if __name__ == "__main__":
    main()
