"""Trains the small CLIP that scores pictures of the embedded model, from nothing, on real pictures only (CPU, bfloat16 autocast).

usage: train_clip.py DATASET TOKENIZER VAE OUT --minutes N
OUT/model is the CLIPModel folder (fp16; exponential average of the weights), written at every look at the held-out pictures,
which are looked at and never chosen by. OUT/ckpt.pt resumes: the learning rate follows one cosine over the N minutes of a run."""
import argparse
import math
import os
import random
import time

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from clip_augment import augment, through_vae
from clip_folder import IMAGE_MEAN, IMAGE_STD, save_clip
from clip_retrieval import embed_captions, retrieval
from dataset import caption_groups, load_images, load_rows, may_mirror

CONTEXT = 77


def build_clip(vocab):
    tower = dict(hidden_size=192, num_attention_heads=4, hidden_act="quick_gelu", attention_dropout=0.0)
    special = dict(bos_token_id=vocab - 2, eos_token_id=vocab - 1, pad_token_id=vocab - 1)
    config = CLIPConfig(
        text_config=dict(
            vocab_size=vocab, max_position_embeddings=CONTEXT, num_hidden_layers=3, intermediate_size=512,
            projection_dim=128, **special, **tower,
        ),
        vision_config=dict(
            image_size=128, patch_size=16, num_hidden_layers=4, intermediate_size=768, projection_dim=128, **tower
        ),
        projection_dim=128,
    )
    # eager: on a CPU torch's fused attention is slow backwards for heads this narrow
    return CLIPModel._from_config(config, attn_implementation="eager")


def image_features(clip, pixels, keep):
    """Projected, normalised features; of the 64 patches a random share `keep` is seen (as in FLIP, arXiv 2212.00794)."""
    vision = clip.vision_model
    hidden = vision.embeddings(pixels)
    if keep < 1:
        patches = hidden.shape[1] - 1
        chosen = torch.rand(len(hidden), patches).argsort(1)[:, : int(patches * keep)] + 1
        seen = hidden.gather(1, chosen.unsqueeze(-1).expand(-1, -1, hidden.shape[-1]))
        hidden = torch.cat([hidden[:, :1], seen], 1)
    hidden = vision.encoder(inputs_embeds=vision.pre_layrnorm(hidden)).last_hidden_state
    return F.normalize(clip.visual_projection(vision.post_layernorm(hidden[:, 0])).float(), dim=-1)


def draw_caption(row):
    """A caption variant, at times with a word left out, at times a few of the tags."""
    tags = [tag for tag in row["tags"] if not tag.isdigit()]
    if len(tags) > 2 and random.random() < 0.1:
        return ", ".join(random.sample(tags, random.randint(2, 4) if len(tags) > 3 else 2))
    groups = caption_groups(row)
    text = random.choice(random.choices([group for _, group in groups], [share for share, _ in groups])[0])
    words = text.split()
    if len(words) > 2 and random.random() < 0.15:
        words.pop(random.randrange(len(words)))
    return " ".join(words)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset")
    parser.add_argument("tokenizer")
    parser.add_argument("vae", help="AutoencoderKL folder, for pictures with a decoder's artefacts")
    parser.add_argument("out")
    parser.add_argument("--minutes", type=float, default=16)
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--keep", type=float, default=0.5, help="share of patches seen before the last quarter")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--report", type=float, default=60, help="seconds between looks at the held-out pictures")
    parser.add_argument("--max-steps", type=int)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    torch.set_num_threads(args.threads)
    torch.manual_seed(2)
    random.seed(2)

    rows, val_rows = load_rows(args.dataset, "train"), load_rows(args.dataset, "val")
    images, val_images = load_images(args.dataset, rows), load_images(args.dataset, val_rows)
    allowed = torch.tensor([may_mirror(row["caption"]) for row in rows])
    tokenizer = CLIPTokenizer.from_pretrained(args.tokenizer)
    clip = build_clip(len(tokenizer))
    print("%.2f M parameters" % (sum(p.numel() for p in clip.parameters()) / 1e6), flush=True)

    cache = args.out + "/through_vae.pt"
    if not os.path.exists(cache):
        vae = AutoencoderKL.from_pretrained(args.vae, torch_dtype=torch.float32).eval()
        torch.save(through_vae(vae, images), cache)
    sources = torch.stack([images, images, images, torch.load(cache)])

    decayed = [p for p in clip.parameters() if p.ndim > 1]
    plain = [p for p in clip.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [dict(params=decayed, weight_decay=0.1), dict(params=plain, weight_decay=0)], args.lr, betas=(0.9, 0.98), fused=True
    )
    weights = list(clip.parameters())
    average = [p.detach().clone() for p in weights]
    step = 0
    checkpoint = args.out + "/ckpt.pt"
    if os.path.exists(checkpoint):
        kept = torch.load(checkpoint)
        clip.load_state_dict(kept["clip"])
        optimizer.load_state_dict(kept["optimizer"])
        average, step = kept["average"], kept["step"]

    def assess():
        """Exports the averaged weights and says their held-out retrieval."""
        own = [p.detach().clone() for p in weights]
        with torch.no_grad():
            torch._foreach_copy_([p.data for p in weights], average)
            clip.eval()
            captions = embed_captions(clip, tokenizer, [row["caption"] for row in val_rows])
            pixels = (val_images.float() / 255 - IMAGE_MEAN) / IMAGE_STD
            at1, at5, mean_rank = retrieval(image_features(clip, pixels, 1), captions)
            save_clip(clip, args.tokenizer, args.out + "/model")
            torch._foreach_copy_([p.data for p in weights], own)
            clip.train()
        torch.save(
            dict(clip=clip.state_dict(), optimizer=optimizer.state_dict(), average=average, step=step), checkpoint
        )
        return "val recall@1 %.3f @5 %.3f mean rank %.1f" % (at1, at5, mean_rank)

    started, first, order, losses = time.time(), step, [], []
    next_report = args.report
    while True:
        spent = time.time() - started
        progress = spent / (args.minutes * 60)
        if progress >= 1 or (args.max_steps and step - first >= args.max_steps):
            break
        rate = args.lr * min(1, (step + 1) / 100) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        if len(order) < args.batch:
            order = torch.randperm(len(rows)).tolist()
        chosen, order = order[: args.batch], order[args.batch :]
        batch = sources[torch.randint(len(sources), (len(chosen),)), torch.tensor(chosen)].float() / 255
        pixels = (augment(batch, allowed[chosen]) - IMAGE_MEAN) / IMAGE_STD
        with torch.autocast("cpu", dtype=torch.bfloat16):
            seen = image_features(clip, pixels, args.keep if progress < 0.75 else 1)
            said = embed_captions(clip, tokenizer, [draw_caption(rows[i]) for i in chosen])
        logits = clip.logit_scale.exp().clamp(max=50) * seen @ said.T
        target = torch.arange(len(chosen))
        loss = sum(F.cross_entropy(x, target, label_smoothing=0.1) for x in (logits, logits.T)) / 2
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        step += 1
        torch._foreach_lerp_(average, [p.detach() for p in weights], 1 - min(0.995, (1 + step) / (10 + step)))
        losses.append((loss.item(), (logits.argmax(1) == target).float().mean().item()))
        if time.time() - started > next_report:
            recent = torch.tensor(losses[-30:]).mean(0).tolist()
            rate_per_s = (step - first) * args.batch / (time.time() - started)
            print(
                "step %d  %.0f s  passes %.1f  loss %.3f  batch accuracy %.2f  %.0f images/s  %s"
                % (step, time.time() - started, step * args.batch / len(rows), *recent, rate_per_s, assess()),
                flush=True,
            )
            next_report += args.report
    print("end at step", step, assess(), flush=True)


if __name__ == "__main__":
    main()
