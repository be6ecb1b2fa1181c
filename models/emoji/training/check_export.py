"""Checks an exported folder against the checkpoint it was made of: same tokens, text states and noise prediction (fp16 apart).

usage: check_export.py RUN MODEL VAE_RUN     (RUN: OUT of train_unet.py, VAE_RUN: OUT of fold_vae.py)"""
import sys

import torch
from diffusers import StableDiffusionPipeline
from transformers import CLIPTokenizer

from networks import build_unet_and_text


@torch.no_grad()
def main(run, model, vae_run):
    pipe = StableDiffusionPipeline.from_pretrained(model, safety_checker=None, torch_dtype=torch.float32)
    tokenizer = CLIPTokenizer.from_pretrained(run + "/tokenizer")
    modules = build_unet_and_text(len(tokenizer))
    modules.load_state_dict(torch.load(run + "/ckpt.pt")["ema"])
    unet, text = modules.eval()
    captions = ["red apple", "a 3d emoji of man: curly hair", "", "crêpe 100%"]
    settings = dict(padding="max_length", max_length=77, truncation=True, return_tensors="pt")
    ids = tokenizer(captions, **settings).input_ids
    assert pipe.tokenizer.model_max_length == 77
    assert (ids == pipe.tokenizer(captions, **settings).input_ids).all()
    latents = torch.load(vae_run + "/latents.pt")["train"][:4]
    noisy, timesteps = latents + torch.randn_like(latents), torch.tensor([10, 300, 600, 999])
    states, exported_states = text(ids).last_hidden_state, pipe.text_encoder(ids)[0]
    noise = unet(noisy, timesteps, encoder_hidden_states=states).sample
    exported_noise = pipe.unet(noisy, timesteps, encoder_hidden_states=exported_states).sample
    relative = lambda a, b: ((a - b).norm() / a.norm()).item()
    print("relative difference of text states %.1e, of the prediction %.1e" % (relative(states, exported_states), relative(noise, exported_noise)))
    print([type(part).__name__ for part in (pipe.scheduler, pipe.unet, pipe.text_encoder, pipe.tokenizer)])
    assert relative(noise, exported_noise) < 5e-3


if __name__ == "__main__":
    torch.manual_seed(0)
    main(*sys.argv[1:])
