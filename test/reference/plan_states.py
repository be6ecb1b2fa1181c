"""Writes test/golden/plan-states.safetensors and .json: plans with more than two states, over diffusers' UNet and schedulers.

Usage: python test/reference/plan_states.py        (after make_tiny_models.py)

A plan names a state for each evaluation i (t_i = scheduler.timesteps[i], x = scaled latents), an extrapolation order E in {0, 1, 2} and an axis:

  a_i = t_i                                    ("timestep")
  a_i = ln(abar_i / (1 - abar_i))              ("log-snr"; abar_i = alphas_cumprod[t_i]; = -2 ln sigma_i)

Names as in unet_halves.py: S skip features; up layer u joins skip S-1-u; deep_d enters up layer S-d. Kept between steps, for the unconditional
and the conditional half alike:
  F   encoder features (skip 0 .. S-1, mid) of every `full` step, with its a
  D_d deep_d, for every d, of the latest step that ran the whole decoder half (`full` or `decoder`), as they were in that very pass;
      `outer` steps leave D as it was
  P   the prediction (after guidance) of every step that ran any part of the network (all but `nothing`), with its a
  O   the estimate of the clean latents, by predictions' type, of every step whose network saw x (`full`, `outer:d`), with its a:
      from epsilon (x - sigma P) / alpha, from v alpha x - sigma P;  alpha^2 = abar, sigma^2 = 1 - abar

lagrange(samples, k, a): through the last n = min(k + 1, number of samples) samples (a_1, v_1) .. (a_n, v_n):
  sum_m v_m prod_{l != m} (a - a_l) / (a_m - a_l);          k = 0 gives the newest v itself.

  full             features = encoder(x, t_i), kept in F; prediction = decoder(features, t_i)
  decoder          features = lagrange(F, E, a_i), each skip feature and mid by itself; prediction = decoder(features, t_i)
  outer:d          skips 0 .. d-1 computed afresh from x at t_i (conv_in and the first d-1 down layers: DeepCache);
                   prediction = the d outermost up layers on D_d and these skips, at t_i
  outer:d:kept     the same with skips 0 .. d-1 = lagrange(F, E, a_i): x is not seen. D_d is repeated, never extrapolated
  nothing:k        prediction = lagrange(P, k, a_i), k the state's own order, on the plan's axis
  nothing:k:denoised   o = lagrange(O, k, a_i); the prediction that estimates o at this step's own x: (x - alpha o) / sigma, or as v
                   alpha (x - alpha o) / sigma - sigma o

Then as ever: noise injection, scheduler.step. Guidance, latents and injection are as in propagation.py, whose formulas hold.

Checked here: `outer:d` on a step's own deep feature equals unet.forward, a plan of `full` and `decoder` alone equals propagation.py.
Arrays: noise/SEED/HxW, text/MODEL/positive and negative as in propagation.py; NAME: final latents; NAME/predictions [evaluations, images, 4, h, w]
(guided) for some. The json's cases are those of propagation.json with `states` (one word an evaluation) and `extrapolation` {order, over}
in place of keySteps and plan; errorToPlain is the relative L2 distance of the final latents to plain sampling's, for information.
"""
import json, os
import numpy as np
import torch
from safetensors.numpy import save_file
from propagation import NEGATIVE, PAPER_20, PROMPT, SAMPLERS, run as run_two_states, scheduler_for, unit_noise
from unet_halves import GOLDEN, MODELS, decoder, encoder, load_pipeline, outer, shallow


def lagrange(samples, k, a):
    used = samples[-(k + 1):]
    if len(used) == 1: return used[0][1]
    total = 0
    for m, (own, value) in enumerate(used):
        weight = 1.0
        for l, (other, _) in enumerate(used):
            if l != m: weight *= (a - other) / (own - other)
        total = total + weight * value
    return total


def run(pipe, case, text):
    unet, scheduler = pipe.unet, scheduler_for(pipe, case["sampler"], case["steps"])
    order, over = case["extrapolation"]["order"], case["extrapolation"]["over"]
    scale, alpha, until = case["guidanceScale"], case["injection"]["alpha"], case["injection"]["until"]
    positive, negative = (t.repeat(len(case["seeds"]), 1, 1) for t in text)
    states = torch.cat([negative, positive]) if scale > 1 else positive
    unit = unit_noise(case)
    x, F, D, P, O, predictions = unit * scheduler.init_noise_sigma, [], {}, [], [], []
    velocity = scheduler.config.prediction_type == "v_prediction"
    for i, (t, word) in enumerate(zip(scheduler.timesteps, case["states"], strict=True)):
        abar = float(scheduler.alphas_cumprod.double()[int(t)])
        a = float(t) if over == "timestep" else float(np.log(abar / (1 - abar)))
        model_input = scheduler.scale_model_input(torch.cat([x, x]) if scale > 1 else x, t)
        kind, *rest = word.split(":")
        features = lambda: [lagrange([(b, f[n]) for b, f in F], order, a) for n in range(len(F[0][1]))]
        if kind == "full":
            skips, mid = encoder(unet, model_input, t, states)
            F.append((a, [*skips, mid]))
            raw, D = decoder(unet, skips, mid, t, states)
            for d in (1, 2, len(skips) - 1):
                assert torch.equal(outer(unet, shallow(unet, model_input, t, states, d), D[d], t, states, d), raw)
        elif kind == "decoder":
            *skips, mid = features()
            raw, D = decoder(unet, skips, mid, t, states)
        elif kind == "outer":
            d = int(rest[0])
            skips = features()[:d] if rest[1:] == ["kept"] else shallow(unet, model_input, t, states, d)
            raw = outer(unet, skips, D[d], t, states, d)
        else: raw = None
        alpha_t, sigma_t = abar ** 0.5, (1 - abar) ** 0.5
        if raw is None and rest[1:] == ["denoised"]:
            o = lagrange(O, int(rest[0]), a)
            noise = (x - alpha_t * o) / sigma_t
            prediction = alpha_t * noise - sigma_t * o if velocity else noise
        elif raw is None: prediction = lagrange(P, int(rest[0]), a)
        else:
            if scale > 1:
                u, c = raw.chunk(2)
                prediction = u + scale * (c - u)
            else: prediction = raw
            P.append((a, prediction))
            if kind == "full" or kind == "outer" and rest[1:] != ["kept"]:
                O.append((a, alpha_t * x - sigma_t * prediction if velocity else (x - sigma_t * prediction) / alpha_t))
        predictions.append(prediction)
        if float(t) / 1000 < until: x = x + alpha * unit
        x = scheduler.step(prediction, t, x, return_dict=False)[0]
    return x, torch.stack(predictions)


def every(period, between, steps=20):
    """full at each multiple of period, the words of `between` in turn in the steps after it."""
    return ["full" if i % period == 0 else between[(i % period - 1) % len(between)] for i in range(steps)]


def keyed(keys, between, steps=20):
    return ["full" if i in keys else between for i in range(steps)]


EVEN = [0, 1, 3, 5, 7, 9, 12, 15, 18]
MIXED = ["full", "full", "decoder", "outer:3", "full", "decoder", "outer:2:kept", "nothing:1", "outer:6", "full", "decoder", "decoder", "nothing:0",
         "outer:1", "full", "outer:4:kept", "outer:5", "nothing:2", "decoder", "nothing:1"]
CASES = [  # name, model, sampler, states, (order, axis), injection alpha, guidance, (height, width), seeds, keep predictions
    ("two-states", "tiny-sd", "ddim", keyed(PAPER_20, "decoder"), (0, "timestep"), 0.003, 7.5, (128, 128), [0], False),
    ("deepcache-5-3", "tiny-sd", "ddim", every(5, ["outer:3"]), (0, "timestep"), 0.0, 7.5, (128, 128), [0], True),
    ("deepcache-2-1", "tiny-sd", "dpm-solver++", every(2, ["outer:1"]), (0, "timestep"), 0.0, 7.5, (96, 160), [0], False),
    ("deepcache-3-4", "tiny-sd", "dpm-solver++", every(3, ["outer:4"]), (0, "timestep"), 0.003, 7.5, (128, 128), [0], False),
    ("deepcache-4-11", "tiny-sd", "ddim", every(4, ["outer:11"]), (0, "timestep"), 0.0, 1.0, (96, 160), [0], False),
    ("outer-kept", "tiny-sd", "ddim", every(4, ["outer:3:kept", "outer:7:kept"]), (0, "timestep"), 0.0, 7.5, (128, 128), [0], False),
    ("outer-kept-order1", "tiny-sd", "dpm-solver++", every(2, ["outer:5:kept"]), (1, "timestep"), 0.0, 7.5, (128, 128), [0], False),
    ("outer-after-decoder", "tiny-sd", "ddim", every(5, ["decoder", "outer:3", "outer:6", "decoder"]), (0, "timestep"), 0.003, 7.5, (128, 128), [0], False),
    ("nothing-0", "tiny-sd", "ddim", every(2, ["nothing:0"]), (0, "timestep"), 0.0, 7.5, (128, 128), [0], False),
    ("nothing-1-timestep", "tiny-sd", "ddim", every(3, ["decoder", "nothing:1"]), (0, "timestep"), 0.0, 7.5, (128, 128), [0], False),
    ("nothing-2-logsnr", "tiny-sd", "dpm-solver++", every(3, ["nothing:2", "nothing:1"]), (0, "log-snr"), 0.003, 7.5, (128, 128), [0], False),
    ("features-1-timestep", "tiny-sd", "ddim", keyed(PAPER_20, "decoder"), (1, "timestep"), 0.0, 7.5, (128, 128), [0], True),
    ("features-1-logsnr", "tiny-sd", "dpm-solver++", keyed(PAPER_20, "decoder"), (1, "log-snr"), 0.003, 7.5, (128, 128), [0], False),
    ("features-2-timestep", "tiny-sd", "dpm-solver++", keyed(EVEN, "decoder"), (2, "timestep"), 0.0, 7.5, (128, 128), [0], False),
    ("features-2-logsnr", "tiny-sd", "ddim", keyed(EVEN, "decoder"), (2, "log-snr"), 0.0, 1.0, (96, 160), [0], False),
    ("mixed", "tiny-sd", "ddim", MIXED, (1, "timestep"), 0.003, 7.5, (96, 160), [3, 4], True),
    ("mixed-dpm", "tiny-sd", "dpm-solver++", MIXED, (1, "log-snr"), 0.003, 7.5, (128, 128), [0], False),
    ("denoised-0", "tiny-sd", "ddim", every(2, ["nothing:0:denoised"]), (0, "timestep"), 0.0, 7.5, (128, 128), [0], False),
    ("denoised-1-logsnr", "tiny-sd", "dpm-solver++", every(2, ["nothing:1:denoised"]), (0, "log-snr"), 0.003, 7.5, (96, 160), [3, 4], True),
    ("denoised-2-mixed", "tiny-sd", "dpm-solver++", every(5, ["nothing:2:denoised", "outer:3", "nothing:2:denoised", "decoder"]), (1, "timestep"), 0.0, 7.5, (128, 128), [0], False),
    ("v-denoised-1", "tiny-sd2", "ddim", every(3, ["nothing:1:denoised", "decoder"]), (0, "log-snr"), 0.0, 7.5, (128, 128), [0], False),
    ("v-deepcache-4-2", "tiny-sd2", "ddim", every(4, ["outer:2"]), (0, "timestep"), 0.003, 7.5, (128, 128), [0], False),
    ("v-mixed", "tiny-sd2", "dpm-solver++", MIXED, (1, "log-snr"), 0.0, 7.5, (96, 160), [0], False),
]


def main():
    pipes, texts, out, table, plain = {}, {}, {}, [], {}
    for model in ("tiny-sd", "tiny-sd2"):
        pipe = pipes[model] = load_pipeline(os.path.join(MODELS, model))
        pipe.original_scheduler = pipe.scheduler
        texts[model] = pipe.encode_prompt(PROMPT, "cpu", 1, True, NEGATIVE)
        out |= {f"text/{model}/positive": texts[model][0], f"text/{model}/negative": texts[model][1]}
    for name, model, sampler, states, (order, over), alpha, guidance, (height, width), seeds, keep in CASES:
        if model == "tiny-sd2": states = [s.replace("outer:6", "outer:5").replace("outer:7", "outer:5") for s in states]  # it has six
        case = {"name": name, "model": model, "sampler": sampler, "scheduler": SAMPLERS[sampler][0], "options": SAMPLERS[sampler][1],
                "steps": len(states), "states": states, "extrapolation": {"order": order, "over": over}, "injection": {"alpha": alpha, "until": 0.5},
                "guidanceScale": guidance, "width": width, "height": height, "seeds": seeds, "predictions": keep}
        out[name], predictions = run(pipes[model], case, texts[model])
        if keep: out[f"{name}/predictions"] = predictions
        for seed in seeds: out[f"noise/{seed}/{height}x{width}"] = unit_noise({**case, "seeds": [seed]})
        if name == "two-states":
            assert torch.equal(out[name], run_two_states(pipes[model], {**case, "keySteps": PAPER_20}, texts[model])[0])
        key = (model, sampler, guidance, height, tuple(seeds))
        if key not in plain: plain[key] = run(pipes[model], {**case, "states": ["full"] * 20, "injection": {"alpha": 0, "until": 0}}, texts[model])[0]
        case["errorToPlain"] = round(((out[name] - plain[key]).norm() / plain[key].norm()).item(), 4)
        table.append(case)
        print(f"{name}: std {out[name].std().item():.3f}, to plain {case['errorToPlain']}", flush=True)
    out = {k: np.ascontiguousarray(v.numpy()) for k, v in out.items()}
    file = os.path.join(GOLDEN, "plan-states.safetensors")
    save_file(out, file, metadata={"made_by": "test/reference/plan_states.py"})
    os.chmod(file, 0o644)
    with open(os.path.join(GOLDEN, "plan-states.json"), "w") as f:
        f.write(json.dumps({"prompt": PROMPT, "negativePrompt": NEGATIVE}, indent=0)[:-2] + ',\n"cases": [\n' + ",\n".join(json.dumps(c) for c in table) + "\n]}\n")
    print(len(table), "cases,", os.path.getsize(file), "bytes")


if __name__ == "__main__": main()
