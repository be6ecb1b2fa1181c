"""Writes test/models/tiny-sd and test/models/tiny-sd2: random-weight Stable Diffusion folders in diffusers' layout.

Usage: python test/reference/make_tiny_models.py        (deterministic: the same bytes every time)

tiny-sd has the shape of Stable Diffusion v1.5's folder: four levels, two layers a block (12 skip features), attention_head_dim = number
of heads, quick_gelu text encoder whose weights are named `text_model.…` (with the int64 `position_ids` buffer), VAE attention under its
old names (query, key, value, proj_attn), scheduler_config.json without timestep_spacing, configs without the keys that came later
(scaling_factor, …), tokenizer as vocab.json + merges.txt; the UNet also as a `fp16` variant.
tiny-sd2 has the shape of 2.x: three levels, heads per level, use_linear_projection, upcast_attention, gelu text encoder, v_prediction, DDIM,
"!" as the padding token, and what newer libraries write: UNet in two shards with an index, tokenizer.json, no `text_model.` prefix.

Every weight is a float16 value (so fp32 files, fp16 files and single-file checkpoints hold the same network). Norms and biases are random
too, so that a swapped or forgotten tensor shows. A random network predicts nothing about its input, and sampling with it blows up; so
conv_in, the last up layer's shortcut and conv_out also carry x through to the prediction (in pairs +x, -x: silu(a) - silu(-a) = a).
"""
import json, math, os, re, shutil
from collections import Counter
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

torch.set_num_threads(1)
MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "models")
CORPUS = """a photo of a red apple on a wooden table. the face of a happy dog, watercolor painting. an astronaut riding a horse on mars.
a bowl of ramen with an egg. a blue house at sunset, highly detailed, 8k. a cat wearing a hat. portrait of a woman, oil on canvas. the sea
under a stormy sky. a small robot reading a book in a garden. a green bird on a branch; a yellow bird in the sky. two dogs and three cats.
blurry, low quality, ugly, deformed. a castle on a hill in winter, fantasy art. a plate of fruit: apples, oranges and grapes."""


def dump(value, *path):
    os.makedirs(os.path.dirname(os.path.join(*path)), exist_ok=True)
    with open(os.path.join(*path), "w", encoding="utf-8") as f:
        json.dump(value, f, ensure_ascii=False, indent=2)
        f.write("\n")


def bpe(size):
    """A byte-level BPE vocabulary in CLIP's form: bytes, bytes + </w>, merged tokens, then the two special tokens.

    Own training loop, since that of `tokenizers` breaks ties differently at every run. CORPUS is ASCII: its bytes are its characters.
    """
    from tokenizers import pre_tokenizers
    words = Counter(re.findall(r"[a-z]+|[0-9]|[^\sa-z0-9]+", CORPUS.lower()))
    words = {tuple(word[:-1]) + (word[-1] + "</w>",): count for word, count in words.items()}
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens, merges = alphabet + [c + "</w>" for c in alphabet], []
    while len(tokens) < size - 2:
        pairs = Counter()
        for word, count in words.items():
            for pair in zip(word, word[1:]):
                if "".join(pair) not in tokens: pairs[pair] += count
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(" ".join(best))
        tokens.append("".join(best))
        words = {merged(word, best): count for word, count in words.items()}
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    assert len(set(tokens)) == len(tokens)
    return {token: i for i, token in enumerate(tokens)}, merges


def merged(word, pair):
    out, i = [], 0
    while i < len(word):
        step = 2 if word[i:i + 2] == pair else 1
        out.append("".join(word[i:i + step]))
        i += step
    return tuple(out)


def randomise(model, seed, gain):
    """Linear and conv weights N(0, gain^2 / fan_in), norms 1 + N(0, 0.2^2), biases N(0, 0.1^2); all rounded to float16."""
    g = torch.Generator().manual_seed(seed)
    for name, p in sorted(model.named_parameters()):
        normal = torch.randn(p.shape, generator=g)
        if "embedding" in name and p.ndim == 2 and "time_embedding" not in name: value = normal * 0.5
        elif p.ndim >= 2: value = normal * gain / math.sqrt(p[0].numel())
        elif name.endswith("weight"): value = 1 + 0.2 * normal
        else: value = 0.1 * normal
        p.data.copy_(value)


def carry_input(unet, strength):
    """Adds x -> prediction: conv_in writes +x, -x into channels 0-3, 4-7; the last shortcut keeps them; conv_out takes their difference."""
    c = unet.config.block_out_channels[0]
    skip0 = unet.up_blocks[-1].resnets[-1].conv_shortcut.weight.shape[1] - c
    for i in range(4):
        for sign, channel in ((1, i), (-1, i + 4)):
            unet.conv_in.weight.data[channel] *= 0.1
            unet.conv_in.weight.data[channel, i, 1, 1] += sign
            unet.up_blocks[-1].resnets[-1].conv_shortcut.weight.data[channel] *= 0.3
            unet.up_blocks[-1].resnets[-1].conv_shortcut.weight.data[channel, skip0 + channel] += 2
            unet.conv_out.weight.data[i, channel, 1, 1] += sign * strength


def weights(model, rename=lambda k: k, dtype=torch.float32):
    return {rename(k): v.detach().half().to(dtype).contiguous() for k, v in model.state_dict().items()}


def save(tensors, *path):
    os.makedirs(os.path.dirname(os.path.join(*path)), exist_ok=True)
    save_file(tensors, os.path.join(*path), metadata={"format": "pt"})
    os.chmod(os.path.join(*path), 0o644)


def old_vae_name(key):
    for new, old in ((".to_q.", ".query."), (".to_k.", ".key."), (".to_v.", ".value."), (".to_out.0.", ".proj_attn.")):
        key = key.replace(new, old)
    return key


def tiny_sd(out):
    shutil.rmtree(out, ignore_errors=True)
    version = {"_diffusers_version": "0.9.0"}
    dump({"_class_name": "StableDiffusionPipeline", **version, "feature_extractor": [None, None], "safety_checker": [None, None],
          "scheduler": ["diffusers", "PNDMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
          "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]},
         out, "model_index.json")
    dump({"_class_name": "PNDMScheduler", **version, "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
          "num_train_timesteps": 1000, "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1, "trained_betas": None,
          "clip_sample": False}, out, "scheduler", "scheduler_config.json")

    vocab, merges = bpe(640)
    added = lambda s: {"content": s, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    bos, eos = "<|startoftext|>", "<|endoftext|>"
    with_type = lambda s: {"__type": "AddedToken", **added(s)}
    dump(vocab, out, "tokenizer", "vocab.json")
    open(os.path.join(out, "tokenizer", "merges.txt"), "w", encoding="utf-8").write("#version: 0.2\n" + "\n".join(merges) + "\n")
    dump({"bos_token": added(bos), "eos_token": added(eos), "pad_token": eos, "unk_token": added(eos)}, out, "tokenizer", "special_tokens_map.json")
    dump({"add_prefix_space": False, "bos_token": with_type(bos), "do_lower_case": True, "eos_token": with_type(eos), "errors": "replace",
          "model_max_length": 77, "pad_token": eos, "special_tokens_map_file": "./special_tokens_map.json", "tokenizer_class": "CLIPTokenizer",
          "unk_token": with_type(eos)}, out, "tokenizer", "tokenizer_config.json")

    # bos 0, pad 1, eos 2 are what SD v1.5's config.json says, though its tokenizer has others: pooling then takes the highest id
    text_config = {"architectures": ["CLIPTextModel"], "attention_dropout": 0.0, "bos_token_id": 0, "dropout": 0.0, "eos_token_id": 2,
                   "hidden_act": "quick_gelu", "hidden_size": 32, "initializer_factor": 1.0, "initializer_range": 0.02,
                   "intermediate_size": 96, "layer_norm_eps": 1e-05, "max_position_embeddings": 77, "model_type": "clip_text_model",
                   "num_attention_heads": 4, "num_hidden_layers": 3, "pad_token_id": 1, "projection_dim": 32, "torch_dtype": "float32",
                   "transformers_version": "4.22.0.dev0", "vocab_size": len(vocab)}
    dump(text_config, out, "text_encoder", "config.json")
    text = CLIPTextModel(CLIPTextConfig(**{k: v for k, v in text_config.items() if k not in ("architectures", "model_type", "torch_dtype", "transformers_version")}))
    randomise(text, 11, 1.0)
    tensors = weights(text, lambda k: k if k.startswith("text_model.") else "text_model." + k)
    tensors["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    save(tensors, out, "text_encoder", "model.safetensors")

    unet_config = {"act_fn": "silu", "attention_head_dim": 2, "block_out_channels": [8, 16, 16, 32], "center_input_sample": False,
                   "cross_attention_dim": 32, "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"], "downsample_padding": 1,
                   "flip_sin_to_cos": True, "freq_shift": 0, "in_channels": 4, "layers_per_block": 2, "mid_block_scale_factor": 1,
                   "norm_eps": 1e-05, "norm_num_groups": 4, "out_channels": 4, "sample_size": 16,
                   "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3}
    unet = UNet2DConditionModel(**unet_config)
    randomise(unet, 12, 0.9)
    carry_input(unet, 0.8)
    dump({"_class_name": "UNet2DConditionModel", **version, **unet_config}, out, "unet", "config.json")
    save(weights(unet), out, "unet", "diffusion_pytorch_model.safetensors")
    save(weights(unet, dtype=torch.float16), out, "unet", "diffusion_pytorch_model.fp16.safetensors")

    vae_config = {"act_fn": "silu", "block_out_channels": [8, 8, 16, 16], "down_block_types": ["DownEncoderBlock2D"] * 4, "in_channels": 3,
                  "latent_channels": 4, "layers_per_block": 1, "norm_num_groups": 4, "out_channels": 3, "sample_size": 128,
                  "up_block_types": ["UpDecoderBlock2D"] * 4}
    vae = AutoencoderKL(**vae_config)
    randomise(vae, 13, 0.9)
    vae.decoder.conv_out.weight.data *= 0.5
    dump({"_class_name": "AutoencoderKL", **version, **vae_config}, out, "vae", "config.json")
    save(weights(vae, old_vae_name), out, "vae", "diffusion_pytorch_model.safetensors")
    return unet, vae, text


def tiny_sd2(out):
    shutil.rmtree(out, ignore_errors=True)
    version = {"_diffusers_version": "0.9.0"}
    dump({"_class_name": "StableDiffusionPipeline", **version, "feature_extractor": [None, None], "requires_safety_checker": False,
          "safety_checker": [None, None], "scheduler": ["diffusers", "DDIMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
          "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]},
         out, "model_index.json")
    dump({"_class_name": "DDIMScheduler", **version, "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
          "clip_sample": False, "num_train_timesteps": 1000, "prediction_type": "v_prediction", "set_alpha_to_one": False,
          "skip_prk_steps": True, "steps_offset": 1, "trained_betas": None}, out, "scheduler", "scheduler_config.json")

    from transformers import CLIPTokenizer
    vocab, merges = bpe(600)
    tokenizer = CLIPTokenizer(vocab=vocab, merges=[tuple(m.split(" ")) for m in merges], pad_token="!", model_max_length=77)
    tokenizer.save_pretrained(os.path.join(out, "tokenizer"))

    # SD 2.x takes OpenCLIP's last layer but one; diffusers' folders say so by leaving the last layer out (23 of 24)
    text_config = {"architectures": ["CLIPTextModel"], "attention_dropout": 0.0, "bos_token_id": 0, "dropout": 0.0, "eos_token_id": 2,
                   "hidden_act": "gelu", "hidden_size": 32, "initializer_factor": 1.0, "initializer_range": 0.02, "intermediate_size": 128,
                   "layer_norm_eps": 1e-05, "max_position_embeddings": 77, "model_type": "clip_text_model", "num_attention_heads": 4,
                   "num_hidden_layers": 2, "pad_token_id": 1, "projection_dim": 16, "dtype": "float32",
                   "transformers_version": "5.0.0", "vocab_size": len(vocab)}
    dump(text_config, out, "text_encoder", "config.json")
    text = CLIPTextModel(CLIPTextConfig(**{k: v for k, v in text_config.items() if k not in ("architectures", "model_type", "dtype", "transformers_version")}))
    randomise(text, 21, 1.0)
    save(weights(text, lambda k: k.removeprefix("text_model.")), out, "text_encoder", "model.safetensors")

    unet_config = {"act_fn": "silu", "attention_head_dim": [2, 4, 4], "block_out_channels": [16, 16, 32], "center_input_sample": False,
                   "cross_attention_dim": 32, "down_block_types": ["CrossAttnDownBlock2D"] * 2 + ["DownBlock2D"], "downsample_padding": 1,
                   "dual_cross_attention": False, "flip_sin_to_cos": True, "freq_shift": 0, "in_channels": 4, "layers_per_block": 1,
                   "mid_block_scale_factor": 1, "norm_eps": 1e-05, "norm_num_groups": 8, "num_class_embeds": None,
                   "only_cross_attention": False, "out_channels": 4, "sample_size": 16, "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 2,
                   "upcast_attention": True, "use_linear_projection": True}
    unet = UNet2DConditionModel(**unet_config)
    randomise(unet, 22, 0.9)
    carry_input(unet, 0.8)
    dump({"_class_name": "UNet2DConditionModel", **version, **unet_config}, out, "unet", "config.json")
    tensors = weights(unet)
    names, total = sorted(tensors), sum(t.numel() * 4 for t in tensors.values())
    shards, size = [{}, {}], 0
    for name in names:
        shards[0 if size < total / 2 else 1][name] = tensors[name]
        size += tensors[name].numel() * 4
    index = {"metadata": {"total_size": total}, "weight_map": {}}
    for i, shard in enumerate(shards):
        file = f"diffusion_pytorch_model-{i + 1:05d}-of-00002.safetensors"
        save(shard, out, "unet", file)
        index["weight_map"].update({name: file for name in shard})
    index["weight_map"] = dict(sorted(index["weight_map"].items()))
    dump(index, out, "unet", "diffusion_pytorch_model.safetensors.index.json")

    vae_config = {"act_fn": "silu", "block_out_channels": [8, 8, 16, 16], "down_block_types": ["DownEncoderBlock2D"] * 4, "in_channels": 3,
                  "latent_channels": 4, "layers_per_block": 1, "norm_num_groups": 4, "out_channels": 3, "sample_size": 128,
                  "scaling_factor": 0.18215, "up_block_types": ["UpDecoderBlock2D"] * 4}
    vae = AutoencoderKL(**vae_config)
    randomise(vae, 23, 0.9)
    vae.decoder.conv_out.weight.data *= 0.5
    dump({"_class_name": "AutoencoderKL", **version, **vae_config}, out, "vae", "config.json")
    save(weights(vae), out, "vae", "diffusion_pytorch_model.safetensors")
    return unet, vae, text


if __name__ == "__main__":
    for name, make in (("tiny-sd", tiny_sd), ("tiny-sd2", tiny_sd2)):
        models = make(os.path.join(MODELS, name))
        print(name, [sum(p.numel() for p in m.parameters()) for m in models])
