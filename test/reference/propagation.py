"""Writes test/golden/propagation.safetensors and .json: Faster Diffusion's encoder propagation over diffusers' UNet and schedulers.

Usage: python test/reference/propagation.py        (after make_tiny_models.py; needs scipy for LMS)

The method, one evaluation after another, i indexing scheduler.timesteps (so for Heun and PNDM a plan indexes evaluations, not steps):

  unit = torch.randn([1, 4, h, w], generator=torch.Generator().manual_seed(seed));  x = unit * scheduler.init_noise_sigma
  for i, t in enumerate(scheduler.timesteps):
    if i in keySteps:  features = encoder(scheduler.scale_model_input(x, t), t, text)       all skip features and mid, kept
    prediction = decoder(features, t, text)                                                 off the key steps: x is not seen, t is the step's own
    if guided:  prediction = negative + guidanceScale * (positive - negative)               both halves run on [negative, positive] text states
    if t / 1000 < until:  x = x + alpha * unit * space                                      prior noise injection
    x = scheduler.step(prediction, t, x)

  space = 1 for variance-preserving schedulers (latents sqrt(abar) x0 + sqrt(1 - abar) noise), sqrt(1 + sigma_i^2) for those whose latents are
  x0 + sigma noise (Euler, Heun, LMS; sigma_i = scheduler.sigmas[i], the level of x at evaluation i): the network's input is
  x / sqrt(1 + sigma_i^2), so that the input changes by alpha * unit in both. Where a scheduler goes back to latents that it had put away
  (PNDM's evaluation 1; Heun's second evaluations, whose own latents an epsilon prediction does not need), what is injected there is lost.
  guidanceScale 1: no guidance, positive text only, one network sample an image.

Schedulers are `X.from_config(pipe.scheduler.config, **options)`, as a diffusers user switches: keys that scheduler_config.json states stay,
others take X's defaults (so DDIM and PNDM run "leading" spacing with offset 1, the rest "linspace"; UniPC and DEIS linspace too).

Every case with all steps key steps and no injection is checked against StableDiffusionPipeline itself, and everywhere encoder + decoder is
unet.forward bit for bit (unet_halves.py).

Arrays: noise/SEED/HxW [1, 4, h, w] (unit; H, W in pixels); text/MODEL/positive, negative [1, 77, c]; NAME [images, 4, h, w], the final
latents of the case of that name; NAME/trajectory [evaluations, images, 4, h, w] for some (latents after each evaluation);
image/N [height, width, 3] uint8: the images that StableDiffusionPipeline itself makes, listed in the json under "images".
The json's cases: model, sampler (our name), scheduler (diffusers' class), options, steps, keySteps (evaluation indices), plan (its name),
injection {alpha, until}, guidanceScale, width, height (pixels), seeds (one an image), evaluations, timesteps, initNoiseSigma.
"""
import json, os
import diffusers
import numpy as np
import torch
from safetensors.numpy import save_file
from unet_halves import GOLDEN, MODELS, decoder, encoder, load_pipeline

PROMPT, NEGATIVE = "a photo of a red apple on a wooden table", ""
PAPER_50, PAPER_20 = [0, 1, 2, 3, 5, 10, 15, 25, 35], [0, 1, 2, 3, 5, 10, 15]
SAMPLERS = {
    "ddim": ("DDIMScheduler", {}),
    "dpm-solver": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver", "solver_order": 2, "final_sigmas_type": "sigma_min"}),
    "dpm-solver++": ("DPMSolverMultistepScheduler", {}),
    "dpm-solver++-3m": ("DPMSolverMultistepScheduler", {"solver_order": 3}),
    "euler": ("EulerDiscreteScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "lms": ("LMSDiscreteScheduler", {}),
    "pndm": ("PNDMScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "deis": ("DEISMultistepScheduler", {}),
}
SIGMA_SPACE = ("euler", "heun", "lms")


def scheduler_for(pipe, sampler, steps):
    name, options = SAMPLERS[sampler]
    scheduler = getattr(diffusers, name).from_config(pipe.original_scheduler.config, **options)
    scheduler.set_timesteps(steps)
    return scheduler


def key_steps(plan, evaluations):
    if plan == "all": return list(range(evaluations))
    if plan == "paper": return {20: PAPER_20, 50: PAPER_50}[evaluations]
    if plan.startswith("uniform:"): return list(range(0, evaluations, int(plan[8:])))
    return [int(i) for i in plan.split(",")]


def unit_noise(case):
    h, w = case["height"] // 8, case["width"] // 8
    return torch.cat([torch.randn(1, 4, h, w, generator=torch.Generator().manual_seed(s)) for s in case["seeds"]])


def run(pipe, case, text):
    """Final latents and those after each evaluation."""
    scheduler, keys = scheduler_for(pipe, case["sampler"], case["steps"]), case["keySteps"]
    scale, alpha, until = case["guidanceScale"], case["injection"]["alpha"], case["injection"]["until"]
    positive, negative = (t.repeat(len(case["seeds"]), 1, 1) for t in text)
    states = torch.cat([negative, positive]) if scale > 1 else positive
    unit = unit_noise(case)
    x, trajectory = unit * scheduler.init_noise_sigma, []
    for i, t in enumerate(scheduler.timesteps):
        if i in keys:
            model_input = scheduler.scale_model_input(torch.cat([x, x]) if scale > 1 else x, t)
            features = encoder(pipe.unet, model_input, t, states)
        prediction = decoder(pipe.unet, *features, t, states)[0]
        if scale > 1:
            u, c = prediction.chunk(2)
            prediction = u + scale * (c - u)
        if float(t) / 1000 < until:
            space = (1 + float(scheduler.sigmas[i]) ** 2) ** 0.5 if case["sampler"] in SIGMA_SPACE else 1.0
            x = x + alpha * space * unit
        x = scheduler.step(prediction, t, x, return_dict=False)[0]
        trajectory.append(x)
    return x, torch.stack(trajectory)


def case_list():
    """(model, sampler, steps, plan, inject, guidance, (height, width), seeds, trajectory)"""
    small, wide = (128, 128), (96, 160)
    off, on = (0.0, 0.5), (0.003, 0.5)
    c = []
    add = lambda sampler, steps, plan, inject=off, guidance=7.5, size=small, seeds=(0,), model="tiny-sd", trajectory=False: c.append(
        (model, sampler, steps, plan, inject, guidance, size, list(seeds), trajectory))
    # the paper's own: DDIM 50, DPM-Solver 20, DPM-Solver++ 20
    for sampler, steps in (("ddim", 50), ("dpm-solver", 20), ("dpm-solver++", 20)):
        add(sampler, steps, "all")
        add(sampler, steps, "paper", trajectory=sampler != "ddim")
        add(sampler, steps, "paper", on)
        add(sampler, steps, "paper", on, 1.0, wide)
        add(sampler, steps, "uniform:4", on, 7.5, wide)
        add(sampler, steps, "paper", on, seeds=(3, 4))
    add("ddim", 50, "all", on)
    add("ddim", 50, "all", off, 1.0, wide)
    add("ddim", 20, "0,1,2,3,5,10,15", on, trajectory=True)
    add("ddim", 20, "0,4,5,6,7,13", (0.02, 0.8), size=wide)
    add("ddim", 10, "0", on)
    add("dpm-solver++", 10, "uniform:4", off, 1.0)
    add("dpm-solver++", 50, "paper", on, seeds=(7, 8), size=wide)
    # further samplers
    for sampler, steps, evaluations in (("dpm-solver++-3m", 20, 20), ("euler", 20, 20), ("lms", 20, 20), ("unipc", 20, 20), ("deis", 20, 20),
                                        ("heun", 10, 19), ("pndm", 20, 21)):
        paper = "paper" if evaluations == 20 else "0,1,2,3,5,10,15"
        add(sampler, steps, "all", size=wide if sampler in ("lms", "pndm") else small)
        add(sampler, steps, paper, on, trajectory=sampler in ("euler", "heun", "pndm"))
        add(sampler, steps, "uniform:4", on, 1.0 if sampler in ("euler", "unipc") else 7.5, wide)
    add("euler", 50, "paper", on)
    add("pndm", 50, "0,1,2,3,5,10,15,25,35", on)
    add("heun", 20, "uniform:2", on, seeds=(3, 4))
    # SD 2.x: v prediction, linear projections
    for sampler, steps in (("ddim", 50), ("dpm-solver++", 20), ("euler", 20), ("pndm", 20)):
        add(sampler, steps, "all", model="tiny-sd2", size=wide if sampler == "pndm" else small)
        add(sampler, steps, "paper" if sampler != "pndm" else "0,1,2,3,5,10,15", on, model="tiny-sd2")
    add("ddim", 20, "uniform:4", on, 1.0, wide, (5, 6), model="tiny-sd2")
    return c


def main():
    pipes, texts, out, table = {}, {}, {}, []
    for model in ("tiny-sd", "tiny-sd2"):
        pipe = pipes[model] = load_pipeline(os.path.join(MODELS, model))
        pipe.original_scheduler = pipe.scheduler
        texts[model] = pipe.encode_prompt(PROMPT, "cpu", 1, True, NEGATIVE)
        out |= {f"text/{model}/positive": texts[model][0], f"text/{model}/negative": texts[model][1]}
    worst = 0.0
    for model, sampler, steps, plan, inject, guidance, (height, width), seeds, trajectory in case_list():
        pipe = pipes[model]
        scheduler = scheduler_for(pipe, sampler, steps)
        evaluations = len(scheduler.timesteps)
        name = "-".join([model, sampler, str(steps), plan.replace(":", "").replace(",", "."), f"inject{inject[0]}" if inject[0] else "plain",
                         f"g{guidance}", f"{width}x{height}", f"n{len(seeds)}"])
        case = {"name": name, "model": model, "sampler": sampler, "scheduler": SAMPLERS[sampler][0], "options": SAMPLERS[sampler][1], "steps": steps,
                "plan": plan, "keySteps": key_steps(plan, evaluations), "injection": {"alpha": inject[0], "until": inject[1]},
                "guidanceScale": guidance, "width": width, "height": height, "seeds": seeds, "evaluations": evaluations,
                "timesteps": [round(float(t), 6) for t in scheduler.timesteps], "initNoiseSigma": float(scheduler.init_noise_sigma),
                "trajectory": trajectory}
        assert name not in out
        out[name], path = run(pipe, case, texts[model])
        if trajectory: out[f"{name}/trajectory"] = path
        for seed in seeds: out[f"noise/{seed}/{height}x{width}"] = unit_noise({**case, "seeds": [seed]})
        if len(case["keySteps"]) == evaluations and inject[0] == 0:
            pipe.scheduler = scheduler_for(pipe, sampler, steps)
            theirs = pipe(PROMPT, negative_prompt=NEGATIVE, height=height, width=width, num_inference_steps=steps, guidance_scale=guidance,
                          num_images_per_prompt=len(seeds), latents=unit_noise(case), output_type="latent").images
            error = ((theirs - out[name]).norm() / theirs.norm()).item()
            worst = max(worst, error)
            assert error < 1e-6, (name, error)
        table.append(case)
        print(name, f"std {out[name].std().item():.3f}", flush=True)
    print("plain runs against StableDiffusionPipeline: relative error at most", worst)

    images, pipe = [], pipes["tiny-sd"]
    for sampler, steps, height, width, seed in (("pndm", 20, 64, 64, 0), ("ddim", 10, 64, 96, 2 ** 31 + 5)):
        pipe.scheduler = pipe.original_scheduler if sampler == "pndm" else scheduler_for(pipe, sampler, steps)
        pixels = pipe(PROMPT, height=height, width=width, num_inference_steps=steps, guidance_scale=7.5,
                      generator=torch.Generator().manual_seed(seed), output_type="np").images[0]
        out[f"image/{len(images)}"] = torch.from_numpy((pixels * 255).round().astype(np.uint8))
        images.append({"model": "tiny-sd", "sampler": sampler, "steps": steps, "height": height, "width": width, "seed": seed, "guidanceScale": 7.5})

    out = {k: np.ascontiguousarray(v.numpy()) for k, v in out.items()}
    save_file(out, os.path.join(GOLDEN, "propagation.safetensors"), metadata={"made_by": "test/reference/propagation.py"})
    os.chmod(os.path.join(GOLDEN, "propagation.safetensors"), 0o644)
    with open(os.path.join(GOLDEN, "propagation.json"), "w") as f:
        f.write(json.dumps({"prompt": PROMPT, "negativePrompt": NEGATIVE}, indent=0)[:-2] + ',\n"images": ' + json.dumps(images) + ',\n"cases": [\n'
                + ",\n".join(json.dumps(c) for c in table) + "\n]}\n")
    json.load(open(os.path.join(GOLDEN, "propagation.json")))
    print(len(table), "cases,", os.path.getsize(os.path.join(GOLDEN, "propagation.safetensors")), "bytes")


if __name__ == "__main__": main()
