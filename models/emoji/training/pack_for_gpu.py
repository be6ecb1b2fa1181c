"""What train_on_gpu.py needs beside the repository, in one folder that is small enough to be sent along.

usage: pack_for_gpu.py DATASET VAE_RUN COMBINATIONS OUT     (COMBINATIONS: OUT of make_combinations.py)"""
import glob
import os
import shutil
import sys


def main(dataset, vae_run, combinations, out):
    os.makedirs(out, exist_ok=True)
    for file in (f"{dataset}/captions_train.json", f"{vae_run}/latents.pt", *glob.glob(combinations + "/latents_*.pt")):
        shutil.copy(file, out)
        print("%9d %s" % (os.path.getsize(file), os.path.basename(file)))


if __name__ == "__main__":
    main(*sys.argv[1:])
