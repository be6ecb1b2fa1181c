"""Writes test/golden/tiny_autoencoder.safetensors and the random AutoencoderTiny test/models/tiny-taesd.

Usage: python test/reference/tiny_autoencoder.py

The folder holds the whole net in diffusers' layout, in float16. decoder.safetensors beside it is the decoder under the names of TAESD's own file
(taesd_decoder.safetensors), whose first layer, the bend, has number 0 and no weights.

Arrays: latents [2, 4, 5, 7], decoded [2, 3, 40, 56], image [2, 3, 40, 56] (-1 to 1), encoded [2, 4, 5, 7].
"""
import os
import numpy as np
import torch
from diffusers import AutoencoderTiny
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch
from make_tiny_models import dump, randomise, save, weights

torch.set_grad_enabled(False)
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
OWN = {"encoder_block_out_channels": [8] * 4, "decoder_block_out_channels": [8] * 4, "num_encoder_blocks": [1, 2, 1, 3],
       "num_decoder_blocks": [3, 1, 2, 1]}
net = AutoencoderTiny(**OWN)
randomise(net, 51, 0.9)
folder = os.path.join(ROOT, "models", "tiny-taesd")
dump({"_class_name": "AutoencoderTiny"} | OWN, folder, "config.json")
state = weights(net, dtype=torch.float16)
save(state, folder, "diffusion_pytorch_model.safetensors")
def original(name):
    _, _, layer, rest = name.split(".", 3)
    return f"{int(layer) + 1}.{rest}"
single = os.path.join(folder, "decoder.safetensors")
save_torch({original(k): v.contiguous() for k, v in state.items() if k.startswith("decoder.")}, single)
os.chmod(single, 0o644)
net.load_state_dict({k: v.float() for k, v in state.items()})
g = torch.Generator().manual_seed(4)
latents, image = torch.randn(2, 4, 5, 7, generator=g) * 3, torch.rand(2, 3, 40, 56, generator=g) * 2 - 1
out = {"latents": latents, "decoded": net.decode(latents).sample, "image": image, "encoded": net.encode(image).latents}
path = os.path.join(ROOT, "golden", "tiny_autoencoder.safetensors")
save_file({k: np.ascontiguousarray(v.numpy()) for k, v in out.items()}, path, metadata={"made_by": "test/reference/tiny_autoencoder.py"})
os.chmod(path, 0o644)
print({k: float(v.std()) for k, v in out.items()})
