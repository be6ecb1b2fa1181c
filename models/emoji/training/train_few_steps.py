"""Distils the model into a LoRA that draws in four steps without guidance: latent consistency (arXiv 2310.04378, as a LoRA 2311.05556).
What the LoRA says of the clean latents at a timestep is to be what it says of them one step of 50 later, where the model itself, with guidance, arrives.

usage: train_few_steps.py DATASET VAE_RUN MODEL OUT.safetensors --minutes 20 [--combinations FOLDER]"""
import argparse
import random

import torch

from dataset import load_rows
from frozen_model import FrozenModel, add_lora, begun, draw_caption, save_lora, train
from train_unet import load_combinations

BATCH, STEPS = 16, 50
# of the projections of attention, and of all that lies between them
LAYERS = (
    "to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2", "conv1", "conv2", "conv_shortcut",
    "downsamplers.0.conv", "upsamplers.0.conv", "time_emb_proj",
)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset")
    parser.add_argument("vae_run")
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--combinations", help="OUT of make_combinations.py")
    parser.add_argument("--combination-share", type=float, default=0.5)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--guidance", type=float, default=5.0, help="that the model is distilled with")
    args = begun(parser, seed=13, minutes=20, rate=1e-3)
    rows = load_rows(args.dataset, "train")
    singles = torch.load(args.vae_run + "/latents.pt")["train"]
    combined, texts = load_combinations(args.combinations, "cpu") if args.combinations else ([], [])

    model = FrozenModel(args.model)
    weights = add_lora(model.unet, args.rank, LAYERS)
    print(sum(p.numel() for p in weights), "weights", flush=True)
    spacing = len(model.alphas) // STEPS
    grid = torch.arange(1, STEPS + 1) * spacing - 1

    def of(values):
        return values.view(-1, 1, 1, 1)

    def predicted(latents, times, states):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return model.unet(latents, times, encoder_hidden_states=states).sample.float()

    def consistent(latents, times, states):
        """Clean latents by the LoRA; at timestep 0 the latents themselves (the paper's c_skip and c_out)."""
        alpha = of(model.alphas[times])
        clean = (latents - (1 - alpha).sqrt() * predicted(latents, times, states)) / alpha.sqrt()
        scaled = of(10.0 * times)
        skip = 0.25 / (scaled**2 + 0.25)
        return skip * latents + scaled / (scaled**2 + 0.25).sqrt() * clean

    def draw_pictures():
        chosen = [random.random() < args.combination_share if len(texts) else False for _ in range(BATCH)]
        latents, captions = [], []
        for combination in chosen:
            i = random.randrange(len(texts) if combination else len(rows))
            latents.append(combined[i].float() if combination else singles[i])
            captions.append(texts[i] if combination else draw_caption(rows[i], 0))
        return torch.stack(latents), captions

    def step():
        clean, captions = draw_pictures()
        index = torch.randint(0, STEPS, (BATCH,))
        later = grid[index]
        sooner = (later - spacing).clamp(min=0)
        alpha, next_alpha = of(model.alphas[later]), of(model.alphas[sooner])
        noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * torch.randn_like(clean)
        states, empty = model.text_states(captions), model.text_states([""] * BATCH)
        with torch.no_grad():
            model.unet.disable_adapters()
            own, other = predicted(torch.cat([noisy, noisy]), torch.cat([later, later]), torch.cat([states, empty])).chunk(2)
            model.unet.enable_adapters()
            noise = other + args.guidance * (own - other)
            nearer = next_alpha.sqrt() * (noisy - (1 - alpha).sqrt() * noise) / alpha.sqrt() + (1 - next_alpha).sqrt() * noise
            target = consistent(nearer, sooner, states)
        difference = consistent(noisy, later, states) - target
        # Huber's loss, as in the paper's program
        loss = ((difference**2 + 0.001**2).sqrt() - 0.001).mean()
        return loss, difference.detach().square().mean()

    train(weights, args.minutes, args.rate, step, lambda: save_lora(model.unet, args.out))


if __name__ == "__main__":
    main()
