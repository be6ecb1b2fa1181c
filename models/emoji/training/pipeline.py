"""The exported folder as a diffusers pipeline with DDIM, in float32, and pictures for a list of captions."""
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline


def load_ddim(model):
    pipe = StableDiffusionPipeline.from_pretrained(model, safety_checker=None, torch_dtype=torch.float32)
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def draw(pipe, captions, guidance, steps=50, seed=0, batch=8):
    """One PIL picture a caption; picture i starts from torch's CPU generator with seed + i."""
    pictures = []
    for start in range(0, len(captions), batch):
        part = captions[start : start + batch]
        generators = [torch.Generator().manual_seed(seed + start + i) for i in range(len(part))]
        pictures += pipe(
            part, num_inference_steps=steps, guidance_scale=guidance, height=128, width=128, generator=generators
        ).images
    return pictures
