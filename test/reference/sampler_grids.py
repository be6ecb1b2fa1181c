"""Reference trajectories of diffusers' schedulers on given timesteps and sigmas, started late, and of TCD and few steps.

Network, noise and initial latents are those of samplers.py, which this imports. Three kinds of cases:
- `times` or `sigmas`: set_timesteps(timesteps=...) or (sigmas=...), for the schedulers that take them;
- `from`: begun at that index as image-to-image pipelines do: set_begin_index where there is one, latents by add_noise from
  clean latents 0.8 sin(0.9 i + 0.2) and the noise 1.1 sin(2.3 i + 1);
- TCD over gammas, and trailing spacing with few steps (SD-Turbo's own scheduler_config.json).

LMS is not begun late: diffusers 0.42 then takes the weights of an order that it has no derivatives for.
Writes test/golden/sampler_grids.json and test/golden/sampler_grids.safetensors. Deterministic; takes seconds.

Usage: python test/reference/sampler_grids.py      (torch 2.9, diffusers 0.42, numpy, scipy, safetensors)
"""

import importlib
import json

import diffusers
import numpy as np
import samplers
import torch
from safetensors.numpy import save_file
from samplers import GOLDEN, SAMPLERS, SD15

SAMPLERS["tcd"] = ("TCDScheduler", {})
TURBO = {
    "_class_name": "EulerDiscreteScheduler",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "interpolation_type": "linear",
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "timestep_spacing": "trailing",
    "trained_betas": None,
    "use_karras_sigmas": False,
}
GRIDS = (
    [999, 850, 736, 645, 545, 455, 343, 233, 124, 24],
    [981, 700, 500, 200],
    [999, 970, 900, 500, 20, 3],
    [999],
    [999, 947, 894, 842, 790, 737, 685, 632, 580, 527, 475, 422, 370, 317, 265, 212, 160, 107, 55, 2],
)
FRACTIONAL = [998.5, 801.25, 640.75, 333.3, 150.6, 42.1, 7.7]
SIGMAS = [14.0, 9.5, 6.1, 3.3, 1.7, 0.8, 0.31, 0.11, 0.04]


def wave(count, amplitude, frequency, phase):
    return (amplitude * np.sin(frequency * np.arange(count) + phase)).astype(np.float32)


def run(case, arrays):
    samplers.draws = 0
    class_name, pinned = SAMPLERS[case["sampler"]]
    cls = getattr(diffusers, class_name)
    module = importlib.import_module(cls.__module__)
    if hasattr(module, "randn_tensor"):
        module.randn_tensor = samplers.fixed_noise
    scheduler = cls.from_config(case["config"], **{**pinned, **case["overrides"]})
    if "times" in case:
        scheduler.set_timesteps(timesteps=case["times"])
    elif "sigmas" in case:
        scheduler.set_timesteps(sigmas=[*case["sigmas"], 0.0])
    else:
        scheduler.set_timesteps(case["steps"])
    begin = case.get("from", 0)
    timesteps = scheduler.timesteps[begin:]
    shape = (1, 4, 4, 4)
    if begin:
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(begin)
        clean = torch.from_numpy(wave(64, 0.8, 0.9, 0.2)).reshape(shape)
        noise = torch.from_numpy(wave(64, 1.1, 2.3, 1.0)).reshape(shape)
        latents = scheduler.add_noise(clean, noise, timesteps[:1])
        arrays[f"{case['id']}.noised"] = latents.numpy().ravel()
    else:
        latents = torch.from_numpy(wave(64, 1.3, 1.7, 0.5)).reshape(shape) * scheduler.init_noise_sigma
    rows = []
    for t in timesteps:
        prediction = samplers.network(scheduler.scale_model_input(latents, t), float(t))
        extra = {"eta": case["eta"]} if "eta" in case else {}
        latents = scheduler.step(prediction, t, latents, **extra).prev_sample
        rows.append(latents.float().numpy().ravel())
    count = len(rows)
    case["stored"] = [k for k in range(count) if k < 3 or k >= count - 2]
    case["draws"] = samplers.draws
    arrays[f"{case['id']}.timesteps"] = timesteps.numpy().astype(np.float32)
    arrays[f"{case['id']}.latents"] = np.stack([rows[k] for k in case["stored"]])
    assert np.isfinite(arrays[f"{case['id']}.latents"]).all(), case


def cases():
    def case(sampler, config=SD15, overrides=None, **rest):
        return {"sampler": sampler, "config": config, "overrides": overrides or {}, **rest}

    takes_timesteps = [name for name in SAMPLERS if name.startswith("dpm-solver")]
    for sampler in [*takes_timesteps, "ddpm", "euler", "heun", "lcm", "tcd"]:
        for times in GRIDS:
            yield case(sampler, times=times)
        yield case(sampler, {**SD15, "prediction_type": "v_prediction"}, times=GRIDS[0])
    for sampler in ("euler", "heun"):
        yield case(sampler, times=FRACTIONAL)
    yield case("euler", sigmas=SIGMAS)
    yield case("euler", {**SD15, "prediction_type": "v_prediction"}, sigmas=SIGMAS)
    for sampler in SAMPLERS:
        if sampler != "lms":
            for steps, step in ((10, 1), (10, 3), (10, 7), (25, 20)):
                begin = step * (2 if sampler in ("heun", "dpm2") else 1)
                yield case(sampler, steps=steps, **{"from": begin})
    for gamma in (0.0, 0.15, 0.3, 0.5, 0.75, 1.0):
        for steps in (1, 2, 4, 7, 50):
            yield case("tcd", steps=steps, eta=gamma)
    for prediction in ("v_prediction", "sample"):
        yield case("tcd", {**SD15, "prediction_type": prediction}, steps=4, eta=0.3)
    yield case("tcd", {}, steps=4)
    yield case("tcd", overrides={"original_inference_steps": 100}, steps=8, eta=0.3)
    zero_snr = {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction"}
    yield case("tcd", overrides=zero_snr, steps=5, eta=0.3)
    for sampler in ("euler", "euler-a", "lcm", "tcd", "ddim", "dpm-solver++"):
        for steps in (1, 2, 4):
            yield case(sampler, TURBO, steps=steps)


def main():
    arrays, done, configs = {}, [], []
    for number, case in enumerate(cases()):
        case["id"] = f"{number:03d}"
        run(case, arrays)
        if case["config"] not in configs:
            configs.append(case["config"])
        done.append({**case, "config": configs.index(case["config"])})
    text = {"configs": configs, "cases": done}
    (GOLDEN / "sampler_grids.json").write_text(json.dumps(text, separators=(",", ":")) + "\n")
    save_file(arrays, str(GOLDEN / "sampler_grids.safetensors"))
    print(len(done), "cases,", sum(a.nbytes for a in arrays.values()), "bytes")


if __name__ == "__main__":
    main()
