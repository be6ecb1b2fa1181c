"""The embedded model's evaluation captions, drawn in float32 and with its 3x3 convolutions in 8 bits, computed in float32 (fake quantisation).

Usage: python bench/int8Images.py MODEL OUT      (MODEL: models/emoji; torch, diffusers)
Writes OUT/float32/ID.png and OUT/int8/ID.png from equal noise, 20 steps of DPM-Solver++, the model's own guidance, and prints the PSNR between them.
Weights are rounded to 8 bits by output channel, what enters a layer to 8 bits with a zero point, from the least to the greatest value that six captions brought.
CLIP scores: fdiff score OUT/int8 --metrics clip --captions MODEL/eval/captions.json --clip models/emoji-clip, and OUT/float32 likewise.
"""
import json, os, random, sys
import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

BATCH, STEPS, CALIBRATION = 8, 20, 6


def main(model, out):
    read = lambda *path: json.load(open(os.path.join(model, *path)))
    guidance = read("generation_config.json")["guidance_scale"]
    captions = [(row["image_id"], row["caption"]) for row in read("eval", "captions.json")["annotations"]]
    random.Random(1).shuffle(captions)
    pipe = StableDiffusionPipeline.from_pretrained(model, safety_checker=None, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = DPMSolverMultistepScheduler.from_config(pipe.scheduler.config)
    unet, side = pipe.unet, pipe.unet.config.sample_size * pipe.vae_scale_factor
    layers = [m for m in unet.modules() if isinstance(m, torch.nn.Conv2d) and m.kernel_size == (3, 3) and m not in (unet.conv_in, unet.conv_out)]

    def draw(some, first):
        pictures = []
        for k in range(0, len(some), BATCH):
            texts = [caption for _, caption in some[k:k + BATCH]]
            noise = [torch.Generator().manual_seed(first + k + n) for n in range(len(texts))]
            pictures += pipe(texts, num_inference_steps=STEPS, guidance_scale=guidance, generator=noise, height=side, width=side).images
        return pictures

    ranges = {layer: (0.0, 0.0) for layer in layers}

    def watch(layer, inputs):
        low, high = ranges[layer]
        ranges[layer] = min(low, inputs[0].min().item()), max(high, inputs[0].max().item())

    hooks = [layer.register_forward_pre_hook(watch) for layer in layers]
    draw(captions[:CALIBRATION], 5000)
    for hook in hooks: hook.remove()
    plain = draw(captions, 9000)

    def quantised(layer, inputs):
        low, high = ranges[layer]
        scale = (high - low) / 255
        return (torch.fake_quantize_per_tensor_affine(inputs[0], scale, round(-low / scale), 0, 255),)

    for layer in layers:
        scale = layer.weight.data.abs().amax((1, 2, 3), keepdim=True) / 127
        layer.weight.data = torch.round(layer.weight.data / scale) * scale
        layer.register_forward_pre_hook(quantised)
    rounded = draw(captions, 9000)
    near = []
    for (name, _), a, b in zip(captions, plain, rounded):
        for kind, picture in (("float32", a), ("int8", b)):
            os.makedirs(os.path.join(out, kind), exist_ok=True)
            picture.save(os.path.join(out, kind, f"{name}.png"))
        near.append(10 * np.log10(255**2 / max(1e-9, np.square(np.asarray(a, float) - np.asarray(b, float)).mean())))
    print(f"{len(layers)} layers, {len(near)} captions: PSNR median {np.median(near):.1f}, tenth percentile {np.quantile(near, 0.1):.1f}, worst {min(near):.1f} dB")


if __name__ == "__main__": main(*sys.argv[1:])
