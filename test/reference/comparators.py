"""Writes test/golden/comparators.safetensors and .json: T-GATE and ToMe over diffusers' UNet and schedulers.

Usage: python test/reference/comparators.py        (after make_tiny_models.py; needs tomesd)

Prompt, noise, schedulers, guidance, propagation as in propagation.py. i counts evaluations.

T-GATE (Zhang et al. 2024, arXiv 2404.02747v1), gate step G: evaluations i < G run with guidance, [negative, positive]. At i = G - 1 the output of each attn2
(its linear output layer included) is kept, the mean of the negative and the positive half; without guidance as it is. At i >= G the positive half runs
alone, is the prediction, and each attn2 gives what was kept. (HaozheLiu-ST/T-GATE, tgate_utils.py: tgate_scheduler and tgate_processor with keep_shape
False at G - 1; its self-attention caching is of the second version of the paper and left out.) Written here with forward hooks.

ToMe (Bolya and Hoffman 2023): tomesd itself, apply_patch(pipe, ratio) with its defaults (max_downsample 1, sx = sy = 2, use_rand, attention alone), with its generator
seeded anew, manual_seed(seed + i), before each transformer block, so that the blocks of evaluation i all draw the same target in each 2 x 2 square. With
`keySteps` off the key steps the decoder half runs alone on kept features (propagation.py), merged alike.
Who is merged into whom is a choice: where two similarities are all but equal it hangs on rounding, and the latents jump (by 4e-4 in tome-ddim-0.5 with seed 0, where torch
in float32 and in float64 choose differently). Cases whose float64 run is another are refused.

Arrays: NAME, the final latents. The json's cases: model, sampler, steps, guidanceScale, width, height (pixels), seeds (one an image), and `tgate` {gateStep} or
`tome` {ratio, seed}, keySteps. errorToPlain: relative L2 distance of the final latents to plain sampling's, for information.
"""
import json, os
import numpy as np
import tomesd
import torch
from safetensors.numpy import save_file
from propagation import NEGATIVE, PAPER_20, PROMPT, SAMPLERS, scheduler_for, unit_noise
from unet_halves import GOLDEN, MODELS, decoder, encoder, load_pipeline


def start(pipe, case, text):
    scheduler = scheduler_for(pipe, case["sampler"], case["steps"])
    positive, negative = (t.repeat(len(case["seeds"]), 1, 1) for t in text)
    return scheduler, positive, negative, unit_noise(case) * scheduler.init_noise_sigma


def guide(prediction, scale):
    u, c = prediction.chunk(2)
    return u + scale * (c - u)


def tgate(pipe, case, text):
    scheduler, positive, negative, x = start(pipe, case, text)
    scale, gate, kept = case["guidanceScale"], case["tgate"]["gateStep"], {}
    guided, i = scale > 1, 0

    def hook(name):
        def forward_hook(module, inputs, output):
            if i == gate - 1: kept[name] = sum(output.chunk(2)) / 2 if guided else output
            return kept[name] if i >= gate else output
        return forward_hook

    hooks = [m.register_forward_hook(hook(n)) for n, m in pipe.unet.named_modules() if n.endswith(".attn2")]
    for i, t in enumerate(scheduler.timesteps):
        if guided and i < gate:
            prediction = guide(pipe.unet(scheduler.scale_model_input(torch.cat([x, x]), t), t, torch.cat([negative, positive])).sample, scale)
        else: prediction = pipe.unet(scheduler.scale_model_input(x, t), t, positive).sample
        x = scheduler.step(prediction, t, x, return_dict=False)[0]
    for h in hooks: h.remove()
    assert len(kept) == len(hooks) > 0
    return x


def tome(pipe, case, text):
    scheduler, positive, negative, x = start(pipe, case, text)
    scale, states = case["guidanceScale"], torch.cat([negative, positive]) if case["guidanceScale"] > 1 else positive
    tomesd.apply_patch(pipe, ratio=case["tome"]["ratio"])
    info, generator, i = pipe.unet._tome_info, torch.Generator(), 0
    info["args"]["generator"], info["size"] = generator, tuple(x.shape[2:])
    blocks = [m for m in pipe.unet.modules() if type(m).__name__ == "ToMeBlock"]

    def reseed(*_): generator.manual_seed(case["tome"]["seed"] + i)

    hooks = [m.register_forward_pre_hook(reseed) for m in blocks]
    for i, t in enumerate(scheduler.timesteps):
        model_input = scheduler.scale_model_input(torch.cat([x, x]) if scale > 1 else x, t)
        if i in case.get("keySteps", [i]): features = encoder(pipe.unet, model_input, t, states)
        prediction = decoder(pipe.unet, *features, t, states)[0]
        x = scheduler.step(guide(prediction, scale) if scale > 1 else prediction, t, x, return_dict=False)[0]
    for h in hooks: h.remove()
    tomesd.remove_patch(pipe)
    assert len(blocks) > 0
    return x


def check_ties(pipe, case, text, latents):
    pipe.unet.double()
    torch.set_default_dtype(torch.float64)
    torch_randn, torch.randn = torch.randn, lambda *size, **options: torch_randn(*size, **options, dtype=torch.float32).double()
    exact = tome(pipe, case, [t.double() for t in text])
    torch.randn = torch_randn
    torch.set_default_dtype(torch.float32)
    pipe.unet.float()
    error = ((latents - exact).norm() / exact.norm()).item()
    assert error < 1e-5, (case["name"], error, "take another seed")


CASES = [  # name, model, sampler, steps, guidance, (height, width), seeds, what
    ("tgate-ddim-4", "tiny-sd", "ddim", 10, 7.5, (128, 128), [0], {"tgate": {"gateStep": 4}}),
    ("tgate-ddim-7", "tiny-sd", "ddim", 10, 7.5, (128, 128), [0], {"tgate": {"gateStep": 7}}),
    ("tgate-dpm-8", "tiny-sd", "dpm-solver++", 20, 7.5, (128, 128), [0], {"tgate": {"gateStep": 8}}),
    ("tgate-dpm-1", "tiny-sd", "dpm-solver++", 10, 7.5, (96, 160), [3], {"tgate": {"gateStep": 1}}),
    ("tgate-unguided", "tiny-sd", "ddim", 10, 1.0, (128, 128), [0], {"tgate": {"gateStep": 4}}),
    ("tgate-two-images", "tiny-sd", "ddim", 10, 7.5, (96, 160), [3, 4], {"tgate": {"gateStep": 5}}),
    ("tgate-v", "tiny-sd2", "dpm-solver++", 10, 7.5, (128, 128), [0], {"tgate": {"gateStep": 4}}),
    ("tome-ddim-0.5", "tiny-sd", "ddim", 10, 7.5, (128, 128), [0], {"tome": {"ratio": 0.5, "seed": 1}}),
    ("tome-ddim-0.25", "tiny-sd", "ddim", 10, 7.5, (128, 128), [0], {"tome": {"ratio": 0.25, "seed": 0}}),
    ("tome-dpm-0.5", "tiny-sd", "dpm-solver++", 20, 7.5, (128, 128), [0], {"tome": {"ratio": 0.5, "seed": 100}}),
    ("tome-dpm-0.75", "tiny-sd", "dpm-solver++", 10, 7.5, (96, 160), [3], {"tome": {"ratio": 0.75, "seed": 7}}),
    ("tome-odd", "tiny-sd", "ddim", 10, 7.5, (72, 104), [0], {"tome": {"ratio": 0.6, "seed": 0}}),
    ("tome-two-images", "tiny-sd", "ddim", 10, 1.0, (96, 160), [3, 4], {"tome": {"ratio": 0.4, "seed": 0}}),
    ("tome-v", "tiny-sd2", "dpm-solver++", 10, 7.5, (128, 128), [0], {"tome": {"ratio": 0.5, "seed": 0}}),
    ("tome-propagated", "tiny-sd", "ddim", 20, 7.5, (128, 128), [0], {"tome": {"ratio": 0.5, "seed": 0}, "keySteps": PAPER_20}),
]


def main():
    pipes, texts, out, table, plain = {}, {}, {}, [], {}
    for model in ("tiny-sd", "tiny-sd2"):
        pipe = pipes[model] = load_pipeline(os.path.join(MODELS, model))
        pipe.original_scheduler = pipe.scheduler
        texts[model] = pipe.encode_prompt(PROMPT, "cpu", 1, True, NEGATIVE)
    for name, model, sampler, steps, guidance, (height, width), seeds, what in CASES:
        case = {"name": name, "model": model, "sampler": sampler, "steps": steps, "guidanceScale": guidance, "width": width, "height": height, "seeds": seeds, **what}
        run = tgate if "tgate" in case else tome
        out[name] = run(pipes[model], case, texts[model])
        if run is tome: check_ties(pipes[model], case, texts[model], out[name])
        key = (model, sampler, steps, guidance, height, tuple(seeds))
        if key not in plain: plain[key] = tgate(pipes[model], {**case, "tgate": {"gateStep": steps}}, texts[model])
        case["errorToPlain"] = round(((out[name] - plain[key]).norm() / plain[key].norm()).item(), 4)
        table.append(case)
        print(f"{name}: std {out[name].std().item():.3f}, to plain {case['errorToPlain']}", flush=True)
    out = {k: np.ascontiguousarray(v.numpy()) for k, v in out.items()}
    file = os.path.join(GOLDEN, "comparators.safetensors")
    save_file(out, file, metadata={"made_by": "test/reference/comparators.py"})
    os.chmod(file, 0o644)
    with open(os.path.join(GOLDEN, "comparators.json"), "w") as f:
        f.write(json.dumps({"prompt": PROMPT, "negativePrompt": NEGATIVE}, indent=0)[:-2] + ',\n"cases": [\n' + ",\n".join(json.dumps(c) for c in table) + "\n]}\n")
    print(len(table), "cases,", os.path.getsize(file), "bytes")


if __name__ == "__main__": main()
