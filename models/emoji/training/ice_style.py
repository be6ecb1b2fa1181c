"""The training pictures as if of ice: their brightness alone, from deep blue to white."""
import os

import numpy as np
from PIL import Image

LEVELS = (0, 0.3, 0.6, 0.85, 1)
COLOURS = np.array([(8, 20, 90), (20, 80, 190), (80, 170, 235), (190, 235, 250), (255, 255, 255)], np.float32) / 255


def transparent(assets, file):
    """(colour, opacity) float32 of 0..1 of a picture of the data set, from the file with transparency that it was made of."""
    names = {name[:-5].lower(): name for name in os.listdir(assets)}
    names |= {code.replace("-fe0f", ""): name for code, name in names.items()}
    code = file[:-4]
    image = Image.open(f"{assets}/{names.get(code) or names[code.replace('-fe0f', '')]}").convert("RGBA").convert("RGBa")
    pixels = np.asarray(image.resize((128, 128), Image.LANCZOS), np.float32) / 255
    alpha = pixels[..., 3:]
    return (pixels[..., :3] / np.maximum(alpha, 1e-3)).clip(0, 1), alpha


def ice(rgb, alpha):
    """RGB uint8 picture on white."""
    brightness = rgb @ np.array([0.299, 0.587, 0.114], np.float32)
    shades = [np.interp((brightness - 0.5) * 1.2 + 0.5, LEVELS, column) for column in COLOURS.T]
    return ((np.stack(shades, -1) * alpha + 1 - alpha).clip(0, 1) * 255).round().astype(np.uint8)
