"""Makes the AutoencoderKL folder of a train_vae.py checkpoint and encodes the training pictures.

A shift and a scale per channel are folded into the 1x1 (post_)quant convolutions, so that the latents have mean 0 and, after
scaling_factor 0.25, standard deviation 1 in every channel: what the diffusion's noise schedule expects.

usage: fold_vae.py DATASET CKPT OUT
writes OUT/vae and OUT/latents.pt: `train`, `train_flip` (of the mirrored pictures), `may_flip` (where captions allow it)."""
import sys

import torch

from dataset import load_images, load_rows, may_mirror
from networks import build_vae

LATENT_STD = 4.0


@torch.no_grad()
def main(dataset, checkpoint, out):
    rows = load_rows(dataset, "train")
    images = load_images(dataset, rows)
    vae = build_vae()
    vae.load_state_dict(torch.load(checkpoint, map_location="cpu")["ema"])
    vae.eval()

    def encode(x):
        return torch.cat([vae.encode(batch.float() / 127.5 - 1).latent_dist.mean for batch in x.split(16)])

    latents = encode(images)
    mean, std = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    before = vae.decode(latents[:2]).sample
    into, outof, factor = vae.quant_conv, vae.post_quant_conv, LATENT_STD / std
    outof.bias += outof.weight[:, :, 0, 0] @ mean
    outof.weight *= (1 / factor).view(1, 4, 1, 1)
    into.bias[:4] = (into.bias[:4] - mean) * factor
    into.weight[:4] *= factor.view(4, 1, 1, 1)
    into.bias[4:] += 2 * factor.log()
    vae.register_to_config(scaling_factor=1 / LATENT_STD)
    latents = encode(images)
    print("the folding changes decoded pictures by", (vae.decode(latents[:2]).sample - before).abs().max().item())
    vae.save_pretrained(out + "/vae")
    allowed = torch.tensor([may_mirror(row["caption"]) for row in rows])
    print(int(allowed.sum()), "of", len(rows), "pictures may be mirrored")
    torch.save(
        dict(train=latents / LATENT_STD, train_flip=encode(images.flip(-1)) / LATENT_STD, may_flip=allowed),
        out + "/latents.pt",
    )


if __name__ == "__main__":
    torch.set_num_threads(2)
    main(*sys.argv[1:])
