"""Writes the diffusers folder (fp16 safetensors, SD v1.5's layout) of a train_unet.py checkpoint.

usage: export_model.py RUN VAE_FOLDER MODEL_FOLDER     (RUN is the OUT of train_unet.py; in MODEL_FOLDER its networks, tokenizer, scheduler and
model_index.json are replaced)"""
import json
import os
import shutil
import sys

import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline
from safetensors.torch import load_file, save_file
from transformers import CLIPTokenizer

from networks import SCHEDULE, build_unet_and_text

# SD v1.5's file, key by key; what it leaves out (epsilon prediction, leading timesteps) is diffusers' default
SCHEDULER_CONFIG = dict(
    _class_name="PNDMScheduler", _diffusers_version="0.42.1", **SCHEDULE, clip_sample=False, skip_prk_steps=True, trained_betas=None
)


def edit_json(path, change):
    with open(path) as file:
        value = json.load(file)
    change(value)
    with open(path, "w") as file:
        json.dump(value, file, indent=2)
        file.write("\n")


def export_model(weights, tokenizer_folder, vae_folder, out):
    """`weights`: state dict of build_unet_and_text. Each part of the folder is replaced whole; what else lies in the folder stays."""
    tokenizer = CLIPTokenizer.from_pretrained(tokenizer_folder)
    modules = build_unet_and_text(len(tokenizer))
    modules.load_state_dict(weights)
    unet, text = modules
    out = os.path.abspath(out)
    tmp, old = out + ".tmp", out + ".old"
    shutil.rmtree(tmp, ignore_errors=True)
    StableDiffusionPipeline(
        vae=AutoencoderKL.from_pretrained(vae_folder).half(), text_encoder=text.half(), tokenizer=tokenizer,
        unet=unet.half(), scheduler=PNDMScheduler(skip_prk_steps=True, **SCHEDULE),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(tmp, safe_serialization=True)

    # transformers 5 drops the "text_model." prefix that every SD v1 folder has; transformers 4 and 5 read both
    path = tmp + "/text_encoder/model.safetensors"
    prefixed = {
        name if name.startswith("text_model.") else "text_model." + name: value.contiguous()
        for name, value in load_file(path).items()
    }
    save_file(prefixed, path, metadata={"format": "pt"})
    edit_json(
        tmp + "/text_encoder/config.json",
        lambda c: c.update(model_type="clip_text_model", architectures=["CLIPTextModel"], torch_dtype="float16"),
    )
    shutil.rmtree(tmp + "/tokenizer", ignore_errors=True)
    shutil.copytree(tokenizer_folder, tmp + "/tokenizer")
    edit_json(tmp + "/vae/config.json", lambda config: config.pop("_name_or_path", None))
    edit_json(tmp + "/model_index.json", lambda index: index.pop("image_encoder", None))
    with open(tmp + "/scheduler/scheduler_config.json", "w") as file:
        json.dump(SCHEDULER_CONFIG, file, indent=2)
        file.write("\n")
    for folder, _, names in os.walk(tmp):
        for name in names:
            os.chmod(f"{folder}/{name}", 0o644)

    shutil.rmtree(old, ignore_errors=True)
    os.makedirs(old)
    os.makedirs(out, exist_ok=True)
    for part in sorted(os.listdir(tmp)):
        if os.path.exists(f"{out}/{part}"):
            os.rename(f"{out}/{part}", f"{old}/{part}")
        os.rename(f"{tmp}/{part}", f"{out}/{part}")
    os.rmdir(tmp)
    shutil.rmtree(old)


def main(run, vae_folder, out):
    checkpoint = torch.load(run + "/ckpt.pt", map_location="cpu")
    export_model(checkpoint["ema"], run + "/tokenizer", vae_folder, out)
    total = 0
    for folder, _, names in sorted(os.walk(out)):
        for name in sorted(names):
            size = os.path.getsize(f"{folder}/{name}")
            total += size
            print("%9d %s" % (size, os.path.relpath(f"{folder}/{name}", out)))
    print("step", checkpoint["step"], "seen", checkpoint["seen"], "total %.2f MB" % (total / 1e6))


if __name__ == "__main__":
    main(*sys.argv[1:])
