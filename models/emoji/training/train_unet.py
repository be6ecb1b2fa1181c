"""Trains the text encoder and the UNet together on the VAE's latents (CPU, bfloat16 autocast): epsilon prediction, 10 % of the
captions dropped, exponential average of the weights. The error of each noise level counts in proportion to its usual size
(`relative`; the idea of the learnt uncertainty in EDM2, arXiv 2312.02696): plain or min-SNR-5 weights (`min-snr`, arXiv 2303.09556)
leave the noisiest steps, where a picture's subject is decided, with next to no say, and captions are learnt slowly.

usage: train_unet.py DATASET VAE_RUN OUT --minutes N [--init MODEL_FOLDER]
VAE_RUN is the OUT of fold_vae.py. OUT/ckpt.pt resumes; the learning rate is constant, then falls to 2 % over the last 40 % of the
N minutes. TERM saves, exports and ends. --init starts from an exported folder's weights and tokenizer where there is no ckpt.pt.

Two processes of one thread each share the weights and halve the batch: on two busy cores that is up to twice as fast as one process
of two threads, which waits for the slower thread after every layer."""
import argparse
import os
import random
import shutil
import signal
import time

import torch
import torch.multiprocessing as mp
from diffusers import DDIMScheduler
from diffusers.models.attention_processor import AttnProcessor
from safetensors.torch import load_file
from transformers import CLIPTokenizer

from bpe import train_tokenizer
from dataset import caption_groups, load_rows
from export_model import export_model
from networks import SCHEDULE, build_unet_and_text

WORKERS = 2
LEVELS = 20  # of noise, for the `relative` weighting


def weights_of_folder(folder, modules):
    """State dict of build_unet_and_text from an exported model folder (fp16 becomes float32)."""
    unet = load_file(folder + "/unet/diffusion_pytorch_model.safetensors")
    text = load_file(folder + "/text_encoder/model.safetensors")
    weights = {"0." + name: value.float() for name, value in unet.items()}
    names = modules.state_dict().keys()
    for name, value in text.items():
        plain = "1." + name.removeprefix("text_model.")
        weights[plain if plain in names else "1." + name] = value.float()
    return weights


class Batches:
    """Endless training batches: gradients of one process's share of a batch."""

    def __init__(self, args, modules, tokenizer, rows, seed):
        random.seed(seed)
        torch.manual_seed(seed)
        self.args, (self.unet, self.text) = args, modules
        stored = torch.load(args.vae_run + "/latents.pt")
        self.latents, self.mirrored, self.may_flip = stored["train"], stored["train_flip"], stored["may_flip"]
        self.alphas = DDIMScheduler(clip_sample=False, **SCHEDULE).alphas_cumprod
        self.order, self.usual = [], torch.full((LEVELS,), 0.1)

        self.captions, self.tokenizer, self.known = [caption_groups(row) for row in rows], tokenizer, {}

    def draw_caption(self, i):
        if random.random() < 0.1:
            return ""
        shares, groups = [share for share, _ in self.captions[i]], [group for _, group in self.captions[i]]
        return random.choice(random.choices(groups, shares)[0])

    def text_states(self, captions):
        """[captions, 77, width]; a frozen text encoder sees each caption once."""
        new = [text for text in captions if text not in self.known] if self.args.freeze_text else captions
        if new:
            ids = self.tokenizer(new, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
            states = self.text(ids).last_hidden_state
            if not self.args.freeze_text:
                return states
            self.known.update(zip(new, states.bfloat16()))
        return torch.stack([self.known[text] for text in captions])

    def backward(self):
        """One share: leaves gradients in the weights' .grad, returns (squared error, weighted loss)."""
        args, pictures = self.args, self.args.batch // self.args.repeat // WORKERS
        if len(self.order) < pictures:
            self.order = torch.randperm(len(self.latents)).tolist()
        chosen, self.order = self.order[:pictures], self.order[pictures:]
        autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=not args.fp32)
        with autocast:
            states = self.text_states([self.draw_caption(i) for i in chosen]).repeat(args.repeat, 1, 1)
        flip = (self.may_flip[chosen] & (torch.rand(pictures) < args.flip)).view(-1, 1, 1, 1)
        clean = torch.where(flip, self.mirrored[chosen], self.latents[chosen]).repeat(args.repeat, 1, 1, 1)
        count = len(clean)
        # stratified over the 1000 timesteps: one in each of `count` equal parts
        timesteps = ((torch.randperm(count) + torch.rand(count)) / count * 1000).long()
        noise = torch.randn_like(clean)
        alpha = self.alphas[timesteps].view(-1, 1, 1, 1)
        noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
        with autocast:
            prediction = self.unet(noisy, timesteps, encoder_hidden_states=states, return_dict=False)[0].float()
        squared = (prediction - noise).square().mean((1, 2, 3))
        if args.weighting == "min-snr":
            snr = (alpha / (1 - alpha)).flatten()
            weight = snr.clamp(max=5) / snr
            loss = (weight * squared).mean() / weight.mean()
        else:
            level = timesteps * LEVELS // 1000
            loss = 0.1 * (squared / self.usual[level]).mean()
            for i, value in zip(level.tolist(), squared.tolist()):
                self.usual[i] += 0.02 * (value - self.usual[i])
        loss.backward()
        return squared.mean().item(), loss.item()


def work(args, modules, tokenizer, rows, seed, gradients, losses, go, done):
    """The second process: on every `go` one share of a batch, its gradients and losses into shared memory, then `done`."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    torch.set_num_threads(1)
    batches = Batches(args, modules, tokenizer, rows, seed)
    weights = [p for p in modules.parameters() if p.requires_grad]
    while True:
        while not go.acquire(timeout=60):
            if os.getppid() == 1:
                return
        modules.zero_grad(set_to_none=True)
        losses[0], losses[1] = batches.backward()
        torch._foreach_copy_(gradients, [p.grad for p in weights])
        done.release()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset")
    parser.add_argument("vae_run")
    parser.add_argument("out")
    parser.add_argument("--init", help="exported model folder to start from")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeat", type=int, default=2, help="noise levels per caption: the text encoder runs once for them")
    parser.add_argument("--decay", type=float, default=0.4, help="share of the minutes over which the learning rate falls")
    parser.add_argument("--flip", type=float, default=0.25, help="share of mirrored pictures, where captions allow it")
    parser.add_argument("--freeze-text", action="store_true", help="train the UNet alone")
    parser.add_argument("--weighting", choices=("relative", "min-snr"), default="relative")
    parser.add_argument("--export-every", type=float, default=12, help="minutes")
    parser.add_argument("--save-every", type=float, default=3, help="minutes")
    parser.add_argument("--max-steps", type=int)
    parser.add_argument("--fp32", action="store_true", help="no bfloat16 autocast")
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    torch.set_num_threads(1)

    rows = load_rows(args.dataset, "train")
    tokenizer_folder, checkpoint = args.out + "/tokenizer", args.out + "/ckpt.pt"
    if not os.path.exists(tokenizer_folder):
        if args.init:
            shutil.copytree(args.init + "/tokenizer", tokenizer_folder)
        else:
            train_tokenizer(rows + load_rows(args.dataset, "val"), tokenizer_folder)
    tokenizer = CLIPTokenizer.from_pretrained(tokenizer_folder)

    torch.manual_seed(1)
    modules = build_unet_and_text(len(tokenizer)).share_memory()
    # by plain products: on a CPU torch's fused attention is slow backwards for heads this narrow (the whole step takes 1.5 times as long)
    modules[0].set_attn_processor(AttnProcessor())
    if args.freeze_text:
        modules[1].requires_grad_(False)
    named = [(name, p) for name, p in modules.named_parameters() if p.requires_grad]
    names, weights = [name for name, _ in named], [p for _, p in named]
    optimizer = torch.optim.AdamW(weights, args.lr, betas=(0.9, 0.99), weight_decay=1e-2, fused=True)
    step = seen = 0
    average_state = None
    if os.path.exists(checkpoint):
        kept = torch.load(checkpoint)
        modules.load_state_dict(kept["m"])
        optimizer.load_state_dict(kept["o"])
        average_state, step, seen = kept["ema"], kept["step"], kept["seen"]
        print("resumed at", step, flush=True)
    elif args.init:
        modules.load_state_dict(weights_of_folder(args.init, modules))
    average = [(average_state[n] if average_state else p.detach()).clone() for n, p in zip(names, weights)]
    first_step = step

    gradients = [torch.zeros_like(p).share_memory_() for p in weights]
    other_losses = torch.zeros(2).share_memory_()
    fork = mp.get_context("fork")
    go, done = fork.Semaphore(0), fork.Semaphore(0)
    rest = (rows, 2 * step + 3, gradients, other_losses, go, done)
    helper = fork.Process(target=work, args=(args, modules, tokenizer, *rest), daemon=True)
    helper.start()
    batches = Batches(args, modules, tokenizer, rows, 2 * step + 2)

    def averaged():
        state = {name: value.clone() for name, value in modules.state_dict().items()}
        state.update({name: value.clone() for name, value in zip(names, average)})
        return state

    def save():
        state = dict(m=modules.state_dict(), o=optimizer.state_dict(), ema=averaged(), step=step, seen=seen)
        torch.save(state, checkpoint + ".tmp")
        os.replace(checkpoint + ".tmp", checkpoint)

    def save_and_export():
        save()
        export_model(averaged(), tokenizer_folder, args.vae_run + "/vae", args.out + "/model")
        print("exported at step", step, flush=True)

    asked_to_stop = []
    signal.signal(signal.SIGTERM, lambda *_: asked_to_stop.append(True))
    started = last_save = last_export = time.time()
    losses = []
    while not asked_to_stop:
        progress = (time.time() - started) / (args.minutes * 60)
        if progress >= 1 or (args.max_steps and step - first_step >= args.max_steps):
            break
        warmed = min(1, (step + 1) / 200, (step - first_step + 1) / 30)
        rate = args.lr * warmed * max(0.02, min(1, (1 - progress) / args.decay))
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        go.release()
        own_losses = batches.backward()
        while not done.acquire(timeout=60):
            if not helper.is_alive():
                raise SystemExit("the second process ended by itself")
        own = [p.grad for p in weights]
        torch._foreach_add_(own, gradients)
        torch._foreach_mul_(own, 1 / WORKERS)
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        step += 1
        seen += args.batch
        torch._foreach_lerp_(average, [p.detach() for p in weights], 1 - min(0.999, (1 + step) / (10 + step)))

        losses.append([(mine + others) / 2 for mine, others in zip(own_losses, other_losses.tolist())])
        now = time.time()
        if step % 50 == 0:
            recent = torch.tensor(losses[-50:]).mean(0).tolist()
            print(
                "step %d  %.0f s  seen %d  mse %.4f  weighted %.4f  lr %.1e  %.1f samples/s"
                % (step, now - started, seen, *recent, rate, (step - first_step) * args.batch / (now - started)),
                flush=True,
            )
        if now - last_save > args.save_every * 60:
            save()
            last_save = now
        if now - last_export > args.export_every * 60:
            save_and_export()
            last_export = now
    save_and_export()
    helper.kill()


if __name__ == "__main__":
    main()
