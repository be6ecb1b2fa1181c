"""Writes test/golden/unet_variants.safetensors: UNets of unusual shape, with random weights, inputs and diffusers' prediction.

Usage: python test/reference/unet_variants.py        (deterministic)

For each variant NAME: NAME/sample, NAME/timestep, NAME/encoder_hidden_states, NAME/prediction, and NAME/weights/... under diffusers' names.
The variants' configs are the file's metadata too ("configs"), and are repeated in test/models/unetVariants.test.ts.
"""
import json, os
import numpy as np
import torch
from diffusers import UNet2DConditionModel
from safetensors.numpy import save_file

torch.set_num_threads(1)
VARIANTS = {
    # heads, layers and transformer blocks per level; first attention over the text; asymmetric downsampling; gelu; linear projections
    "lists": dict(block_out_channels=[8, 12], layers_per_block=[1, 2], attention_head_dim=[1, 3], transformer_layers_per_block=[1, 2],
                  only_cross_attention=[True, False], downsample_padding=0, flip_sin_to_cos=False, freq_shift=1, use_linear_projection=True,
                  time_embedding_dim=24, act_fn="gelu", cross_attention_dim=6, conv_in_kernel=5, conv_out_kernel=1, in_channels=5, out_channels=3,
                  norm_num_groups=4, norm_eps=1e-4, sample_size=8, down_block_types=["CrossAttnDownBlock2D"] * 2, up_block_types=["CrossAttnUpBlock2D"] * 2),
    # no mid block, as in distilled models; heads of width 7; attention in the middle only
    "headless": dict(block_out_channels=[8, 28, 12], layers_per_block=1, attention_head_dim=4, cross_attention_dim=10, mid_block_type=None, norm_num_groups=4,
                     sample_size=8, down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
                     up_block_types=["UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"]),
    # mid block without attention; attention going down only
    "plain_mid": dict(block_out_channels=[8, 8], layers_per_block=2, num_attention_heads=8, attention_head_dim=2, cross_attention_dim=4,
                      mid_block_type="UNetMidBlock2D", norm_num_groups=2, sample_size=8, down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"],
                      up_block_types=["UpBlock2D", "UpBlock2D"]),
}

out = {}
for seed, (name, config) in enumerate(VARIANTS.items()):
    g = torch.Generator().manual_seed(100 + seed)
    kept = {k: v for k, v in config.items() if not (name == "plain_mid" and k == "num_attention_heads")}
    if name == "plain_mid": kept["attention_head_dim"] = 8  # what diffusers means by num_attention_heads, which it refuses to be given
    unet = UNet2DConditionModel(**kept).eval()
    for p in unet.parameters():
        p.data = torch.randn(p.shape, generator=g) * (1 / p[0].numel() ** 0.5 if p.ndim > 1 else 0.2) + (1 if p.ndim == 1 else 0) * 0.5
    x = torch.randn(2, unet.config.in_channels, 8, 12, generator=g)
    t, text = torch.tensor([10.0, 731.5]), torch.randn(2, 5, unet.config.cross_attention_dim, generator=g)
    with torch.no_grad(): y = unet(x, t, text).sample
    arrays = {"sample": x, "timestep": t, "encoder_hidden_states": text, "prediction": y} | {f"weights/{k}": v for k, v in unet.state_dict().items()}
    out |= {f"{name}/{k}": np.ascontiguousarray(v.numpy()) for k, v in arrays.items()}
    print(name, y.std().item(), sum(p.numel() for p in unet.parameters()))
file = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "unet_variants.safetensors")
save_file(out, file, metadata={"made_by": "test/reference/unet_variants.py", "configs": json.dumps(VARIANTS)})
os.chmod(file, 0o644)
print(os.path.getsize(file))
