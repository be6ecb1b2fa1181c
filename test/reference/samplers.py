"""Reference trajectories of diffusers' schedulers for test/samplers/trajectories.test.ts.

Runs each scheduler step by step over an analytic "network" that the test computes too, so that errors feed back as they
do in a real run and no predictions need to be stored:

    prediction_i = t / 1000 * input_i + 0.2 sin(0.7 i + t / 150)        (i: flat index)
    variance_i   = 0.8 sin(0.3 i + t / 90)                              (second half of the channels, learned_range only)
    initial_i    = 1.3 sin(1.7 i + 0.5) * init_noise_sigma
    noise_i      = 1.4 sin(12.9898 (i + 1) (k + 1))                     (k-th draw of the run)

Schedulers are made by `from_config` from a model's scheduler_config.json (as a dict) and overrides, as users switch them.
Writes test/golden/samplers.json (the cases) and test/golden/samplers.safetensors (per case: timesteps, latents after the
steps listed in `stored`; for `timestepsOnly` cases no latents). Deterministic; takes some seconds.

Usage: python test/reference/samplers.py      (torch 2.9, diffusers 0.42, numpy, scipy, safetensors)
"""

import importlib
import json
import warnings
from pathlib import Path

import diffusers
import numpy as np
import torch
from diffusers.schedulers.scheduling_utils import AysSchedules
from safetensors.numpy import save_file

warnings.filterwarnings("ignore")
diffusers.logging.set_verbosity_error()
torch.set_num_threads(1)

GOLDEN = Path(__file__).parent.parent / "golden"

# Stable Diffusion v1.5's own scheduler_config.json.
SD15 = {
    "_class_name": "PNDMScheduler",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
}

# Our names: diffusers' class and what the name itself says.
SAMPLERS = {
    "ddim": ("DDIMScheduler", {}),
    "ddpm": ("DDPMScheduler", {}),
    "dpm-solver": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"}),
    "dpm-solver++": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "solver_order": 2}),
    "dpm-solver++-3m": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "solver_order": 3}),
    "dpm-solver++-sde": ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    "dpm-solver-singlestep": (
        "DPMSolverSinglestepScheduler",
        {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"},
    ),
    "dpm-solver++-singlestep": ("DPMSolverSinglestepScheduler", {"algorithm_type": "dpmsolver++"}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler-a": ("EulerAncestralDiscreteScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "lms": ("LMSDiscreteScheduler", {}),
    "pndm": ("PNDMScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "lcm": ("LCMScheduler", {}),
    "deis": ("DEISMultistepScheduler", {}),
    "dpm2": ("KDPM2DiscreteScheduler", {}),
}
VP = ["ddim", "ddpm", "pndm", "lcm"]
SPREAD = [name for name in SAMPLERS if name not in [*VP, "euler-a"]]
SPACED = [name for name in SAMPLERS if name != "lcm" and "singlestep" not in name]

draws = 0


def fixed_noise(shape, **_):
    global draws
    k = draws
    draws += 1
    i = np.arange(np.prod(shape))
    return torch.from_numpy((1.4 * np.sin(12.9898 * (i + 1) * (k + 1))).astype(np.float32)).reshape(shape)


def network(x, t):
    i = np.arange(x.numel())
    values = t / 1000 * x.double().numpy().ravel() + 0.2 * np.sin(0.7 * i + t / 150)
    return torch.from_numpy(values.astype(np.float32)).reshape(x.shape)


def variance(x, t):
    values = 0.8 * np.sin(0.3 * np.arange(x.numel()) + t / 90)
    return torch.from_numpy(values.astype(np.float32)).reshape(x.shape)


def scheduler_for(case):
    class_name, pinned = SAMPLERS[case["sampler"]]
    cls = getattr(diffusers, class_name)
    module = importlib.import_module(cls.__module__)
    if hasattr(module, "randn_tensor"):
        module.randn_tensor = fixed_noise
    schedule = case.get("schedule")
    spread = {f"use_{schedule}_sigmas": True} if schedule in ("karras", "exponential") else {}
    scheduler = cls.from_config(case["config"], **{**pinned, **case["overrides"], **spread})
    if schedule == "ays" and case["sampler"] == "euler":
        scheduler.set_timesteps(sigmas=AysSchedules["StableDiffusionSigmas"])
    elif schedule == "ays":
        scheduler.set_timesteps(timesteps=AysSchedules["StableDiffusionTimesteps"])
    else:
        scheduler.set_timesteps(case["steps"])
    return scheduler


def run(case, arrays):
    global draws
    draws = 0
    scheduler = scheduler_for(case)
    name = case["id"]
    timesteps = scheduler.timesteps
    arrays[f"{name}.timesteps"] = timesteps.numpy().astype(np.float32)
    if hasattr(scheduler, "sigmas") and case["sampler"] not in VP:
        arrays[f"{name}.last_sigma"] = np.array([float(scheduler.sigmas[-1])], np.float32)
    case["initNoiseSigma"] = float(scheduler.init_noise_sigma)
    if case.get("timestepsOnly"):
        return
    shape = (case.get("images", 1), 4, 4, 4)
    i = np.arange(np.prod(shape))
    initial = torch.from_numpy((1.3 * np.sin(1.7 * i + 0.5)).astype(np.float32)).reshape(shape)
    latents = initial * scheduler.init_noise_sigma
    count = len(timesteps)
    stored = [k for k in range(count) if k < 3 or k >= count - 2 or k % 7 == 0 or count <= 6]
    rows, denoised = [], None
    for k, t in enumerate(timesteps):
        model_input = scheduler.scale_model_input(latents, t)
        prediction = network(model_input, float(t))
        if case["overrides"].get("variance_type") == "learned_range":
            prediction = torch.cat([prediction, variance(model_input, float(t))], dim=1)
        extra = {"eta": case["eta"]} if case.get("eta") else {}
        output = scheduler.step(prediction, t, latents, **extra)
        latents = output.prev_sample
        if k == count // 2:
            denoised = getattr(output, "pred_original_sample", getattr(output, "denoised", None))
        if k in stored:
            rows.append(latents.float().numpy().ravel())
    assert np.isfinite(np.stack(rows)).all(), name
    case["draws"] = draws
    case["stored"] = stored
    arrays[f"{name}.latents"] = np.stack(rows)
    if denoised is not None:
        arrays[f"{name}.denoised"] = denoised.float().numpy().ravel()


def cases():
    def case(sampler, steps, config=SD15, overrides=None, **rest):
        return {"sampler": sampler, "steps": steps, "config": config, "overrides": overrides or {}, **rest}

    def file_of(sampler, **keys):
        return {**SD15, "_class_name": SAMPLERS[sampler][0], **keys}

    # Stable Diffusion v1.5's file, every sampler, every number of steps that it takes.
    for sampler in SAMPLERS:
        for steps in (1, 2, 3, 5, 10, 20, 50):
            # diffusers gives NaN for LMS's second derivative only where sigma is 0: never here.
            yield case(sampler, steps)
        yield case(sampler, 7)
    # Prediction types.
    for sampler in SAMPLERS:
        for prediction in ("v_prediction", "sample"):
            if prediction == "sample" and sampler in ("pndm", "euler-a", "dpm2"):
                continue  # diffusers refuses it
            for steps in (5, 20):
                yield case(sampler, steps, file_of(sampler, prediction_type=prediction))
    # Spacing.
    for sampler in SPACED:
        for spacing in ("leading", "trailing", "linspace"):
            for steps in (6, 10, 30):
                yield case(sampler, steps, overrides={"timestep_spacing": spacing})
    # Karras and exponential sigmas.
    for sampler in SPREAD:
        for schedule in ("karras", "exponential"):
            for steps in (2, 10, 25):
                yield case(sampler, steps, schedule=schedule)
    for sampler in ("euler", "dpm-solver++", "dpm-solver++-3m", "dpm-solver++-sde", "dpm-solver", "dpm-solver++-singlestep"):
        yield case(sampler, 10, schedule="ays")
    # Solver options.
    for order in (1, 2, 3):
        for sampler in ("dpm-solver", "dpm-solver++-sde", "dpm-solver-singlestep", "dpm-solver++-singlestep", "unipc", "deis"):
            for steps in (1, 2, 4, 9, 16):
                yield case(sampler, steps, overrides={"solver_order": order})
    for sampler in ("dpm-solver", "dpm-solver++", "dpm-solver++-sde", "dpm-solver-singlestep", "dpm-solver++-singlestep"):
        for order in (2,) if sampler == "dpm-solver++" else (2, 3):
            yield case(sampler, 12, overrides={"solver_type": "heun", "solver_order": order})
    for sampler in ("dpm-solver++", "dpm-solver++-3m", "dpm-solver", "dpm-solver++-sde", "unipc"):
        yield case(sampler, 10, overrides={"lower_order_final": False, "final_sigmas_type": "sigma_min"})
        yield case(sampler, 10, overrides={"lower_order_final": True, "final_sigmas_type": "sigma_min"})
    for sampler in ("dpm-solver++", "dpm-solver++-sde", "dpm-solver"):
        yield case(sampler, 16, overrides={"euler_at_final": True, "final_sigmas_type": "sigma_min"})
    yield case("dpm-solver++", 10, overrides={"lambda_min_clipped": -5.1, "beta_schedule": "squaredcos_cap_v2"})
    yield case("dpm-solver++-singlestep", 10, overrides={"lambda_min_clipped": -5.1, "beta_schedule": "squaredcos_cap_v2"})
    yield case("unipc", 10, overrides={"solver_type": "bh1", "final_sigmas_type": "sigma_min"})
    yield case("unipc", 20, overrides={"solver_type": "bh1", "solver_order": 3, "final_sigmas_type": "sigma_min"})
    yield case("unipc", 12, overrides={"predict_x0": False, "final_sigmas_type": "sigma_min"})
    yield case("unipc", 12, overrides={"predict_x0": False, "final_sigmas_type": "sigma_min", "solver_order": 3})
    yield case("unipc", 12, overrides={"disable_corrector": [0, 1, 4]})
    yield case("unipc", 12, overrides={"use_karras_sigmas": True, "final_sigmas_type": "sigma_min", "sigma_min": 0.1, "sigma_max": 10.0})
    yield case("euler", 12, overrides={"use_karras_sigmas": True, "sigma_min": 0.1, "sigma_max": 10.0})
    yield case("euler", 12, overrides={"final_sigmas_type": "sigma_min"})
    yield case("euler", 12, overrides={"interpolation_type": "log_linear"})
    yield case("euler", 8, overrides={"timestep_type": "continuous", "prediction_type": "v_prediction"})
    # DDIM-like options.
    for eta in (0.3, 1.0):
        for steps in (4, 10, 50):
            yield case("ddim", steps, eta=eta)
    yield case("ddim", 10, overrides={"prediction_type": "v_prediction"}, eta=0.5)
    for sampler in ("ddim", "pndm", "lcm"):
        for steps in (4, 10):
            yield case(sampler, steps, overrides={"set_alpha_to_one": True})
    for sampler in ("ddim", "ddpm", "lcm", "heun"):
        yield case(sampler, 10, overrides={"clip_sample": True})
        yield case(sampler, 10, overrides={"clip_sample": True, "clip_sample_range": 0.5})
    for sampler in ("ddim", "ddpm", "lcm", "dpm-solver++", "dpm-solver", "dpm-solver++-sde", "dpm-solver++-singlestep", "unipc", "deis"):
        overrides = {"thresholding": True, "sample_max_value": 1.4, "dynamic_thresholding_ratio": 0.9}
        yield case(sampler, 10, overrides=overrides, images=2)
    for kind in ("fixed_small", "fixed_small_log", "fixed_large", "learned_range"):
        yield case("ddpm", 10, overrides={"variance_type": kind})
    for steps in (6, 20):
        yield case("pndm", steps, overrides={"skip_prk_steps": False})
    yield case("pndm", 10, {key: value for key, value in SD15.items() if key != "skip_prk_steps"})
    yield case("lcm", 4, overrides={"original_inference_steps": 100, "timestep_scaling": 5.0})
    # Noise schedules.
    betas = [0.0002 + 0.0199 * (k / 999) ** 2 for k in range(1000)]
    for sampler in ("ddim", "dpm-solver++", "euler", "pndm", "unipc", "heun"):
        for schedule in ("linear", "squaredcos_cap_v2"):
            yield case(sampler, 10, overrides={"beta_schedule": schedule})
    yield case("dpm-solver++", 10, overrides={"beta_schedule": "squaredcos_cap_v2"}, schedule="karras")
    yield case("ddim", 10, {**SD15, "trained_betas": betas})
    yield case("euler", 10, {**SD15, "trained_betas": betas})
    for sampler in ("ddim", "ddpm", "dpm-solver++", "dpm-solver++-sde", "euler", "euler-a", "unipc", "lcm"):
        overrides = {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction"}
        if sampler != "lcm":
            overrides["timestep_spacing"] = "trailing"
        yield case(sampler, 10, overrides=overrides)
    # Files of other schedulers, and files that say nothing.
    saved = dict(diffusers.DPMSolverMultistepScheduler(solver_order=3, beta_schedule="scaled_linear").config)
    saved = {key: value for key, value in saved.items() if key != "lambda_min_clipped"}
    for sampler in SAMPLERS:
        yield case(sampler, 8, {})
        if "dpm-solver" not in sampler:
            yield case(sampler, 8, {**saved, "_use_default_values": list(saved["_use_default_values"])})
    yield case("ddim", 20, file_of("euler", timestep_spacing="trailing", use_karras_sigmas=True))
    yield case("euler", 20, file_of("euler", timestep_spacing="trailing", use_karras_sigmas=True))
    # The whole range of steps: timesteps only.
    for sampler in ("ddim", "dpm-solver++", "euler", "lms", "pndm", "unipc"):
        for spacing in ("leading", "trailing", "linspace"):
            for steps in (37, 333, 999, 1000):
                if spacing == "leading" and steps > 998:
                    continue  # past the trained timesteps, or all the same
                yield case(sampler, steps, overrides={"timestep_spacing": spacing}, timestepsOnly=True)


def main():
    arrays, done = {}, []
    for number, case in enumerate(cases()):
        case["id"] = f"{number:03d}"
        try:
            run(case, arrays)
        except Exception as error:  # noqa: BLE001
            print("left out:", case["id"], case["sampler"], case["steps"], case["overrides"], case.get("schedule"), repr(error)[:150])
            for key in [key for key in arrays if key.startswith(case["id"])]:
                del arrays[key]
            continue
        done.append(case)
    configs, compact = [], []
    for case in done:
        if case["config"] not in configs:
            configs.append(case["config"])
        compact.append({**case, "config": configs.index(case["config"])})
    text = {"configs": configs, "cases": compact}
    (GOLDEN / "samplers.json").write_text(json.dumps(text, separators=(",", ":")) + "\n")
    save_file(arrays, str(GOLDEN / "samplers.safetensors"))
    print(len(done), "cases,", sum(a.nbytes for a in arrays.values()), "bytes")


if __name__ == "__main__":
    main()
