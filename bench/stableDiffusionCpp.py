"""A whole image by stable-diffusion.cpp (the build inside PyPI's cyllama), for bench/engineImages.ts.

Usage: python bench/stableDiffusionCpp.py MODEL_FOLDER f16|f32 PROMPT STEPS FILE
It reads one file: the folder's networks are written into one beside it, once. Prints JSON: seconds of the denoising steps, and of what comes
after them until the pixels are there.
"""

import json
import os
import sys
import time
from pathlib import Path

from cyllama.sd import SampleMethod, SDContext, SDContextParams, SDType, set_progress_callback
from safetensors.torch import load_file, save_file

NETWORKS = {
    "unet.": "unet/diffusion_pytorch_model.safetensors",
    "vae.": "vae/diffusion_pytorch_model.safetensors",
    "te.": "text_encoder/model.safetensors",
}

folder, precision, prompt, steps, image_file = sys.argv[1:6]
model = Path(f"{folder}.safetensors")
if not model.exists():
    # half precision, as such files are published
    weights = {prefix + name: value.half() for prefix, file in NETWORKS.items() for name, value in load_file(f"{folder}/{file}").items()}
    part = model.with_suffix(".part")
    save_file(weights, part)
    part.rename(model)

params = SDContextParams(model_path=str(model), n_threads=os.cpu_count(), wtype=getattr(SDType, precision.upper()))
params.diffusion_flash_attn = True
context = SDContext(params)
ended_at = {}


def progress(step, of, _):
    """Called while weights are read too: only the steps of the image are kept."""
    if of == int(steps):
        ended_at[step] = time.perf_counter()


set_progress_callback(progress)
started = time.perf_counter()
[image] = context.generate(
    prompt, width=512, height=512, seed=1, sample_steps=int(steps), cfg_scale=7.5, sample_method=SampleMethod.DPMPP2M
)
ended = time.perf_counter()
image.save(image_file)
denoised = ended_at.get(int(steps), ended)
print(json.dumps({"denoisingSeconds": denoised - started, "decodingSeconds": ended - denoised}))
