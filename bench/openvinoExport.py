"""Writes a diffusers folder as OpenVINO's tools have it (what optimum-intel exports and OpenVINO GenAI reads), float32 weights, once.

Usage: python bench/openvinoExport.py MODEL_FOLDER OUT_FOLDER
"""

import json
import shutil
import sys
from pathlib import Path

import openvino
import openvino_tokenizers
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer


class Decoder(torch.nn.Module):
    def __init__(self, vae):
        super().__init__()
        self.vae = vae

    def forward(self, latent_sample):
        return self.vae.decode(latent_sample, return_dict=False)[0]


class Text(torch.nn.Module):
    def __init__(self, clip):
        super().__init__()
        self.clip = clip

    def forward(self, input_ids):
        answer = self.clip(input_ids=input_ids)
        return answer.last_hidden_state, answer.pooler_output


class Unet(torch.nn.Module):
    def __init__(self, unet):
        super().__init__()
        self.unet = unet

    def forward(self, sample, timestep, encoder_hidden_states):
        return self.unet(sample, timestep, encoder_hidden_states, return_dict=False)[0]


def convert(module, example, shapes, names, outputs, path):
    with torch.no_grad():
        model = openvino.convert_model(module.eval(), example_input=example)
    for port, name in zip(model.inputs, names):
        port.get_tensor().set_names({name})
    for port, name in zip(model.outputs, outputs):
        port.get_tensor().set_names({name})
    model.reshape({name: openvino.PartialShape(shape) for name, shape in zip(names, shapes)})
    path.mkdir(parents=True, exist_ok=True)
    openvino.save_model(model, path / "openvino_model.xml", compress_to_fp16=False)


def main():
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    if (target / "model_index.json").exists():
        return
    target.mkdir(parents=True, exist_ok=True)
    clip = CLIPTextModel.from_pretrained(source / "text_encoder")
    ids = torch.ones(1, 77, dtype=torch.int64)
    convert(Text(clip), (ids,), [[-1, 77]], ["input_ids"], ["last_hidden_state", "pooler_output"], target / "text_encoder")
    del clip
    vae = AutoencoderKL.from_pretrained(source / "vae")
    convert(Decoder(vae), (torch.randn(1, 4, 8, 8),), [[-1, 4, -1, -1]], ["latent_sample"], ["sample"], target / "vae_decoder")
    del vae
    unet = UNet2DConditionModel.from_pretrained(source / "unet")
    example = (torch.randn(2, 4, 64, 64), torch.tensor([500]), torch.randn(2, 77, 768))
    convert(
        Unet(unet),
        example,
        [[-1, 4, -1, -1], [1], [-1, 77, 768]],
        ["sample", "timestep", "encoder_hidden_states"],
        ["out_sample"],
        target / "unet",
    )
    for network, folder in {"unet": "unet", "text_encoder": "text_encoder", "vae": "vae_decoder"}.items():
        shutil.copy(source / network / "config.json", target / folder / "config.json")
    (target / "tokenizer").mkdir(exist_ok=True)
    tokenizer = openvino_tokenizers.convert_tokenizer(CLIPTokenizer.from_pretrained(source / "tokenizer"), with_detokenizer=False)
    openvino.save_model(tokenizer, target / "tokenizer" / "openvino_tokenizer.xml")
    (target / "scheduler").mkdir(exist_ok=True)
    scheduler = json.loads((source / "scheduler" / "scheduler_config.json").read_text())
    # GenAI has no DPM-Solver++; Euler's method calls the UNet as often
    scheduler = {**scheduler, "_class_name": "EulerDiscreteScheduler"}
    (target / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))
    index = json.loads((source / "model_index.json").read_text())
    (target / "model_index.json").write_text(json.dumps({**index, "_class_name": "StableDiffusionPipeline"}))


main()
