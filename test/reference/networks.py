"""Writes test/golden/networks-tiny-sd.safetensors and networks-tiny-sd2.safetensors: inputs and outputs of each network, float32.

Usage: python test/reference/networks.py        (after make_tiny_models.py)

Text encoder   text/input_ids int32 [2, 77] (PROMPTS, as the model's own tokenizer gives them);
               text/last_hidden_state [2, 77, c]; text/pooled [2, c]; text/clip_skip_1, _2 (tiny-sd2: _1): the hidden state before the last
               1 (2) layers, then the final layer norm, as StableDiffusionPipeline.encode_prompt(clip_skip=1 (2)) makes it.
UNet           for case in square ([2, 4, 16, 16], timesteps 801 and 37.5), wide ([1, 4, 8, 24]), odd ([1, 4, 9, 13]: levels of odd size, so
               that each upsampling goes to the next skip's size): unet/CASE/sample, timestep [batch], encoder_hidden_states; skip_0 ...
               skip_{S-1}, mid, prediction; square also deep_1 ... deep_{S-1} and up_blocks.0 ... (block outputs; the last before conv_norm_out).
VAE            vae/decode/latents [1, 4, 8, 6] (already divided by the scaling factor) -> vae/decode/image [1, 3, 64, 48] (not clamped);
               vae/encode/image [1, 3, 48, 64] -> mean, logvar (clamped to [-30, 20] as DiagonalGaussianDistribution does) [1, 4, 6, 8];
               vae/tiled/latents [1, 4, 12, 18] -> vae/tiled/image [1, 3, 96, 144]: diffusers' tiled_decode with tile_sample_min_size 64,
               tile_latent_min_size 8, tile_overlap_factor 0.25: tiles start every int(8 * 0.75) = 6 latents (the last ones are shorter),
               blend over int(64 * 0.25) = 16 pixels with the tile above, then the tile to the left, and keep their first 48 pixels.
"""
import json, os
import numpy as np
import torch
from safetensors.numpy import save_file
from unet_halves import GOLDEN, MODELS, decoder, encoder, load_pipeline

PROMPTS = ["a photo of a red apple", "Two dogs, one cat: a 3d painting by the sea!"]


def text(pipe, out):
    ids = pipe.tokenizer(PROMPTS, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
    encoder, norm = pipe.text_encoder, pipe.text_encoder.final_layer_norm
    layers = []
    for layer in encoder.encoder.layers: layer.register_forward_hook(lambda m, i, o: layers.append(o[0] if isinstance(o, tuple) else o))
    result = encoder(ids, output_hidden_states=True)
    out |= {"text/input_ids": ids.int(), "text/last_hidden_state": result.last_hidden_state, "text/pooled": result.pooler_output}
    for skip in range(1, len(layers)):
        assert torch.equal(result.hidden_states[-(skip + 1)], layers[-(skip + 1)])
        out[f"text/clip_skip_{skip}"] = norm(layers[-(skip + 1)])
    return result.last_hidden_state


def unet(pipe, states, out):
    g = torch.Generator().manual_seed(5)
    for case, shape, t in (("square", (2, 4, 16, 16), [801.0, 37.5]), ("wide", (1, 4, 8, 24), [500.0]), ("odd", (1, 4, 9, 13), [1.0])):
        x, t, states_ = torch.randn(shape, generator=g), torch.tensor(t), states[:shape[0]]
        skips, mid = encoder(pipe.unet, x, t, states_)
        blocks = []
        hooks = [b.register_forward_hook(lambda m, i, o: blocks.append(o)) for b in pipe.unet.up_blocks]
        prediction, deeps = decoder(pipe.unet, skips, mid, t, states_)
        assert torch.equal(prediction, pipe.unet(x, t, states_).sample)
        for hook in hooks: hook.remove()
        arrays = {"sample": x, "timestep": t, "encoder_hidden_states": states_, "mid": mid, "prediction": prediction}
        arrays |= {f"skip_{i}": s for i, s in enumerate(skips)}
        if case == "square":
            arrays |= {f"deep_{d}": deeps[d] for d in range(1, len(skips))} | {f"up_blocks.{i}": b for i, b in enumerate(blocks)}
        out |= {f"unet/{case}/{k}": v for k, v in arrays.items()}


def vae(pipe, out):
    g, net = torch.Generator().manual_seed(6), pipe.vae
    z, image, big = torch.randn(1, 4, 8, 6, generator=g), torch.rand(1, 3, 48, 64, generator=g) * 2 - 1, torch.randn(1, 4, 12, 18, generator=g)
    posterior = net.encode(image).latent_dist
    out |= {"vae/decode/latents": z, "vae/decode/image": net.decode(z).sample, "vae/encode/image": image,
            "vae/encode/mean": posterior.mean, "vae/encode/logvar": posterior.logvar}
    plain = net.decode(big).sample
    net.tile_sample_min_size, net.tile_latent_min_size, net.tile_overlap_factor = 64, 8, 0.25
    net.enable_tiling()
    out |= {"vae/tiled/latents": big, "vae/tiled/image": net.decode(big).sample}
    print("tiled against plain:", ((out["vae/tiled/image"] - plain).norm() / plain.norm()).item(), "image std", plain.std().item())


if __name__ == "__main__":
    for name in ("tiny-sd", "tiny-sd2"):
        pipe, out = load_pipeline(os.path.join(MODELS, name)), {}
        unet(pipe, text(pipe, out), out)
        vae(pipe, out)
        out = {k: np.ascontiguousarray(v.numpy()) for k, v in out.items()}
        file = os.path.join(GOLDEN, f"networks-{name}.safetensors")
        save_file(out, file, metadata={"made_by": "test/reference/networks.py", "prompts": json.dumps(PROMPTS)})
        os.chmod(file, 0o644)
        print(file, os.path.getsize(file), {k: v.shape for k, v in out.items() if "square" not in k})
