"""torch's eager UNet for bench/engines.ts: a process that does one forward pass for each line it reads.

Usage: python bench/torchUnet.py UNET_FOLDER BATCH THREADS [float32|bfloat16] [channels_last]
Reads lines "unet SIZE" (height and width of the latents) and answers each with JSON: seconds, and its peak resident memory in bytes.
"""

import json
import resource
import sys
import time

import torch
from diffusers import UNet2DConditionModel

folder, batch, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
dtype = torch.bfloat16 if "bfloat16" in sys.argv else torch.float32
layout = torch.channels_last if "channels_last" in sys.argv else torch.contiguous_format
torch.set_num_threads(threads)
unet = UNet2DConditionModel.from_pretrained(folder, torch_dtype=dtype).eval().to(memory_format=layout)
text = torch.randn(batch, 77, 768, generator=torch.Generator().manual_seed(1)).to(dtype)
print(f"torch {torch.__version__}", flush=True)
for line in sys.stdin:
    size = int(line.split()[1])
    latents = torch.randn(batch, 4, size, size, generator=torch.Generator().manual_seed(2))
    latents = latents.to(dtype).to(memory_format=layout)
    with torch.inference_mode():
        started = time.perf_counter()
        unet(latents, 500, encoder_hidden_states=text)
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peak": peak}), flush=True)
