"""Writes test/golden/few_steps.safetensors and .json, and test/models/tiny-lcm: what diffusers draws with models that are distilled to few steps.

Usage: python test/reference/few_steps.py        (after make_tiny_models.py and adapters.py; needs peft)

The scheduler_config.json files are those of the published models: LCM_Dreamshaper_v7, SD-Turbo, and Stable Diffusion v1.5 for LoRAs (which say
in their model cards which scheduler is made of it, and how). Weights are tiny-sd's; tiny-lcm/ adds a UNet's config.json with time_cond_proj_dim
and the weight that it asks for. Each run: 64 x 64, one torch CPU generator.

Arrays: NAME [1, 4, 8, 8] float32, final latents; NAME.timesteps. The json's cases: name, the model's scheduler file, options in our words.
"""
import json, os
import diffusers
import numpy as np
import torch
from safetensors.torch import save_file
from unet_halves import GOLDEN, MODELS, load_pipeline

PROMPT = "a photo of a red apple on a wooden table"
SD15 = {"_class_name": "PNDMScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "clip_sample": False,
        "num_train_timesteps": 1000, "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1, "trained_betas": None}
TURBO = {"_class_name": "EulerDiscreteScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "clip_sample": False,
         "interpolation_type": "linear", "num_train_timesteps": 1000, "prediction_type": "epsilon", "sample_max_value": 1.0,
         "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1, "timestep_spacing": "trailing", "trained_betas": None,
         "use_karras_sigmas": False}
LCM = {"_class_name": "LCMScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "clip_sample": False,
       "clip_sample_range": 1.0, "dynamic_thresholding_ratio": 0.995, "num_train_timesteps": 1000, "original_inference_steps": 50,
       "prediction_type": "epsilon", "rescale_betas_zero_snr": False, "sample_max_value": 1.0, "set_alpha_to_one": True, "steps_offset": 1,
       "thresholding": False, "timestep_scaling": 10.0, "timestep_spacing": "leading", "trained_betas": None}
TRAILING = {"timestep_spacing": "trailing"}
FEATURES = 16


def lcm_unet(unet):
    """tiny-sd's UNet with the guidance scale as an input."""
    config = {k: v for k, v in json.load(open(os.path.join(MODELS, "tiny-sd", "unet", "config.json"))).items()} | {"time_cond_proj_dim": FEATURES}
    distilled = diffusers.UNet2DConditionModel.from_config(config)
    weight = (torch.randn(config["block_out_channels"][0], FEATURES, generator=torch.Generator().manual_seed(40)) * 0.4).half().float()
    distilled.load_state_dict({**unet.state_dict(), "time_embedding.cond_proj.weight": weight})
    out = os.path.join(MODELS, "tiny-lcm", "unet")
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "config.json"), "w") as f: f.write(json.dumps(config, indent=2) + "\n")
    save_file({"time_embedding.cond_proj.weight": weight}, os.path.join(out, "guidance.safetensors"), metadata={"format": "pt"})
    return distilled.eval()


def main():
    arrays, cases = {}, []

    def case(name, file, scheduler, steps, guidance, seed, lora=False, distilled=False, extra=None, **ours):
        pipe = load_pipeline(os.path.join(MODELS, "tiny-sd"))
        if distilled:
            pipe.unet = lcm_unet(pipe.unet)
            parts = {k: v for k, v in pipe.components.items() if k not in ("safety_checker", "image_encoder", "feature_extractor")}
            pipe = diffusers.LatentConsistencyModelPipeline(**parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False)
            pipe.set_progress_bar_config(disable=True)
        if lora: pipe.load_lora_weights(os.path.join(MODELS, "tiny-adapters"), weight_name="peft.safetensors")
        cls, changes = scheduler
        pipe.scheduler = getattr(diffusers, cls).from_config(file, **changes)
        latents = pipe(PROMPT, num_inference_steps=steps, guidance_scale=guidance, width=64, height=64, output_type="latent",
                       generator=torch.Generator().manual_seed(seed), **(extra or {})).images
        assert torch.isfinite(latents).all(), name
        arrays[name] = latents.numpy()
        arrays[f"{name}.timesteps"] = pipe.scheduler.timesteps.float().numpy()
        cases.append({"name": name, "scheduler": file, "lora": lora, "distilled": distilled,
                      "options": {"prompt": PROMPT, "steps": steps, "guidanceScale": guidance, "seed": seed, **ours}})
        print(name, list(arrays[f"{name}.timesteps"]), float(latents.std()))

    lcm, tcd = ("LCMScheduler", {}), ("TCDScheduler", {})
    for seed, (steps, guidance) in enumerate(((4, 8.5), (1, 8.5), (2, 1.0), (8, 2.0)), 1):
        case(f"LCM, {steps} steps, guidance {guidance}", LCM, lcm, steps, guidance, seed, distilled=True)
    for seed, guidance in enumerate((1.0, 1.5), 5):
        case(f"LCM-LoRA, guidance {guidance}", SD15, lcm, 4, guidance, seed, lora=True, sampler="lcm")
    for steps in (1, 2, 4):
        case(f"SD-Turbo, {steps} steps", TURBO, ("EulerDiscreteScheduler", {}), steps, 0.0, 10 + steps)
    case("TCD-LoRA, 4 steps", SD15, tcd, 4, 0.0, 20, lora=True, extra={"eta": 0.3}, sampler="tcd")
    case("Hyper-SD LoRA, 1 step", SD15, tcd, 1, 0.0, 21, lora=True, extra={"eta": 1.0}, sampler="tcd", eta=1)
    case("Hyper-SD LoRA, 4 steps", SD15, ("DDIMScheduler", TRAILING), 4, 0.0, 22, lora=True, sampler="ddim trailing")
    case("Lightning LoRA, 4 steps", SD15, ("EulerDiscreteScheduler", TRAILING), 4, 0.0, 23, lora=True, sampler="euler trailing")

    from safetensors.numpy import save_file as save_numpy
    save_numpy({name: np.ascontiguousarray(value) for name, value in arrays.items()}, os.path.join(GOLDEN, "few_steps.safetensors"))
    with open(os.path.join(GOLDEN, "few_steps.json"), "w") as f:
        json.dump({"cases": cases}, f, indent="\t")
        f.write("\n")


main()
