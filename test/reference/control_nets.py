"""Writes test/golden/control_nets.safetensors and .json: runs that control nets steer, by diffusers' StableDiffusionControlNetPipeline (and its
image-to-image and inpainting kin), and the random control nets test/models/tiny-control, tiny-control2 and tiny-control.single.safetensors.

Usage: python test/reference/control_nets.py        (after make_tiny_models.py)

tiny-control takes its UNet's half from nothing: all weights are random, float16 values (a net that is copied from the UNet has zeros where its
features come out). tiny-control2 is another one, whose pictures stand blue first. The single file holds tiny-control under the names of the
original code (control_model.*). Pictures are as large as what is drawn.

Arrays: image, edges [64, 96, 3] uint8 (what the nets see), init [64, 96, 3], mask [64, 96] uint8, NAME/latents [1, 4, 8, 12] float32,
features/NAME: what tiny-control gives for one input: sample, timestep, encoder_hidden_states, image, skip_0 … skip_11, mid.
"""
import json, os
import diffusers
import numpy as np
import torch
from diffusers import ControlNetModel
from PIL import Image
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch
from make_tiny_models import dump, randomise, save, weights
from unet_halves import GOLDEN, MODELS, load_pipeline

PROMPT, NEGATIVE = "a photo of a red apple on a wooden table", "blurry"
WIDTH, HEIGHT = 96, 64


def control_net(unet, name, seed, order):
    config = dict(unet.config)
    keys = ["in_channels", "flip_sin_to_cos", "freq_shift", "down_block_types", "block_out_channels", "layers_per_block", "downsample_padding",
            "act_fn", "norm_num_groups", "norm_eps", "cross_attention_dim", "attention_head_dim", "use_linear_projection"]
    own = {key: config[key] for key in keys} | {"controlnet_conditioning_channel_order": order, "conditioning_embedding_out_channels": [4, 8, 8, 16]}
    net = ControlNetModel(**own)
    randomise(net, seed, 0.9)
    out = os.path.join(MODELS, name)
    dump({"_class_name": "ControlNetModel"} | own, out, "config.json")
    state = weights(net, dtype=torch.float16)
    save(state, out, "diffusion_pytorch_model.safetensors")
    net.load_state_dict({k: v.float() for k, v in state.items()})
    return net.eval(), state


def original_name(name):
    """The name that lllyasviel's cldm gives a tensor of diffusers' ControlNetModel (four levels, two layers a block)."""
    parts = name.split(".")
    if parts[0] == "controlnet_cond_embedding":
        at = {"conv_in": 0, "conv_out": 14}.get(parts[1], None)
        return f"control_model.input_hint_block.{2 * int(parts[2]) + 2 if at is None else at}.{parts[-1]}"
    if parts[0] == "controlnet_down_blocks": return f"control_model.zero_convs.{parts[1]}.0.{parts[2]}"
    if parts[0] == "controlnet_mid_block": return f"control_model.middle_block_out.0.{parts[1]}"
    if parts[0] == "conv_in": return f"control_model.input_blocks.0.0.{parts[1]}"
    if parts[0] == "time_embedding": return f"control_model.time_embed.{ {'linear_1': 0, 'linear_2': 2}[parts[1]]}.{parts[2]}"
    resnet = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0", "conv2": "out_layers.3",
              "conv_shortcut": "skip_connection"}
    def tail(kind, rest):
        return f"{resnet[rest[0]]}.{rest[1]}" if kind == "resnets" else ".".join(rest)
    if parts[0] == "mid_block":
        unit = 1 if parts[1] == "attentions" else 2 * int(parts[2])
        return f"control_model.middle_block.{unit}.{tail(parts[1], parts[3:])}"
    level = int(parts[1])
    if parts[2] == "downsamplers": return f"control_model.input_blocks.{3 * level + 3}.0.op.{parts[-1]}"
    unit = 1 if parts[2] == "attentions" else 0
    return f"control_model.input_blocks.{3 * level + int(parts[3]) + 1}.{unit}.{tail(parts[2], parts[4:])}"


def main():
    base = load_pipeline(os.path.join(MODELS, "tiny-sd"))
    first, state = control_net(base.unet, "tiny-control", 41, "rgb")
    second, _ = control_net(base.unet, "tiny-control2", 42, "bgr")
    save_torch({original_name(k): v.contiguous() for k, v in state.items()}, os.path.join(MODELS, "tiny-control.single.safetensors"))
    parts = dict(base.components) | {"requires_safety_checker": False}
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    rng = np.random.RandomState(6)
    image = (np.stack([x * 2, 255 - y * 3, x + y], 2) + rng.randint(-30, 30, (HEIGHT, WIDTH, 3))).clip(0, 255).astype(np.uint8)
    edges = np.repeat(((np.abs(np.hypot(x - 48, y - 32) - 20) < 1) * 255).astype(np.uint8)[..., None], 3, 2)
    init = (np.stack([255 - x * 2, y * 3, x + y], 2) + rng.randint(-20, 20, (HEIGHT, WIDTH, 3))).clip(0, 255).astype(np.uint8)
    mask = ((((x - 45) / 30) ** 2 + ((y - 30) / 19) ** 2 < 1) * 255).astype(np.uint8)
    out, table = {"image": image, "edges": edges, "init": init, "mask": mask}, []

    g = torch.Generator().manual_seed(3)
    given = {"sample": torch.randn(2, 4, 8, 12, generator=g), "timestep": torch.tensor([501.0, 3.0]),
             "encoder_hidden_states": torch.randn(2, 77, 32, generator=g), "image": torch.rand(1, 3, 64, 96, generator=g)}
    down, mid = first(given["sample"], given["timestep"], given["encoder_hidden_states"], given["image"].repeat(2, 1, 1, 1), return_dict=False)
    given |= {f"skip_{i}": value for i, value in enumerate(down)} | {"mid": mid}
    out |= {f"features/{k}": v.numpy() for k, v in given.items()}

    one, two = [first], [first, second]
    # name, kind, nets, sampler, scheduler, options, steps, guidance, scale, start, end, strength
    cases = [
        ("plain", "text", one, "ddim", "DDIMScheduler", {}, 8, 7.5, 1.0, 0.0, 1.0, None),
        ("without guidance", "text", one, "euler", "EulerDiscreteScheduler", {}, 6, 1.0, 0.6, 0.0, 1.0, None),
        ("from the middle", "text", one, "dpm-solver++", "DPMSolverMultistepScheduler", {}, 10, 7.5, 0.8, 0.25, 0.8, None),
        ("two evaluations a step", "text", one, "heun", "HeunDiscreteScheduler", {}, 5, 5.0, 0.7, 0.2, 0.7, None),
        ("two nets", "text", two, "ddim", "DDIMScheduler", {}, 8, 7.5, [0.7, 0.4], [0.0, 0.3], [0.6, 1.0], None),
        ("picture", "img2img", one, "ddim", "DDIMScheduler", {}, 10, 7.5, 0.8, 0.2, 0.7, 0.6),
        ("inpainting", "inpaint", two, "ddim", "DDIMScheduler", {}, 8, 7.5, [0.5, 0.5], [0.0, 0.0], [1.0, 0.5], 0.7),
    ]
    for seed, (name, kind, nets, sampler, scheduler, options, steps, guidance, scale, start, end, strength) in enumerate(cases):
        cls = {"text": diffusers.StableDiffusionControlNetPipeline, "img2img": diffusers.StableDiffusionControlNetImg2ImgPipeline,
               "inpaint": diffusers.StableDiffusionControlNetInpaintPipeline}[kind]
        pipe = cls(**parts, controlnet=nets if len(nets) > 1 else nets[0])
        pipe.set_progress_bar_config(disable=True)
        pipe.scheduler = getattr(diffusers, scheduler).from_config(base.scheduler.config, **options)
        shown = [Image.fromarray(image), Image.fromarray(edges)][:len(nets)]
        shown = shown if len(nets) > 1 else shown[0]
        more = {"image": shown} if kind == "text" else {"image": Image.fromarray(init), "control_image": shown, "strength": strength}
        if kind == "inpaint": more["mask_image"] = Image.fromarray(mask)
        result = pipe(PROMPT, negative_prompt=NEGATIVE, width=WIDTH, height=HEIGHT, num_inference_steps=steps, guidance_scale=guidance,
                      controlnet_conditioning_scale=scale, control_guidance_start=start, control_guidance_end=end,
                      generator=torch.Generator().manual_seed(seed), output_type="latent", **more).images
        out[f"{name}/latents"] = result.numpy()
        table.append({"name": name, "kind": kind, "nets": len(nets), "sampler": sampler, "options": options, "steps": steps,
                      "guidanceScale": guidance, "controlScale": scale, "controlStart": start, "controlEnd": end, "strength": strength, "seed": seed})
        print(name, float(result.std()))
    path = os.path.join(GOLDEN, "control_nets.safetensors")
    save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, path, metadata={"made_by": "test/reference/control_nets.py"})
    os.chmod(path, 0o644)
    with open(os.path.join(GOLDEN, "control_nets.json"), "w") as f:
        json.dump({"prompt": PROMPT, "negativePrompt": NEGATIVE, "cases": table}, f, indent="\t")
        f.write("\n")


if __name__ == "__main__":
    with torch.no_grad(): main()
