"""Writes test/golden/embedded.safetensors and .json: the embedded model, plain and propagated, by diffusers.

Usage: python test/reference/embedded.py MODEL        (a diffusers folder, such as models/emoji; fp16 weights are read as float32)

Two prompts, 50 DDIM steps (the folder's scheduler config), guidance 7.5, negative prompt "", the folder's own size, seed 0: final latents
  PROMPT/plain           every step a key step; checked against StableDiffusionPipeline itself
  PROMPT/paper           the paper's key steps, no noise injection
  PROMPT/paper-inject    the same with alpha 0.003 where t / 1000 < 0.5
with noise/0/HxW [1, 4, h, w], text/PROMPT [1, 77, c], text/negative, and PROMPT/image [height, width, 3] uint8, the pipeline's plain image.
The method and its order are propagation.py's. The json has the settings, the sha256 of the UNet's weights, and the distance of each run to plain.
"""
import hashlib, json, os, sys
import numpy as np
import torch
from safetensors.numpy import save_file
from propagation import PAPER_50, run, scheduler_for, unit_noise
from unet_halves import GOLDEN, load_pipeline

PROMPTS = ["a red apple", "dog face"]


def main(folder):
    pipe, out = load_pipeline(folder), {}
    pipe.original_scheduler = pipe.scheduler
    with open(os.path.join(folder, "unet", "config.json")) as f: side = json.load(f)["sample_size"] * pipe.vae_scale_factor
    base = {"sampler": "ddim", "steps": 50, "guidanceScale": 7.5, "width": side, "height": side, "seeds": [0]}
    runs = {"plain": (list(range(50)), 0.0), "paper": (PAPER_50, 0.0), "paper-inject": (PAPER_50, 0.003)}
    unet = next(os.path.join(folder, "unet", f) for f in sorted(os.listdir(os.path.join(folder, "unet"))) if f.endswith(".safetensors"))
    info = {**base, "prompts": PROMPTS, "negativePrompt": "", "unetSha256": hashlib.sha256(open(unet, "rb").read()).hexdigest(), "runs": []}
    out[f"noise/0/{side}x{side}"] = unit_noise(base)
    for prompt in PROMPTS:
        text = pipe.encode_prompt(prompt, "cpu", 1, True, "")
        out |= {f"text/{prompt}": text[0], "text/negative": text[1]}
        for name, (keys, alpha) in runs.items():
            latents = run(pipe, {**base, "keySteps": keys, "injection": {"alpha": alpha, "until": 0.5}}, text)[0]
            out[f"{prompt}/{name}"] = latents
            plain = out[f"{prompt}/plain"]
            info["runs"].append({"name": f"{prompt}/{name}", "keySteps": keys, "injection": {"alpha": alpha, "until": 0.5},
                                 "distanceToPlain": round(((latents - plain).norm() / plain.norm()).item(), 4)})
            print(info["runs"][-1]["name"], info["runs"][-1]["distanceToPlain"], flush=True)
        pipe.scheduler = scheduler_for(pipe, "ddim", 50)
        theirs = pipe(prompt, height=side, width=side, num_inference_steps=50, guidance_scale=7.5, latents=unit_noise(base), output_type="latent").images
        plain = out[f"{prompt}/plain"]
        assert (theirs - plain).norm() / plain.norm() < 1e-6
        image = pipe.image_processor.postprocess(pipe.vae.decode(plain / pipe.vae.config.scaling_factor).sample, output_type="np", do_denormalize=[True])[0]
        out[f"{prompt}/image"] = torch.from_numpy((image * 255).round().astype(np.uint8))
    file = os.path.join(GOLDEN, "embedded.safetensors")
    save_file({k: np.ascontiguousarray(v.numpy()) for k, v in out.items()}, file, metadata={"made_by": "test/reference/embedded.py"})
    os.chmod(file, 0o644)
    json.dump(info, open(os.path.join(GOLDEN, "embedded.json"), "w"), indent=1)
    print(file, os.path.getsize(file), "bytes")


if __name__ == "__main__": main(sys.argv[1])
