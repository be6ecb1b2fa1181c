"""Writes test/models/tiny-sd.single.safetensors and tiny-sd2.single.safetensors: the tiny models as one fp16 file in the original (CompVis) naming.

Usage: python test/reference/make_single_file.py        (after make_tiny_models.py)

The names are diffusers' own conversion (loaders/single_file_utils.py) turned round; checked by loading the file with
StableDiffusionPipeline.from_single_file and comparing every tensor with the folder's. As in files found in the wild there are tensors that
no network wants: the training schedule (`alphas_cumprod`, `betas`), `model_ema.num_updates`, `position_ids`, and for 2.x OpenCLIP's last layer
(not used: the text states are those of the last layer but one), `logit_scale` and `text_projection`. The VAE's attention weights are 1x1
convolutions [c, c, 1, 1]; OpenCLIP's q, k, v are rows of one `in_proj_weight` [3c, c].
"""
import os, re, sys
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextModel

torch.set_num_threads(1)
MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "models")


def replace(key, pairs):
    for new, old in pairs: key = key.replace(new, old)
    return key


def unet_name(key, layers, levels):
    resnet = (("norm1.", "in_layers.0."), ("conv1.", "in_layers.2."), ("time_emb_proj.", "emb_layers.1."), ("norm2.", "out_layers.0."),
              ("conv2.", "out_layers.3."), ("conv_shortcut.", "skip_connection."))
    whole = (("conv_in.", "input_blocks.0.0."), ("time_embedding.linear_1.", "time_embed.0."), ("time_embedding.linear_2.", "time_embed.2."),
             ("conv_norm_out.", "out.0."), ("conv_out.", "out.2."))
    for new, old in whole:
        if key.startswith(new): return key.replace(new, old)
    if m := re.match(r"mid_block\.(resnets|attentions)\.(\d)\.(.*)", key):
        kind, i, rest = m.groups()
        return f"middle_block.{2 * int(i)}.{replace(rest, resnet)}" if kind == "resnets" else f"middle_block.1.{rest}"
    way, block, kind, i, rest = re.match(r"(down|up)_blocks\.(\d)\.(\w+)\.(\d)\.(.*)", key).groups()
    block, i, period = int(block), int(i), layers + 1
    if way == "down":
        n = 1 + period * block + i
        if kind == "downsamplers": return f"input_blocks.{period * (block + 1)}.0.{rest.replace('conv.', 'op.')}"
        return f"input_blocks.{n}.0.{replace(rest, resnet)}" if kind == "resnets" else f"input_blocks.{n}.1.{rest}"
    n = period * block + i
    if kind == "upsamplers": return f"output_blocks.{period * block + layers}.{1 if block == 0 else 2}.{rest}"  # block 0 has no attention
    return f"output_blocks.{n}.0.{replace(rest, resnet)}" if kind == "resnets" else f"output_blocks.{n}.1.{rest}"


def vae_name(key, levels):
    if not key.startswith(("encoder.", "decoder.")): return key  # quant_conv, post_quant_conv
    key = re.sub(r"up_blocks\.(\d)", lambda m: f"up.{levels - 1 - int(m[1])}", key)
    key = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", key)
    return replace(key, (("down_blocks.", "down."), (".resnets.", ".block."), ("downsamplers.0.", "downsample."), ("upsamplers.0.", "upsample."),
                         ("mid_block.attentions.0.", "mid.attn_1."), ("group_norm.", "norm."), ("to_q.", "q."), ("to_k.", "k."), ("to_v.", "v."),
                         ("to_out.0.", "proj_out."), ("conv_shortcut.", "nin_shortcut."), ("conv_norm_out.", "norm_out.")))


def clip(weights):
    prefix = lambda k: k if k.startswith("text_model.") else "text_model." + k
    out = {"cond_stage_model.transformer." + prefix(k): v for k, v in weights.items()}
    out["cond_stage_model.transformer.text_model.embeddings.position_ids"] = torch.arange(77)[None]
    return out


def open_clip(weights, layers):
    g, out = torch.Generator().manual_seed(31), {}
    weights = {k.removeprefix("text_model."): v for k, v in weights.items()}
    names = (("encoder.layers.", "transformer.resblocks."), ("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"), (".fc1.", ".c_fc."), (".fc2.", ".c_proj."),
             (".self_attn.", ".attn."), ("final_layer_norm.", "ln_final."), ("embeddings.token_embedding.", "token_embedding."),
             ("embeddings.position_embedding.weight", "positional_embedding"))
    for key, value in weights.items():
        if "_proj." in key and "out_proj" not in key: continue
        out["cond_stage_model.model." + replace(key, names)] = value
    for layer in range(layers):
        for kind in ("weight", "bias"):
            parts = [weights[f"encoder.layers.{layer}.self_attn.{p}_proj.{kind}"] for p in "qkv"]
            out[f"cond_stage_model.model.transformer.resblocks.{layer}.attn.in_proj_{kind}"] = torch.cat(parts)
    for key in [k for k in out if f"resblocks.{layers - 1}." in k]:  # the layer that is never run
        out[key.replace(f"resblocks.{layers - 1}.", f"resblocks.{layers}.")] = torch.randn(out[key].shape, generator=g)
    hidden = weights["final_layer_norm.weight"].numel()
    out["cond_stage_model.model.text_projection"] = torch.randn(hidden, hidden, generator=g)
    out["cond_stage_model.model.logit_scale"] = torch.tensor(4.6055)
    return out


def write(name):
    folder, file = os.path.join(MODELS, name), os.path.join(MODELS, f"{name}.single.safetensors")
    load = dict(low_cpu_mem_usage=False)
    unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet", **load)
    vae = AutoencoderKL.from_pretrained(folder, subfolder="vae", **load)
    text = CLIPTextModel.from_pretrained(folder, subfolder="text_encoder", dtype=torch.float32)
    layers, levels = unet.config.layers_per_block, len(unet.config.block_out_channels)
    out = {"model.diffusion_model." + unet_name(k, layers, levels): v for k, v in unet.state_dict().items()}
    for key, value in vae.state_dict().items():
        if "attentions" in key and key.endswith("weight") and value.ndim == 2: value = value[:, :, None, None]
        out["first_stage_model." + vae_name(key, len(vae.config.block_out_channels))] = value
    out.update(clip(text.state_dict()) if name == "tiny-sd" else open_clip(text.state_dict(), text.config.num_hidden_layers))
    betas = torch.linspace(0.00085 ** 0.5, 0.012 ** 0.5, 1000) ** 2
    out |= {"betas": betas, "alphas_cumprod": torch.cumprod(1 - betas, 0), "model_ema.num_updates": torch.tensor(1000)}
    out = {k: (v if k in ("betas", "alphas_cumprod") else v.half() if v.is_floating_point() else v).contiguous() for k, v in out.items()}
    save_file(out, file, metadata={"format": "pt"})
    os.chmod(file, 0o644)
    pipe = StableDiffusionPipeline.from_single_file(file, config=folder, local_files_only=True, torch_dtype=torch.float32, safety_checker=None,
                                                    requires_safety_checker=False)
    for mine, theirs in ((unet, pipe.unet), (vae, pipe.vae), (text, pipe.text_encoder)):
        a, b = mine.state_dict(), theirs.state_dict()
        assert a.keys() == b.keys(), set(a) ^ set(b)
        assert all(torch.equal(a[k], b[k].float()) for k in a), [k for k in a if not torch.equal(a[k], b[k].float())]
    print(file, os.path.getsize(file), len(out), "tensors")


if __name__ == "__main__":
    for name in ("tiny-sd", "tiny-sd2"): write(name)
