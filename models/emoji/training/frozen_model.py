"""The exported model, frozen, for what is trained beside it (train_lora.py, train_few_steps.py, train_control_net.py): batches of noisy latents and their loss."""
import random
import time

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from transformers import CLIPTextModel, CLIPTokenizer

from dataset import caption_groups
from networks import SCHEDULE

LEVELS = 20  # of noise, as train_unet.py's `relative` weighting has them


def begun(parser, seed, minutes, rate):
    """The arguments, with those that all of these trainings take; threads and random numbers are set by them."""
    parser.add_argument("--minutes", type=float, default=minutes)
    parser.add_argument("--rate", type=float, default=rate)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(seed)
    random.seed(seed)
    return args


class FrozenModel:
    def __init__(self, folder):
        part = lambda kind, name: kind.from_pretrained(f"{folder}/{name}").float().eval().requires_grad_(False)
        self.unet, self.text = part(UNet2DConditionModel, "unet"), part(CLIPTextModel, "text_encoder")
        self.unet.set_attn_processor(AttnProcessor())
        self.tokenizer = CLIPTokenizer.from_pretrained(folder + "/tokenizer")
        self.alphas = DDIMScheduler(clip_sample=False, **SCHEDULE).alphas_cumprod
        self.known, self.usual = {}, torch.full((LEVELS,), 0.1)

    @torch.no_grad()
    def text_states(self, captions):
        new = [text for text in dict.fromkeys(captions) if text not in self.known]
        if new:
            ids = self.tokenizer(new, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
            self.known.update(zip(new, self.text(ids).last_hidden_state.bfloat16()))
        return torch.stack([self.known[text] for text in captions])

    def loss(self, clean, captions, predict):
        """(what is to fall, squared error) of predict(noisy, timesteps, text states); each noise level counts in proportion to its usual error."""
        count = len(clean)
        timesteps = ((torch.randperm(count) + torch.rand(count)) / count * 1000).long()
        noise, alpha = torch.randn_like(clean), self.alphas[timesteps].view(-1, 1, 1, 1)
        noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
        with torch.autocast("cpu", dtype=torch.bfloat16):
            prediction = predict(noisy, timesteps, self.text_states(captions)).float()
        squared = (prediction - noise).square().mean((1, 2, 3))
        level = timesteps * LEVELS // 1000
        loss = 0.1 * (squared / self.usual[level]).mean()
        hits = torch.bincount(level, minlength=LEVELS)
        means = torch.zeros_like(self.usual).index_add_(0, level, squared.detach()) / hits.clamp(min=1)
        self.usual += (1 - 0.98**hits) * (means - self.usual)
        return loss, squared.detach().mean()


def add_lora(unet, rank, layers=("to_q", "to_k", "to_v", "to_out.0")):
    """A LoRA on the layers of these names; returns its weights."""
    unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank, init_lora_weights="gaussian", target_modules=list(layers)))
    return [p for p in unet.parameters() if p.requires_grad]


def save_lora(unet, path):
    """In fp16, under PEFT's names as diffusers has them."""
    state = get_peft_model_state_dict(unet)
    save_file({f"unet.{name}": value.detach().half().contiguous() for name, value in state.items()}, path, metadata={"format": "pt"})


def draw_caption(row, empty):
    """One of a picture's captions, or none in so many of the cases."""
    shares, groups = zip(*caption_groups(row))
    return "" if random.random() < empty else random.choice(random.choices(groups, shares)[0])


def train(weights, minutes, rate, step, save):
    """Adam for so many minutes of the processor on what `step()` gives (loss, squared error); the rate falls to nothing over the last half."""
    optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=1e-4)
    started = last_save = time.process_time()
    done, errors = 0, []
    while (progress := (time.process_time() - started) / (60 * minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (done + 1) / 50, 2.02 - 2 * progress)
        loss, error = step()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        done += 1
        errors.append((loss.item(), error.item()))
        if done % 25 == 0:
            print("step %d  %.0f s  weighted %.4f  mse %.4f" % (done, time.process_time() - started, *torch.tensor(errors).mean(0)), flush=True)
            errors.clear()
        if time.process_time() - last_save > 180:
            save()
            last_save = time.process_time()
    save()
