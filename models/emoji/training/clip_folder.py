"""Writes the CLIPModel folder: fp16 weights, configuration, tokenizer, preprocessor_config.json."""
import json
import os
import shutil

import torch
from safetensors.torch import save_file

MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]  # OpenAI's, as everywhere
IMAGE_MEAN, IMAGE_STD = (torch.tensor(x).view(1, 3, 1, 1) for x in (MEAN, STD))

# what transformers writes for every model, and says nothing about this one
NOISE = (
    "_name_or_path", "chunk_size_feed_forward", "dtype", "id2label", "label2id", "is_encoder_decoder", "output_attentions",
    "output_hidden_states", "problem_type", "return_dict",
)


def without_noise(config):
    return {
        name: without_noise(value) if isinstance(value, dict) else value
        for name, value in config.items()
        if name not in NOISE and value is not None
    }


def save_clip(clip, tokenizer_folder, out):
    tmp = out + ".tmp"
    shutil.rmtree(tmp, ignore_errors=True)
    os.makedirs(tmp)
    weights = {name: value.half().contiguous() for name, value in clip.state_dict().items() if "position_ids" not in name}
    save_file(weights, tmp + "/model.safetensors", metadata={"format": "pt"})
    os.chmod(tmp + "/model.safetensors", 0o644)
    config = without_noise(clip.config.to_dict())
    config.update(architectures=["CLIPModel"], model_type="clip", torch_dtype="float16")
    with open(tmp + "/config.json", "w") as file:
        json.dump(config, file, indent=2, sort_keys=True)
    with open(tmp + "/preprocessor_config.json", "w") as file:
        json.dump(
            {
                "crop_size": {"height": 128, "width": 128},
                "do_center_crop": True,
                "do_convert_rgb": True,
                "do_normalize": True,
                "do_rescale": True,
                "do_resize": True,
                "feature_extractor_type": "CLIPFeatureExtractor",
                "image_mean": MEAN,
                "image_processor_type": "CLIPImageProcessor",
                "image_std": STD,
                "resample": 3,
                "rescale_factor": 1 / 255,
                "size": {"shortest_edge": 128},
            },
            file,
            indent=2,
        )
    for name in ("vocab.json", "merges.txt", "special_tokens_map.json", "tokenizer_config.json"):
        shutil.copy(f"{tokenizer_folder}/{name}", f"{tmp}/{name}")
    shutil.rmtree(out, ignore_errors=True)
    os.rename(tmp, out)
