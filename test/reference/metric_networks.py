"""Golden data of the networks behind metrics, with random weights: Inception v3 (torch-fidelity), LPIPS (lpips), CLIP (transformers).

Usage: python test/reference/metric_networks.py
  writes test/golden/metric_networks.safetensors and the CLIP model test/models/tiny-clip (whose tokenizer is tiny-sd's).
Needs: torch, torchvision, torch-fidelity 0.4, lpips, transformers, safetensors.
Inception and LPIPS have their real sizes; their weights and inputs come from hashed_values.py, so only outputs are stored.
"""
import json
import pathlib
import shutil
import tempfile

import lpips
import numpy as np
import torch
from hashed_values import hashed_values, seed_of
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from transformers import CLIPConfig, CLIPModel

torch.set_num_threads(1)
TEST = pathlib.Path(__file__).parent.parent
out = {}


def random_weight(name, shape):
    """He-scaled weights; batch norms near the identity, variances in 0.5 … 1.5; LPIPS' channel weights positive."""
    count, seed = int(np.prod(shape)), seed_of(name)
    if name.startswith("lin"):
        values = hashed_values(count, seed, 0.5, 0.5)
    elif name.endswith("running_var"):
        values = hashed_values(count, seed, 0.5, 1.0)
    elif name.endswith("bn.weight"):
        values = hashed_values(count, seed, 0.1, 1.0)
    elif len(shape) == 1:
        values = hashed_values(count, seed, 0.1)
    else:
        values = hashed_values(count, seed, float(np.sqrt(6 / np.prod(shape[1:]))))
    return torch.from_numpy(values.reshape(shape))


def image_bytes(batch, height, width, seed):
    return np.floor((hashed_values(batch * 3 * height * width, seed).astype(np.float64) + 1) * 128).astype(np.uint8).reshape(batch, 3, height, width)


# Inception: the constructor wants a file of weights; an empty one is not loaded.
load = FeatureExtractorInceptionV3.load_state_dict
with tempfile.NamedTemporaryFile() as empty:
    torch.save({}, empty.name)
    FeatureExtractorInceptionV3.load_state_dict = lambda self, state: None
    names = list(FeatureExtractorInceptionV3.get_provided_features_list())
    net = FeatureExtractorInceptionV3("inception", names, feature_extractor_weights_path=empty.name)
FeatureExtractorInceptionV3.load_state_dict = load
net.load_state_dict({name: value if name.endswith("num_batches_tracked") else random_weight(name, tuple(value.shape))
                     for name, value in net.state_dict().items()})
with torch.no_grad():
    for name, value in zip(names, net(torch.from_numpy(image_bytes(1, 299, 299, 1)))):
        out[f"inception.{name}"] = value.numpy()

for trunk in ("alex", "vgg"):
    model = lpips.LPIPS(pretrained=False, net=trunk, pnet_rand=True, verbose=False)
    # torchvision's names: the package's slices keep the numbers of `features`.
    rename = lambda name: name if name.startswith("lin") else "features." + ".".join(name.split(".")[2:])
    model.load_state_dict({name: value if name.startswith(("scaling", "lins")) else random_weight(rename(name), tuple(value.shape))
                           for name, value in model.state_dict().items()})
    first, second = (torch.from_numpy(image_bytes(2, 80, 72, seed)).float() / 127.5 - 1 for seed in (2, 3))
    with torch.no_grad():
        out[f"lpips.{trunk}"] = model(first, 0.7 * first + 0.3 * second).numpy().reshape(-1)

# CLIP: a folder as transformers writes it.
torch.manual_seed(11)
config = CLIPConfig(
    projection_dim=16,
    text_config=dict(vocab_size=640, hidden_size=24, intermediate_size=48, num_hidden_layers=2, num_attention_heads=3, max_position_embeddings=77,
                     bos_token_id=638, eos_token_id=639, pad_token_id=639, projection_dim=16),
    vision_config=dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, image_size=32, patch_size=8, projection_dim=16),
)
clip = CLIPModel(config).eval()
for name, parameter in clip.named_parameters():
    if parameter.dim() > 1:
        torch.nn.init.normal_(parameter, std=0.5 if "embedding" in name else parameter[0].numel() ** -0.5)
    elif parameter.dim() == 1:
        torch.nn.init.normal_(parameter, mean=1.0 if "norm" in name and name.endswith("weight") else 0.0, std=0.1)
folder = TEST / "models" / "tiny-clip"
clip.save_pretrained(folder)
for name in ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"):
    shutil.copy(TEST / "models" / "tiny-sd" / "tokenizer" / name, folder / name)
preprocessor = {"crop_size": {"height": 32, "width": 32}, "do_center_crop": True, "do_convert_rgb": True, "do_normalize": True, "do_rescale": True,
                "do_resize": True, "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_processor_type": "CLIPImageProcessor",
                "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "rescale_factor": 1 / 255, "size": {"shortest_edge": 32}}
(folder / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=2) + "\n")

try:
    from transformers import CLIPImageProcessorPil as Processor
except ImportError:
    from transformers import CLIPImageProcessor as Processor
from PIL import Image

processor = Processor.from_pretrained(folder)
pictures = []
for index, (height, width) in enumerate([(50, 70), (64, 33), (32, 32)]):
    picture = np.ascontiguousarray(image_bytes(1, height, width, 20 + index)[0].transpose(1, 2, 0))
    pixels = np.asarray(processor(Image.fromarray(picture), return_tensors="np")["pixel_values"])
    out[f"clip.pixels.{index}"] = pixels[0].astype(np.float32)
    pictures.append(pixels)
print("image processor:", type(processor).__name__)
ids = np.array([[638, 5, 9, 300, 639] + [639] * 72, [638, 20, 21, 22, 23, 24, 639] + [639] * 70], dtype=np.int32)
with torch.no_grad():
    vision = clip.visual_projection(clip.vision_model(torch.from_numpy(np.concatenate(pictures)).float()).pooler_output)
    text = clip.text_projection(clip.text_model(torch.from_numpy(ids).long()).pooler_output)
out["clip.ids"], out["clip.image_embeds"], out["clip.text_embeds"] = ids, vision.numpy(), text.numpy()

target = TEST / "golden" / "metric_networks.safetensors"
save_file({key: np.ascontiguousarray(value) for key, value in out.items()}, target)
for path in [target, *folder.iterdir()]:
    path.chmod(0o644)
