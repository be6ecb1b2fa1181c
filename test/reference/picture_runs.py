"""Writes test/golden/picture_runs.safetensors and .json: runs that begin with a picture, by diffusers' StableDiffusionImg2ImgPipeline and
StableDiffusionInpaintPipeline, and the model test/models/tiny-inpainting.

Usage: python test/reference/picture_runs.py        (after make_tiny_models.py)

tiny-inpainting is tiny-sd with a UNet of nine input channels (four of latents, the mask, four of the masked picture's latents); only its
unet/ is written, in float16: the test takes the rest from tiny-sd. Pictures and masks are as large as what is drawn, so that nothing is
resized; the mask's edges do not lie on those of latents. Each run has one torch CPU generator.

Not here: LMSDiscreteScheduler, whose late start weights the one derivative it has as the newest of four.

Arrays: image [64, 96, 3] uint8, mask [64, 96] uint8, NAME/latents [1, 4, 8, 12] float32 (final), NAME/picture [64, 96, 3] uint8 (as decoded).
The json's cases: name, kind (img2img, inpaint, inpaint9; with -tiny by test/models/tiny-taesd, whose latents are no distribution), sampler (our name), steps, strength, guidanceScale, seed, scheduler, options.
"""
import json, os
import diffusers
import numpy as np
import torch
from diffusers import UNet2DConditionModel
from PIL import Image
from safetensors.numpy import save_file
from make_tiny_models import carry_input, dump, randomise, save, weights
from unet_halves import GOLDEN, MODELS, load_pipeline

PROMPT, NEGATIVE = "a photo of a red apple on a wooden table", "blurry"
WIDTH, HEIGHT = 96, 64
CASES = [
    ("ddim", "DDIMScheduler", {}, 10, 0.6, 7.5),
    ("ddpm", "DDPMScheduler", {}, 8, 0.7, 7.5),
    ("dpm-solver", "DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"}, 10, 0.5, 7.5),
    ("dpm-solver++", "DPMSolverMultistepScheduler", {}, 10, 0.6, 7.5),
    ("dpm-solver++-3m", "DPMSolverMultistepScheduler", {"solver_order": 3}, 10, 0.8, 7.5),
    ("dpm-solver++-sde", "DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}, 8, 0.5, 7.5),
    ("dpm-solver++-singlestep", "DPMSolverSinglestepScheduler", {}, 8, 0.5, 7.5),
    ("euler", "EulerDiscreteScheduler", {}, 10, 0.35, 1.0),
    ("euler-a", "EulerAncestralDiscreteScheduler", {}, 8, 0.5, 7.5),
    ("heun", "HeunDiscreteScheduler", {}, 6, 0.5, 7.5),
    ("pndm", "PNDMScheduler", {}, 10, 0.6, 7.5),
    ("unipc", "UniPCMultistepScheduler", {}, 10, 0.6, 7.5),
    ("deis", "DEISMultistepScheduler", {}, 8, 0.5, 7.5),
    ("dpm2", "KDPM2DiscreteScheduler", {}, 6, 0.5, 7.5),
]
INPAINT = {"ddim", "dpm-solver++", "euler-a", "heun", "pndm"}


def tiny_inpainting(unet):
    config = dict(unet.config) | {"in_channels": 9}
    config = {k: v for k, v in config.items() if not k.startswith("_")}
    wide = UNet2DConditionModel(**config)
    randomise(wide, 31, 0.9)
    carry_input(wide, 0.8)
    out = os.path.join(MODELS, "tiny-inpainting")
    with open(os.path.join(MODELS, "tiny-sd", "unet", "config.json")) as f: written = json.load(f)
    dump(written | {"in_channels": 9}, out, "unet", "config.json")
    save(weights(wide, dtype=torch.float16), out, "unet", "diffusion_pytorch_model.safetensors")
    wide.load_state_dict({k: v.float() for k, v in weights(wide, dtype=torch.float16).items()})
    return wide


def main():
    base = load_pipeline(os.path.join(MODELS, "tiny-sd"))
    parts = dict(base.components)
    wide = tiny_inpainting(base.unet)
    quiet = lambda pipe: (pipe.set_progress_bar_config(disable=True), pipe)[1]
    img2img = quiet(diffusers.StableDiffusionImg2ImgPipeline(**parts, requires_safety_checker=False))
    inpaint = quiet(diffusers.StableDiffusionInpaintPipeline(**parts, requires_safety_checker=False))
    inpaint9 = quiet(diffusers.StableDiffusionInpaintPipeline(**(parts | {"unet": wide}), requires_safety_checker=False))
    tiny = diffusers.AutoencoderTiny.from_pretrained(os.path.join(MODELS, "tiny-taesd"), torch_dtype=torch.float32)
    tinies = {"img2img-tiny": quiet(diffusers.StableDiffusionImg2ImgPipeline(**(parts | {"vae": tiny}), requires_safety_checker=False)),
              "inpaint-tiny": quiet(diffusers.StableDiffusionInpaintPipeline(**(parts | {"vae": tiny}), requires_safety_checker=False))}
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    rng = np.random.RandomState(5)
    image = np.stack([x * 2.5, y * 3.5, 255 - x - y], 2) + rng.randint(-20, 20, (HEIGHT, WIDTH, 3))
    image = image.clip(0, 255).astype(np.uint8)
    mask = ((((x - 45) / 30) ** 2 + ((y - 30) / 19) ** 2 < 1) * 255).astype(np.uint8)
    out, table = {"image": image, "mask": mask}, []
    config = base.scheduler.config
    runs = [("img2img", case) for case in CASES] + [("img2img", ("ddim", "DDIMScheduler", {}, 6, 1.0, 7.5))]
    for case in CASES:
        if case[0] in INPAINT: runs += [(kind, case[:4] + (strength,) + case[5:]) for kind in ("inpaint", "inpaint9") for strength in (1.0, case[4])]
    runs += [(kind, ("euler-a", "EulerAncestralDiscreteScheduler", {}, 8, 0.5, 7.5)) for kind in tinies]
    for seed, (kind, (sampler, scheduler, options, steps, strength, guidance)) in enumerate(runs):
        pipe = {"img2img": img2img, "inpaint": inpaint, "inpaint9": inpaint9, **tinies}[kind]
        pipe.scheduler = getattr(diffusers, scheduler).from_config(config, **options)
        name = f"{kind}/{sampler}/{strength}"
        def draw(output_type):
            more = {} if kind.startswith("img2img") else {"mask_image": Image.fromarray(mask), "height": HEIGHT, "width": WIDTH}
            return pipe(PROMPT, image=Image.fromarray(image), strength=strength, negative_prompt=NEGATIVE, num_inference_steps=steps,
                        guidance_scale=guidance, generator=torch.Generator().manual_seed(seed), output_type=output_type, **more).images
        out[f"{name}/latents"] = draw("latent").numpy()
        if sampler == "ddim": out[f"{name}/picture"] = (draw("np")[0] * 255).round().astype(np.uint8)
        table.append({"name": name, "kind": kind, "sampler": sampler, "steps": steps, "strength": strength, "guidanceScale": guidance,
                      "seed": seed, "scheduler": scheduler, "options": options})
        print(name, out[f"{name}/latents"].std())
    path = os.path.join(GOLDEN, "picture_runs.safetensors")
    save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, path, metadata={"made_by": "test/reference/picture_runs.py"})
    os.chmod(path, 0o644)
    with open(os.path.join(GOLDEN, "picture_runs.json"), "w") as f:
        json.dump({"prompt": PROMPT, "negativePrompt": NEGATIVE, "cases": table}, f, indent="\t")
        f.write("\n")


if __name__ == "__main__":
    with torch.no_grad(): main()
