"""Caption features of a CLIPModel, and how well pictures find their captions.

usage: clip_retrieval.py CLIP_FOLDER DATASET     (prints the numbers of the model card)"""
import sys

import torch
import torch.nn.functional as F


def embed_captions(clip, tokenizer, captions):
    """Projected, normalised features [n, projection]. Padding to the longest of the batch gives what padding to 77 gives:
    attention is causal and the feature is read at the first end-of-text token."""
    ids = tokenizer(captions, padding="longest", max_length=77, truncation=True, return_tensors="pt").input_ids
    hidden = clip.text_model(input_ids=ids).last_hidden_state
    end = (ids == tokenizer.eos_token_id).int().argmax(1)
    return F.normalize(clip.text_projection(hidden[torch.arange(len(ids)), end]).float(), dim=-1)


def retrieval(pictures, captions):
    """(recall@1, recall@5, mean rank) of caption i among all captions for picture i."""
    similarity = pictures @ captions.T
    rank = (similarity > similarity.diagonal().unsqueeze(1)).sum(1)
    return (rank < 1).float().mean().item(), (rank < 5).float().mean().item(), rank.float().mean().item() + 1


@torch.no_grad()
def main(folder, dataset):
    from transformers import CLIPModel, CLIPTokenizer

    from clip_folder import IMAGE_MEAN, IMAGE_STD
    from dataset import load_images, load_rows

    clip = CLIPModel.from_pretrained(folder, torch_dtype=torch.float32).eval()
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    for split in ("val", "train"):
        rows = load_rows(dataset, split)
        pixels = (load_images(dataset, rows).float() / 255 - IMAGE_MEAN) / IMAGE_STD
        pictures = torch.cat(
            [F.normalize(clip.visual_projection(clip.vision_model(x).pooler_output), dim=-1) for x in pixels.split(64)]
        )
        captions = embed_captions(clip, tokenizer, [row["caption"] for row in rows])
        print(f"{split}: {len(rows)} pictures and captions")
        print("  picture to caption: recall@1 %.3f, recall@5 %.3f, mean rank %.1f" % retrieval(pictures, captions))
        print("  caption to picture: recall@1 %.3f, recall@5 %.3f, mean rank %.1f" % retrieval(captions, pictures))
        own = (pictures * captions).sum(1).mean().item()
        other = (pictures @ captions.roll(1, 0).T).diagonal().mean().item()
        print("  mean cosine with the own caption %.3f, with another's %.3f" % (own, other))


if __name__ == "__main__":
    torch.set_num_threads(2)
    main(*sys.argv[1:3])
