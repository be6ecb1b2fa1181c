"""Plots losses over time from the logs that the training scripts print.

usage: plot_losses.py OUT.svg [--vae LOG] [--unet LOG ...] [--clip LOG]     (several UNet logs: runs one after another)"""
import argparse
import re

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402


def numbers(path, pattern):
    """Columns of the pattern's groups, over the lines that match."""
    with open(path, encoding="utf-8") as file:
        found = [match.groups() for match in map(re.compile(pattern).search, file) if match]
    return [[float(value) for value in column] for column in zip(*found)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--vae")
    parser.add_argument("--unet", nargs="+", default=[])
    parser.add_argument("--clip")
    args = parser.parse_args()
    pyplot.rcParams["svg.hashsalt"] = "losses"
    figure, axes = pyplot.subplots(1, 3, figsize=(12, 3.2), constrained_layout=True)
    if args.vae:
        _, seconds, absolute, edge, _ = numbers(args.vae, r"^(\d+) (\d+) l1 (\S+) edge (\S+) kl (\S+)")
        axes[0].plot([s / 60 for s in seconds], absolute, label="absolute + ½ squared")
        axes[0].plot([s / 60 for s in seconds], edge, label="edges")
        axes[0].set(title="VAE", xlabel="minutes", yscale="log")
        axes[0].legend()
    before = 0.0
    for i, log in enumerate(args.unet):
        seen, squared, _ = numbers(log, r"seen (\d+)  mse (\S+)  weighted (\S+)")
        passes = [before + (count - seen[0]) / 1438 for count in seen]
        axes[1].plot(passes, squared, label=f"run {i + 1}")
        before = passes[-1]
    axes[1].set(title="UNet: squared error of the noise", xlabel="samples / 1,438 pictures (runs 5 and 6: half of them combinations)", yscale="log")
    axes[1].legend()
    if args.clip:
        passes, loss, at1, at5 = numbers(args.clip, r"passes (\S+)  loss (\S+) .*recall@1 (\S+) @5 (\S+)")
        axes[2].plot(passes, loss, color="tab:gray", label="loss (left)")
        axes[2].set(title="CLIP", xlabel="passes over 1,438 pictures")
        right = axes[2].twinx()
        right.plot(passes, at1, label="held-out recall@1")
        right.plot(passes, at5, label="held-out recall@5")
        right.set_ylim(0, 1)
        right.legend(loc="center right")
        axes[2].legend(loc="upper right")
    for axis in axes:
        axis.grid(alpha=0.3)
    figure.savefig(args.out, metadata={"Date": None})


if __name__ == "__main__":
    main()
