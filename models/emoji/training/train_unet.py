"""Trains the text encoder and the UNet together on the VAE's latents (bfloat16 autocast): epsilon prediction, 10 % of the
captions dropped, exponential average of the weights. The error of each noise level counts in proportion to its usual size
(`relative`; the idea of the learnt uncertainty in EDM2, arXiv 2312.02696): plain or min-SNR-5 weights (`min-snr`, arXiv 2303.09556)
leave the noisiest steps, where a picture's subject is decided, with next to no say, and captions are learnt slowly.

usage: train_unet.py DATASET VAE_RUN OUT --minutes N [--init MODEL_FOLDER] [--combinations FOLDER]
VAE_RUN is the OUT of fold_vae.py. OUT/ckpt.pt resumes; the learning rate is constant, then falls to 2 % over the last 40 % of the
N minutes (`--decay 0`: it stays constant, for a run that goes on). TERM saves, exports and ends. --combinations takes a share of every
batch from what make_combinations.py made. --init starts from an exported folder's weights and tokenizer where there is no ckpt.pt.

Several processes of one thread each share the weights and wait for no one: each adds the gradients of half a batch to a common sum, and
the first process takes a step whenever a batch is together. On busy cores that is far faster than threads, which wait for the slowest
after every layer. (A gradient may so be of weights one or two steps old, which does no harm at these learning rates.)"""
import argparse
import glob
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

SHARE = 2  # a process adds the gradients of 1 / SHARE of a batch at a time
LEVELS = 20  # of noise, for the `relative` weighting
KNOWN_CAPTIONS = 16000  # text states kept by each process: 30 KB each


def load_combinations(folder, device):
    """(latents fp16 [n, 4, 16, 16], captions) of all files of make_combinations.py in a folder."""
    stored = [torch.load(path, map_location=device) for path in sorted(glob.glob(folder + "/latents_*.pt"))]
    if not stored:
        raise SystemExit(f"{folder}: no latents_*.pt; make_combinations.py writes them")
    return torch.cat([part["latents"] for part in stored]), [caption for part in stored for caption in part["captions"]]


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


def optimizer_state(kept, optimizer):
    """A kept state for this optimizer: what was frozen then starts afresh."""
    return dict(state=kept["state"], param_groups=optimizer.state_dict()["param_groups"])


class Batches:
    """Endless training batches: gradients of one process's share of a batch."""

    def __init__(self, args, modules, tokenizer, rows, seed):
        self.device = args.device
        random.seed(seed)
        torch.manual_seed(seed)
        self.args, (self.unet, self.text) = args, modules
        stored = torch.load(args.vae_run + "/latents.pt", map_location=self.device)
        self.latents, self.mirrored, self.may_flip = stored["train"], stored["train_flip"], stored["may_flip"]
        self.alphas = DDIMScheduler(clip_sample=False, **SCHEDULE).alphas_cumprod.to(self.device)
        self.order, self.usual = [], torch.full((LEVELS,), 0.1, device=self.device)

        self.captions, self.tokenizer, self.known = [caption_groups(row) for row in rows], tokenizer, {}
        self.combinations = load_combinations(args.combinations, self.device) if args.combinations else None

    def draw_caption(self, i):
        shares, groups = [share for share, _ in self.captions[i]], [group for _, group in self.captions[i]]
        return random.choice(random.choices(groups, shares)[0])

    def text_states(self, captions):
        """[captions, 77, width]; a frozen text encoder sees each caption once."""
        new = [text for text in captions if text not in self.known] if self.args.freeze_text else captions
        if new:
            ids = self.tokenizer(new, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
            states = self.text(ids.to(self.device)).last_hidden_state
            if not self.args.freeze_text:
                return states
            if len(self.known) > KNOWN_CAPTIONS:
                self.known = {text: self.known[text] for text in captions if text in self.known}
            self.known.update(zip(new, states.bfloat16()))
        return torch.stack([self.known[text] for text in captions])

    def draw_pictures(self, count):
        """(clean latents, captions, lowest timesteps) of so many pictures; 10 % of the captions are empty."""
        combined = sum(random.random() < self.args.combination_share for _ in range(count)) if self.combinations else 0
        single = count - combined
        while len(self.order) < single:
            self.order += torch.randperm(len(self.latents)).tolist()
        chosen, self.order = self.order[:single], self.order[single:]
        flip = (self.may_flip[chosen] & (torch.rand(single, device=self.device) < self.args.flip)).view(-1, 1, 1, 1)
        clean = torch.where(flip, self.mirrored[chosen], self.latents[chosen])
        captions = [self.draw_caption(i) for i in chosen]
        if combined:
            latents, texts = self.combinations
            others = [random.randrange(len(texts)) for _ in range(combined)]
            clean = torch.cat([clean, latents[others].float()])
            captions += [texts[i] for i in others]
        lowest = torch.tensor([0.0] * single + [self.args.combination_from] * combined, device=self.device)
        return clean, ["" if random.random() < 0.1 else caption for caption in captions], lowest

    def backward(self):
        """One share: leaves gradients in the weights' .grad, returns (squared error, weighted loss)."""
        args = self.args
        clean, captions, lowest = self.draw_pictures(args.batch // args.repeat // SHARE)
        autocast = torch.autocast(self.device, dtype=torch.bfloat16, enabled=not args.fp32)
        with autocast:
            states = self.text_states(captions).repeat(args.repeat, 1, 1)
        clean = clean.repeat(args.repeat, 1, 1, 1)
        count = len(clean)
        # stratified over the 1000 timesteps: one in each of `count` equal parts
        lowest = lowest.repeat(args.repeat)
        timesteps = (lowest + (torch.randperm(count, device=self.device) + torch.rand(count, device=self.device)) / count * (1000 - lowest)).long()
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
            # an average over about 50 values of a level, however many of them a batch has
            hits = torch.bincount(level, minlength=LEVELS)
            means = torch.zeros_like(self.usual).index_add_(0, level, squared.detach()) / hits.clamp(min=1)
            self.usual += (1 - 0.98**hits) * (means - self.usual)
        loss.backward()
        return torch.stack([squared.detach().mean(), loss.detach()])


class Shared:
    """Sum of gradients and losses that the processes add to, in shared memory."""

    def __init__(self, weights, lock):
        self.lock = lock
        self.gradients = [torch.zeros_like(p).share_memory_() for p in weights]
        self.losses, self.count = torch.zeros(2, device=weights[0].device).share_memory_(), torch.zeros(1).share_memory_()

    def add(self, weights, losses):
        with self.lock:
            torch._foreach_add_(self.gradients, [p.grad for p in weights])
            self.losses += losses
            self.count += 1

    def take(self, weights):
        """Their means, gradients into the weights' .grad, and nothing is left; None before a batch is together."""
        with self.lock:
            count = self.count.item()
            if count < SHARE:
                return None
            torch._foreach_copy_([p.grad for p in weights], self.gradients)
            torch._foreach_mul_([p.grad for p in weights], 1 / count)
            losses = self.losses / count
            torch._foreach_zero_(self.gradients)
            self.losses.zero_()
            self.count.zero_()
        return losses, int(count)


def work(args, modules, tokenizer, rows, seed, shared):
    """Another process: adds shares of batches until the first process ends."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    torch.set_num_threads(1)
    batches = Batches(args, modules, tokenizer, rows, seed)
    weights = [p for p in modules.parameters() if p.requires_grad]
    while os.getppid() != 1:
        if shared.count.item() > 8 * SHARE:  # the first process, which takes them, is paused: so is this one
            time.sleep(0.3)
            continue
        for p in weights:
            p.grad = None
        shared.add(weights, batches.backward())


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset")
    parser.add_argument("vae_run")
    parser.add_argument("out")
    parser.add_argument("--init", help="exported model folder to start from")
    parser.add_argument("--combinations", help="OUT of make_combinations.py")
    parser.add_argument("--combination-share", type=float, default=0.4, help="of the pictures of a batch, where there are combinations")
    parser.add_argument("--combination-from", type=float, default=0, help="lowest timestep of combinations: what they add is decided in noise")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeat", type=int, default=2, help="noise levels per caption: the text encoder runs once for them")
    parser.add_argument("--decay", type=float, default=0.4, help="share of the minutes over which the learning rate falls")
    parser.add_argument("--flip", type=float, default=0.25, help="share of mirrored pictures, where captions allow it")
    parser.add_argument("--freeze-text", action="store_true", help="train the UNet alone")
    parser.add_argument("--text-rate", type=float, default=1.0, help="learning rate of the text encoder, as a share of the UNet's")
    parser.add_argument("--weighting", choices=("relative", "min-snr"), default="relative")
    parser.add_argument("--export-every", type=float, default=12, help="minutes")
    parser.add_argument("--save-every", type=float, default=3, help="minutes")
    parser.add_argument("--max-steps", type=int)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--average", type=float, default=0.999, help="decay of the exponential average of the weights")
    parser.add_argument("--fp32", action="store_true", help="no bfloat16 autocast")
    args = parser.parse_args(argv)
    if args.device != "cpu" and args.workers != 1:
        parser.error("--device %s: one process, --workers 1" % args.device)
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
    modules = build_unet_and_text(len(tokenizer)).to(args.device)
    if args.device == "cpu":
        modules.share_memory()
        # by plain products: on a CPU torch's fused attention is slow backwards for heads this narrow (the whole step takes 1.5 times as long)
        modules[0].set_attn_processor(AttnProcessor())
    if args.freeze_text:
        modules[1].requires_grad_(False)
    named = [(name, p) for name, p in modules.named_parameters() if p.requires_grad]
    names, weights = [name for name, _ in named], [p for _, p in named]
    groups = [dict(params=[p for name, p in named if name.startswith(part)], share=share) for part, share in (("0.", 1.0), ("1.", args.text_rate))]
    groups = [group for group in groups if group["params"]]
    optimizer = torch.optim.AdamW(groups, args.lr, betas=(0.9, 0.99), weight_decay=1e-2, fused=True)
    step = seen = 0
    average_state = None
    if os.path.exists(checkpoint):
        kept = torch.load(checkpoint, map_location=args.device)
        modules.load_state_dict(kept["m"])
        optimizer.load_state_dict(optimizer_state(kept["o"], optimizer))
        average_state, step, seen = kept["ema"], kept["step"], kept["seen"]
        print("resumed at", step, flush=True)
    elif args.init:
        modules.load_state_dict(weights_of_folder(args.init, modules))
    average = [(average_state[n] if average_state else p.detach()).clone() for n, p in zip(names, weights)]
    first_step, first_seen = step, seen

    fork = mp.get_context("fork")
    shared = Shared(weights, fork.Lock())
    rest = [(rows, args.workers * step + 2 + i, shared) for i in range(args.workers)]
    helpers = [fork.Process(target=work, args=(args, modules, tokenizer, *of_one), daemon=True) for of_one in rest[1:]]
    for helper in helpers:
        helper.start()
    batches = Batches(args, modules, tokenizer, *rest[0][:2])

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
        export_model({name: value.cpu() for name, value in averaged().items()}, tokenizer_folder, args.vae_run + "/vae", args.out + "/model")
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
        rate = args.lr * warmed * (max(0.02, min(1, (1 - progress) / args.decay)) if args.decay else 1)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["share"]
        taken = None
        while not taken:
            optimizer.zero_grad()
            shared.add(weights, batches.backward())
            taken = shared.take(weights)
        if not all(helper.is_alive() for helper in helpers):
            raise SystemExit("another process ended by itself")
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        step += 1
        seen += args.batch // SHARE * taken[1]
        torch._foreach_lerp_(average, [p.detach() for p in weights], 1 - min(args.average, (1 + step) / (10 + step)))

        losses.append(taken[0])
        now = time.time()
        if step % 50 == 0:
            recent = torch.stack(losses).mean(0).tolist()
            losses.clear()
            print(
                "step %d  %.0f s  seen %d  mse %.4f  weighted %.4f  lr %.1e  %.1f samples/s"
                % (step, now - started, seen, *recent, rate, (seen - first_seen) / (now - started)),
                flush=True,
            )
        if now - last_save > args.save_every * 60:
            save()
            last_save = now
        if now - last_export > args.export_every * 60:
            save_and_export()
            last_export = now
    save_and_export()
    for helper in helpers:
        helper.kill()


if __name__ == "__main__":
    main()
