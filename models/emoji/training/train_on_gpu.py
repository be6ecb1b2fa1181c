"""Trains the UNet on a machine with a GPU, from the exported model, and leaves what comes out in pieces of at most 15 MB.

usage: train_on_gpu.py INPUT OUT --minutes N [--model ..] [flags of train_unet.py]      on the machine with the GPU
       train_on_gpu.py --bring OUT MODEL                                                at home: MODEL becomes the trained one

INPUT holds what has to travel beside this repository, a few ten megabytes (`pack_for_gpu.py` makes it): captions_train.json,
latents.pt, latents_*.pt of combinations. Needs torch with CUDA, diffusers, transformers and safetensors; no network.
OUT/unet.000, unet.001, …: the averaged UNet as fp16 safetensors, cut; OUT/pieces.json: their sizes and SHA-256; OUT/log.txt.
They are written every --export-every minutes and at the end, so that a run that is cut off still leaves something. A run that goes
on from them is another run with `--model` the brought-home folder: the optimizer's state (130 MB) does not travel."""
import argparse
import contextlib
import glob
import hashlib
import json
import os
import shutil
import sys
import threading

PIECE = 15 * 10**6
UNET = "unet/diffusion_pytorch_model.safetensors"


def cut(file, out):
    """The file's pieces into `out`; pieces.json comes last, so that it never names pieces of two files."""
    with open(file, "rb") as opened:
        data = opened.read()
    names = []
    for start in range(0, len(data), PIECE):
        names.append("unet.%03d" % len(names))
        with open(f"{out}/{names[-1]}", "wb") as piece:
            piece.write(data[start : start + PIECE])
    with open(f"{out}/pieces.json.tmp", "w") as listed:
        json.dump(dict(file=UNET, pieces=names, bytes=len(data), sha256=hashlib.sha256(data).hexdigest()), listed, indent=2)
    os.replace(f"{out}/pieces.json.tmp", f"{out}/pieces.json")


def joined(folder):
    """The file that the pieces of a folder make; ends the program where they do not."""
    with open(f"{folder}/pieces.json") as listed:
        pieces = json.load(listed)
    data = b"".join(open(f"{folder}/{name}", "rb").read() for name in pieces["pieces"])
    if hashlib.sha256(data).hexdigest() != pieces["sha256"]:
        raise SystemExit(f"{folder}: the pieces are not those of pieces.json ({len(data)} bytes of {pieces['bytes']})")
    return data


def bring(folder, model):
    path = f"{model}/{UNET}"
    with open(path + ".tmp", "wb") as file:
        file.write(joined(folder))
    os.replace(path + ".tmp", path)
    print(path, os.path.getsize(path), "bytes")


class Tee:
    def __init__(self, *files):
        self.files = files

    def write(self, text):
        for file in self.files:
            file.write(text)

    def flush(self):
        for file in self.files:
            file.flush()


def train(folder, out, model, rest):
    from train_unet import main as train_unet

    os.makedirs(out, exist_ok=True)
    run = out + ".run"  # beside OUT: checkpoints are too large to travel
    os.makedirs(run, exist_ok=True)
    shutil.copytree(model + "/vae", run + "/vae", dirs_exist_ok=True)
    shutil.copy(folder + "/latents.pt", run + "/latents.pt")
    combinations = ["--combinations", folder] if glob.glob(folder + "/latents_*.pt") else []
    ended = threading.Event()

    def cut_exports():
        seen = 0
        while True:
            last = ended.wait(5)
            with contextlib.suppress(FileNotFoundError):  # the export is being replaced: next time
                file = f"{run}/model/{UNET}"
                changed = os.stat(file).st_mtime
                if changed != seen:
                    cut(file, out)
                    seen = changed
            if last:
                return

    cutter = threading.Thread(target=cut_exports)
    cutter.start()
    defaults = ["--device", "cuda", "--workers", "1", "--batch", "1024", "--repeat", "1", "--lr", "1e-3", "--export-every", "2", "--save-every", "5"]
    with open(out + "/log.txt", "a") as log, contextlib.redirect_stdout(Tee(sys.stdout, log)):
        try:
            train_unet([folder, run, run, "--init", model, "--freeze-text", *combinations, *defaults, *rest])
        finally:
            ended.set()
            cutter.join()


def main():
    if sys.argv[1:2] == ["--bring"]:
        return bring(*sys.argv[2:])
    parser = argparse.ArgumentParser()
    parser.add_argument("input")
    parser.add_argument("out")
    parser.add_argument("--model", default=os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    args, rest = parser.parse_known_args()
    train(args.input, args.out, args.model, rest)


if __name__ == "__main__":
    main()
