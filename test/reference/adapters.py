"""Writes test/models/tiny-adapters/*.safetensors and *.pt (adapters and textual inversions with random weights for test/models/tiny-sd) and
test/golden/adapters.safetensors and .json: what diffusers draws with them.

Usage: python test/reference/adapters.py        (after make_tiny_models.py; needs peft)

LoRA under kohya's names (one rank and alpha) and under PEFT's are loaded by diffusers' load_lora_weights; DoRA, LoHa and LoKr are PEFT's
layers, the latter two written under LyCORIS' names with alphas that make PEFT's scale LyCORIS' (which ignores alpha where both factors of a
LoKr are whole). The rest is added to the weights by LyCORIS' formulas: kohya's names with ranks and alphas that differ by layer (diffusers
0.42 mixes those up, and loses half of a text encoder's layers with transformers 5), a Tucker core, full differences, norms. Textual
inversions are loaded by load_textual_inversion. Each run: DDIM, 4 steps, guidance 5, 64 x 64, one torch CPU generator.

Arrays: NAME [1, 4, 8, 8] float32, final latents. The json's cases: name, file(s), weight, prompt, negativePrompt, seed.
"""
import copy, json, os
import diffusers
import numpy as np
import peft
import torch
from safetensors.torch import save_file
from unet_halves import GOLDEN, MODELS, load_pipeline

torch.set_num_threads(1)
OUT = os.path.join(MODELS, "tiny-adapters")
PROMPT, NEGATIVE = "a photo of a red apple on a wooden table", "blurry"


def layers(module, kinds=(torch.nn.Linear, torch.nn.Conv2d)):
    return {name: m for name, m in module.named_modules() if isinstance(m, kinds)}


def kohya(name, te=False):
    if te and not name.startswith("text_model."): name = "text_model." + name
    return ("lora_te_" if te else "lora_unet_") + name.replace(".", "_")


def rand(generator, *shape, scale=1.0):
    return torch.randn(*shape, generator=generator) * scale


def lora_factors(generator, weight, rank, strength):
    out, *rest = weight.shape
    fan_in = int(np.prod(rest))
    scale = strength * weight.std().item() / rank ** 0.5
    down = rand(generator, rank, *rest, scale=scale ** 0.5 / fan_in ** 0.0)
    up = rand(generator, out, rank, *([1] * (len(rest) - 1)), scale=scale ** 0.5)
    return down, up


def is_text(name):
    return any(part in name for part in ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"))


def save(tensors, name, metadata=None):
    save_file({k: v.detach().contiguous().half() if v.is_floating_point() and v.ndim else v.detach().contiguous() for k, v in tensors.items()},
              os.path.join(OUT, name), metadata=metadata)
    print(name, os.path.getsize(os.path.join(OUT, name)))


def halved(tensor):
    return tensor.half().float()


def fresh():
    return load_pipeline(os.path.join(MODELS, "tiny-sd"))


def draw(pipe, seed, prompt=PROMPT, negative=NEGATIVE):
    pipe.scheduler = diffusers.DDIMScheduler.from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)
    return pipe(prompt, negative_prompt=negative, num_inference_steps=4, guidance_scale=5.0, width=64, height=64, output_type="latent",
                generator=torch.Generator().manual_seed(seed)).images.detach().numpy().astype(np.float32)


def add_kohya(pipe, tensors, weight):
    """W + weight · alpha / rank · up · down, layer by layer."""
    for te, module in ((False, pipe.unet), (True, pipe.text_encoder)):
        for name, m in layers(module).items():
            key = kohya(name, te)
            if f"{key}.alpha" not in tensors: continue
            up, down = halved(tensors[f"{key}.lora_up.weight"]), halved(tensors[f"{key}.lora_down.weight"])
            delta = (up.flatten(1) @ down.flatten(1)).reshape(m.weight.shape)
            m.weight += weight * tensors[f"{key}.alpha"].item() / down.shape[0] * delta


def unet_layers(unet, every=1, offset=0):
    return {n: m for i, (n, m) in enumerate(layers(unet).items()) if i % every == offset}


def main():
    os.makedirs(OUT, exist_ok=True)
    base, arrays, cases = fresh(), {}, []

    def case(name, latents, **options):
        arrays[name] = latents
        cases.append({"name": name, "prompt": PROMPT, "negativePrompt": NEGATIVE} | options)
        print(name)

    case("plain", draw(base, 1), seed=1)

    # kohya: every second layer of the UNet (linear, 1x1 and 3x3), the text encoder; ranks 1 to 4 and alphas that differ
    g, tensors = torch.Generator().manual_seed(1), {}
    for te, module in ((False, base.unet), (True, base.text_encoder)):
        for i, (name, m) in enumerate(layers(module).items()):
            if i % 2 or (te and not is_text(name)): continue
            if not te and not any(p in name for p in ("attn", "proj_in", "proj_out", "ff.net", "resnets", "samplers")): continue
            if ".conv_shortcut" in name or "time_emb_proj" in name: pass
            rank = 1 + i % 4
            down, up = lora_factors(g, m.weight, rank, 0.4)
            key = kohya(name, te)
            tensors |= {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up, f"{key}.alpha": torch.tensor(float(1 + i % 3))}
    first = tensors
    save(tensors, "kohya.safetensors", {"ss_network_module": "networks.lora"})
    for weight in (1.0, 0.6):
        pipe = fresh()
        with torch.no_grad(): add_kohya(pipe, tensors, weight)
        case(f"kohya {weight}", draw(pipe, 2), loras=[{"file": "kohya.safetensors", "weight": weight}], seed=2)

    # kohya's names by diffusers itself: one rank, one alpha, the UNet alone
    g, tensors = torch.Generator().manual_seed(2), {}
    for name, m in layers(base.unet).items():
        if "attn1" not in name and "downsamplers" not in name and "upsamplers" not in name: continue
        down, up = lora_factors(g, m.weight, 4, 0.8)
        tensors |= {f"{kohya(name)}.lora_down.weight": down, f"{kohya(name)}.lora_up.weight": up, f"{kohya(name)}.alpha": torch.tensor(2.0)}
    save(tensors, "kohya-unet.safetensors")
    pipe = fresh()
    pipe.load_lora_weights(OUT, weight_name="kohya-unet.safetensors", adapter_name="one")
    pipe.set_adapters("one", 0.8)
    case("kohya by diffusers", draw(pipe, 2), loras=[{"file": "kohya-unet.safetensors", "weight": 0.8}], seed=2)

    # PEFT's names, with alpha in the header, as diffusers saves it
    pipe = fresh()
    torch.manual_seed(3)
    pipe.unet.add_adapter(peft.LoraConfig(r=3, lora_alpha=6, init_lora_weights=False, target_modules=["to_q", "to_v", "conv1", "proj_out"],
                                          rank_pattern={"mid_block.resnets.0.conv1": 2}, alpha_pattern={"mid_block.resnets.0.conv1": 1}))
    pipe.text_encoder = peft.inject_adapter_in_model(peft.LoraConfig(r=2, lora_alpha=2, init_lora_weights=False, target_modules=["q_proj", "fc1"]), pipe.text_encoder)
    with torch.no_grad():
        for module in (pipe.unet, pipe.text_encoder):
            for n, p in module.named_parameters():
                if "lora_" in n: p.copy_(halved(p * 0.5))
    state = lambda module: peft.get_peft_model_state_dict(module)
    pipe.save_lora_weights(OUT, unet_lora_layers=state(pipe.unet), text_encoder_lora_layers=state(pipe.text_encoder), weight_name="peft.safetensors",
                           unet_lora_adapter_metadata=pipe.unet.peft_config["default"].to_dict(),
                           text_encoder_lora_adapter_metadata=pipe.text_encoder.peft_config["default"].to_dict())
    direct = draw(pipe, 3)
    pipe = fresh()
    pipe.load_lora_weights(OUT, weight_name="peft.safetensors")
    loaded = draw(pipe, 3)
    print("peft: direct against loaded", np.abs(direct - loaded).max())
    case("peft", direct, loras=[{"file": "peft.safetensors"}], seed=3)

    # DoRA: PEFT's, under its names; the same under kohya's (dora_scale); and LyCORIS' older one, with a magnitude an input channel
    pipe = fresh()
    torch.manual_seed(4)
    config = peft.LoraConfig(r=2, lora_alpha=2, use_dora=True, init_lora_weights=False, target_modules=["attn2.to_q", "attn2.to_v", "conv2"])
    model = peft.get_peft_model(pipe.unet, config)
    names, old = {}, {}
    with torch.no_grad():
        for n, p in model.named_parameters():
            if "lora_" not in n: continue
            p.copy_(halved(p * (0.3 if "magnitude" not in n else 1 + rand(g, *p.shape, scale=0.2))))
            plain = n.removeprefix("base_model.model.").replace(".default", "")
            names["unet." + plain] = p.clone()
            layer, part = plain.split(".lora_")
            part = {"A.weight": "lora_down.weight", "B.weight": "lora_up.weight", "magnitude_vector.weight": "dora_scale"}[part]
            old[f"{kohya(layer)}.{part}"] = p.clone().reshape(-1, *([1] * (1 if p.ndim == 1 else 3))) if part == "dora_scale" else p.clone()
    save(names, "dora-peft.safetensors")
    save(old, "dora.safetensors")
    latents = draw(pipe, 4)
    case("dora by PEFT", latents, loras=[{"file": "dora-peft.safetensors"}], seed=4)
    case("dora", latents, loras=[{"file": "dora.safetensors"}], seed=4)
    pipe, tensors = fresh(), {}
    with torch.no_grad():
        for name, m in layers(pipe.unet).items():
            key, w = kohya(name), m.weight
            if "attn2.to_k" not in name and "conv1" not in name: continue
            down, up = (halved(factor) for factor in lora_factors(g, w, 2, 0.5))
            merged = w + 0.5 * (up.flatten(1) @ down.flatten(1)).reshape(w.shape)
            inputs = [i for i in range(w.ndim) if i != 1]
            norm = merged.pow(2).sum(inputs, keepdim=True).sqrt()
            scale = halved(w.pow(2).sum(inputs, keepdim=True).sqrt() * (1 + rand(g, *norm.shape, scale=0.2)))
            tensors |= {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up, f"{key}.dora_scale": scale, f"{key}.alpha": torch.tensor(1.0)}
            w += 0.7 * (merged * scale / norm - w)
    save(tensors, "dora-inputs.safetensors")
    case("dora of inputs", draw(pipe, 5), loras=[{"file": "dora-inputs.safetensors", "weight": 0.7}], seed=5)

    # LoHa and LoKr by PEFT's layers
    for seed, (name, config) in enumerate({
        "loha": peft.LoHaConfig(r=2, alpha=3, init_weights=False, target_modules=["to_k", "to_out.0", "conv1", "proj_in"]),
        "loha-tucker": peft.LoHaConfig(r=2, alpha=3, init_weights=False, use_effective_conv2d=True, target_modules=["to_k", "conv2"]),
        "lokr": peft.LoKrConfig(r=2, alpha=2, init_weights=False, target_modules=["to_q", "ff.net.0.proj", "conv2"]),
        "lokr-whole": peft.LoKrConfig(r=64, alpha=64, init_weights=False, target_modules=["to_v", "conv1"]),
        "lokr-both": peft.LoKrConfig(r=1, alpha=1, init_weights=False, decompose_both=True, use_effective_conv2d=True, target_modules=["to_v", "conv1"]),
    }.items(), 10):
        pipe = fresh()
        torch.manual_seed(seed)
        model = peft.get_peft_model(pipe.unet, config)
        tensors = {}
        with torch.no_grad():
            for n, p in model.named_parameters():
                if "hada_" not in n and "lokr_" not in n: continue
                p.copy_(halved(p * {"loha": 0.9, "loha-tucker": 1.0, "lokr": 0.3, "lokr-whole": 0.3, "lokr-both": 0.6}[name]))
                layer, part = n.removeprefix("base_model.model.").removesuffix(".default").rsplit(".", 1)
                tensors[f"{kohya(layer)}.{part}"] = p.clone()
                tensors[f"{kohya(layer)}.alpha"] = torch.tensor(float(config.alpha))
        save(tensors, f"{name}.safetensors")
        case(name, draw(pipe, seed), loras=[{"file": f"{name}.safetensors"}], seed=seed)

    # a Tucker core in a LoRA, full differences of weights, biases and norms, by LyCORIS' formulas; several adapters at once
    g, tensors = torch.Generator().manual_seed(20), {}
    pipe = fresh()
    with torch.no_grad():
        for i, (name, m) in enumerate(pipe.unet.named_modules()):
            key, w = kohya(name), getattr(m, "weight", None)
            if isinstance(m, torch.nn.Conv2d) and m.kernel_size == (3, 3) and "conv1" in name:
                parts = {"lora_up.weight": rand(g, w.shape[0], 2, 1, 1, scale=0.3), "lora_mid.weight": rand(g, 2, 2, 3, 3, scale=0.3),
                         "lora_down.weight": rand(g, 2, w.shape[1], 1, 1, scale=0.3)}
                up, mid, down = (halved(p) for p in parts.values())
                w += 0.5 * torch.einsum("m n w h, i m, n j -> i j w h", mid, up.flatten(1), down.flatten(1))
                tensors |= {f"{key}.{part}": value for part, value in parts.items()} | {f"{key}.alpha": torch.tensor(1.0)}
            elif isinstance(m, (torch.nn.GroupNorm, torch.nn.LayerNorm)) and i % 3 == 0:
                parts = {"w_norm": rand(g, *w.shape, scale=0.1), "b_norm": rand(g, *w.shape, scale=0.1)}
                w += halved(parts["w_norm"])
                m.bias += halved(parts["b_norm"])
                tensors |= {f"{key}.{part}": value for part, value in parts.items()}
            elif isinstance(m, torch.nn.Linear) and name.endswith("to_out.0"):
                parts = {"diff": rand(g, *w.shape, scale=0.05), "diff_b": rand(g, *m.bias.shape, scale=0.05)}
                w += halved(parts["diff"])
                m.bias += halved(parts["diff_b"])
                tensors |= {f"{key}.{part}": value for part, value in parts.items()}
    save(tensors, "differences.safetensors")
    case("differences", draw(pipe, 20), loras=[{"file": "differences.safetensors"}], seed=20)
    with torch.no_grad(): add_kohya(pipe, first, 0.5)
    case("several", draw(pipe, 21), loras=[{"file": "differences.safetensors"}, {"file": "kohya.safetensors", "weight": 0.5}], seed=21)

    # textual inversions: A1111's two forms and diffusers'
    g = torch.Generator().manual_seed(30)
    width = base.text_encoder.config.hidden_size
    vectors = [halved(rand(g, n, width, scale=0.5)) for n in (3, 1, 2)]
    save_file({"emb_params": vectors[0]}, os.path.join(OUT, "tall-tower.safetensors"))
    save_file({"<cat-toy>": vectors[1][0]}, os.path.join(OUT, "learned.safetensors"))
    torch.save({"string_to_token": {"*": 265}, "string_to_param": {"*": torch.nn.Parameter(vectors[2])}, "name": "old", "step": 500,
                "sd_checkpoint": "abc", "sd_checkpoint_name": "tiny"}, os.path.join(OUT, "ugly.pt"))
    pipe = fresh()
    pipe.load_textual_inversion(os.path.join(OUT, "tall-tower.safetensors"), token="tall-tower")
    pipe.load_textual_inversion(os.path.join(OUT, "learned.safetensors"))
    pipe.load_textual_inversion(os.path.join(OUT, "ugly.pt"), token="ugly")
    files = [{"file": "tall-tower.safetensors"}, {"file": "learned.safetensors"}, {"file": "ugly.pt"}]
    for seed, (prompt, negative) in enumerate([
        ("a photo of a tall-tower, <cat-toy> on a table", "ugly, blurry"),
        ("<cat-toy> tall-tower <cat-toy>", ""),
    ], 30):
        case(f"embeddings {seed}", draw(pipe, seed, prompt, negative), prompt=prompt, negativePrompt=negative, embeddings=files, seed=seed)

    np_save = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
    from safetensors.numpy import save_file as save_numpy
    save_numpy(np_save, os.path.join(GOLDEN, "adapters.safetensors"))
    with open(os.path.join(GOLDEN, "adapters.json"), "w") as f:
        json.dump({"steps": 4, "guidanceScale": 5.0, "width": 64, "height": 64, "cases": cases}, f, indent="\t")
        f.write("\n")


main()
