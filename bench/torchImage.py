"""A whole image by diffusers on torch, for bench/engineImages.ts: channels_last, the fastest way on a processor.

Usage: python bench/torchImage.py MODEL_FOLDER float32|bfloat16 PROMPT STEPS FILE
Prints JSON: seconds from prompt to pixels.
"""

import json
import sys
import time

import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

folder, precision, prompt, steps, file = sys.argv[1:6]
pipeline = StableDiffusionPipeline.from_pretrained(
    folder, torch_dtype=getattr(torch, precision), safety_checker=None, feature_extractor=None, requires_safety_checker=False
)
pipeline.scheduler = DPMSolverMultistepScheduler.from_config(pipeline.scheduler.config)
pipeline.set_progress_bar_config(disable=True)
pipeline.unet.to(memory_format=torch.channels_last)
pipeline.vae.to(memory_format=torch.channels_last)
started = time.perf_counter()
image = pipeline(prompt, width=512, height=512, num_inference_steps=int(steps), guidance_scale=7.5).images[0]
seconds = time.perf_counter() - started
image.save(file)
print(json.dumps({"denoisingSeconds": seconds}))
