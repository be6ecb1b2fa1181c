"""Writes test/golden/stochastic.safetensors and .json: images of stochastic samplers (and one that is not), two a prompt, by
StableDiffusionPipeline itself.

Usage: python test/reference/stochastic.py        (after make_tiny_models.py)

Every image has its own torch CPU generator (`generator=[...]`, seeds s and s + 1): its initial latents and then all the noise of its sampler's
steps come from it, one draw after another. Schedulers are `X.from_config(pipe.scheduler.config, **options)`, as a diffusers user switches.

Arrays: NAME/latents [2, 4, h, w] float32 (final) and NAME/images [2, height, width, 3] uint8. The json's cases: name, sampler (our name), eta
(DDIM's), scheduler, options, steps, guidanceScale, width, height, seed (of the first image).
"""
import json, os
import diffusers
import numpy as np
import torch
from safetensors.numpy import save_file
from unet_halves import GOLDEN, MODELS, load_pipeline

PROMPT, NEGATIVE = "a photo of a red apple on a wooden table", "blurry"
CASES = [
    ("euler-a", 0, "EulerAncestralDiscreteScheduler", {}, 8, 7.5, 64, 64, 11),
    ("ddpm", 0, "DDPMScheduler", {}, 8, 7.5, 64, 64, 2 ** 32 - 1),
    ("dpm-solver++-sde", 0, "DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}, 8, 1.0, 64, 96, 3),
    ("dpm-solver++", 0, "DPMSolverMultistepScheduler", {}, 8, 7.5, 64, 64, 2 ** 40 + 1),
    ("ddim", 0.5, "DDIMScheduler", {}, 8, 7.5, 64, 64, 5),
]


def main():
    pipe = load_pipeline(os.path.join(MODELS, "tiny-sd"))
    config, out, table = pipe.scheduler.config, {}, []
    for sampler, eta, name, options, steps, guidance, height, width, seed in CASES:
        pipe.scheduler = getattr(diffusers, name).from_config(config, **options)
        def draw(output_type):
            return pipe(PROMPT, negative_prompt=NEGATIVE, height=height, width=width, num_inference_steps=steps, guidance_scale=guidance, eta=eta,
                        num_images_per_prompt=2, generator=[torch.Generator().manual_seed(s) for s in (seed, seed + 1)], output_type=output_type).images
        out[f"{sampler}/latents"] = draw("latent").numpy()
        out[f"{sampler}/images"] = (draw("np") * 255).round().astype(np.uint8)
        table.append({"name": sampler, "sampler": sampler, "eta": eta, "scheduler": name, "options": options, "steps": steps,
                      "guidanceScale": guidance, "width": width, "height": height, "seed": seed})
        print(sampler, out[f"{sampler}/latents"].std())
    save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, os.path.join(GOLDEN, "stochastic.safetensors"),
              metadata={"made_by": "test/reference/stochastic.py"})
    os.chmod(os.path.join(GOLDEN, "stochastic.safetensors"), 0o644)
    with open(os.path.join(GOLDEN, "stochastic.json"), "w") as f:
        json.dump({"prompt": PROMPT, "negativePrompt": NEGATIVE, "cases": table}, f, indent="\t")
        f.write("\n")


if __name__ == "__main__": main()
