"""Does the model draw what it is asked for? Draws 100 random training captions (50 DDIM steps, seeds 0-99) and asks the embedded
CLIP which of the 100 captions fits each picture best: share of pictures whose own caption comes first, or first or second.

usage: rank_captions.py MODEL CLIP_FOLDER DATASET [--guidance 5] [--sample 7] [--split train|val] [--sheet SHEET.jpg]
The sheet shows 16 chosen captions and the first 48 of the random ones, 8x8. For scale it says the same of the real pictures, and of real pictures after the VAE alone."""
import argparse
import random

import torch
import torch.nn.functional as F
from transformers import CLIPModel, CLIPTokenizer

from clip_folder import IMAGE_MEAN, IMAGE_STD
from clip_retrieval import embed_captions
from dataset import load_images, load_rows, pixels_of
from measure_vae import reconstruct
from pipeline import draw, load_ddim
from sample_sheet import WISHED, sheet


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("clip")
    parser.add_argument("dataset")
    parser.add_argument("--guidance", type=float, default=5.0)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--sample", type=int, default=7, help="another number: other captions")
    parser.add_argument("--split", default="train")
    parser.add_argument("--sheet")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rows = random.Random(args.sample).sample(load_rows(args.dataset, args.split), 100)
    names = [row["caption"] for row in rows]
    clip = CLIPModel.from_pretrained(args.clip, torch_dtype=torch.float32).eval()
    captions = embed_captions(clip, CLIPTokenizer.from_pretrained(args.clip), names)
    pipe = load_ddim(args.model)

    def assess(label, pixels):
        vision = clip.vision_model((pixels - IMAGE_MEAN) / IMAGE_STD).pooler_output
        similarity = F.normalize(clip.visual_projection(vision), dim=-1) @ captions.T
        rank = (similarity > similarity.diagonal().unsqueeze(1)).sum(1)
        cosine = similarity.diagonal().mean().item()
        print(
            "%s: own caption first %d, first or second %d, in the first five %d of 100; mean cosine %.3f"
            % (label, (rank < 1).sum(), (rank < 2).sum(), (rank < 5).sum(), cosine),
            flush=True,
        )
        return similarity, rank

    real = load_images(args.dataset, rows)
    assess("real pictures", real.float() / 255)
    assess("real pictures through the VAE", reconstruct(pipe.vae, real) / 2 + 0.5)
    pictures = draw(pipe, names, args.guidance, args.steps)
    pixels = pixels_of(pictures).float() / 255
    similarity, rank = assess(f"drawn pictures (guidance {args.guidance})", pixels)
    missed = torch.nonzero(rank > 1).flatten().tolist()
    for i in missed:
        print("  rank %d: %s, taken for: %s" % (rank[i] + 1, names[i], names[similarity[i].argmax()]))
    if args.sheet:
        chosen = draw(pipe, WISHED, args.guidance, args.steps)
        cells = list(zip(WISHED + names[:48], chosen + pictures[:48]))
        sheet([(name, picture, None) for name, picture in cells], 8).save(args.sheet, optimize=True, quality=82)


if __name__ == "__main__":
    main()
