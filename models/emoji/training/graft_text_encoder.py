"""Gives a half-trained UNet the text tower of the trained CLIP, as Stable Diffusion has one.

A text encoder trained from nothing together with the UNet hardly tells captions apart at first: its states vary by a sixth of
their constant part, and the cross-attentions learn from them very slowly. Here
- the text encoder becomes the CLIP's text tower, its states centred and scaled to 1 per channel (over captions and positions),
  folded into its final layer norm;
- the cross-attentions forget the old states: what they added on average goes into their output's bias, their output weights
  start at zero, their keys and values anew.

usage: graft_text_encoder.py RUN CLIP_FOLDER DATASET VAE_FOLDER OUT     (OUT: model folder for train_unet.py --init)"""
import sys

import torch
from safetensors.torch import load_file
from transformers import CLIPTokenizer

from dataset import load_rows
from export_model import export_model
from networks import build_unet_and_text


@torch.no_grad()
def main(run, clip_folder, dataset, vae_folder, out):
    tokenizer = CLIPTokenizer.from_pretrained(run + "/tokenizer")
    modules = build_unet_and_text(len(tokenizer)).eval()
    modules.load_state_dict(torch.load(run + "/ckpt.pt")["ema"])
    unet, text = modules
    captions = [row["caption"] for row in load_rows(dataset, "train")][::4]
    ids = tokenizer(captions, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids

    def states():
        """[captions * positions, width], without the first position, which never varies."""
        return text(ids).last_hidden_state[:, 1:].flatten(0, 1)

    old_mean = states().mean(0)
    names = text.state_dict().keys()
    tower = {}
    for name, value in load_file(clip_folder + "/model.safetensors").items():
        if name.startswith("text_model."):
            plain = name.removeprefix("text_model.")
            tower[plain if plain in names else name] = value.float()
    text.load_state_dict(tower)
    found = states()
    mean, std = found.mean(0), found.std(0)
    norm = getattr(text, "text_model", text).final_layer_norm
    norm.bias.copy_((norm.bias - mean) / std)
    norm.weight.div_(std)
    new = text(ids).last_hidden_state
    print("constant part and variation of the states: %.3f, %.3f before the scaling" % (mean.abs().mean(), std.mean()))
    print("variation over captions at positions 1, 3, 10, 30, 76:", [round(new[:, p].std(0).mean().item(), 2) for p in (1, 3, 10, 30, 76)])

    count = 0
    for name, module in unet.named_modules():
        if name.endswith("attn2"):
            output = module.to_out[0]
            output.bias += output.weight @ (module.to_v.weight @ old_mean)
            output.weight.zero_()
            module.to_k.reset_parameters()
            module.to_v.reset_parameters()
            count += 1
    print(count, "cross-attentions start anew")
    export_model(modules.state_dict(), run + "/tokenizer", vae_folder, out)


if __name__ == "__main__":
    torch.manual_seed(4)
    main(*sys.argv[1:])
