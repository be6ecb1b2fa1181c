"""Makes pictures of combinations out of the training pictures and encodes them: recoloured things, two and three in one picture, things on
coloured grounds, on other things, with hats, glasses and faces, big and small. The 1,438 pictures alone teach no combining.

usage: make_combinations.py ASSETS DATASET VAE_FOLDER OUT --count 14000     (ASSETS as for prepare_dataset.py: pictures with transparency)
       make_combinations.py ASSETS DATASET VAE_FOLDER SHEET.png --count 96  (looks at some instead)
OUT/latents_SEED.pt: {"latents": fp16 [count, 4, 16, 16], "captions": [count]}; train_unet.py --combinations OUT reads all of its files.
Held-out pictures are never used, nor are the combinations that the model card tests (combination_words.COMBINATIONS)."""
import argparse
import functools
import os
import random

import numpy as np
import torch
from PIL import Image, ImageDraw

import combination_words as words
from dataset import load_rows, may_mirror, pixels_of

SIZE = 128
NUMBERS = {2: "two", 3: "three", 4: "four"}
# hue in degrees (None: left as it is), saturation and brightness that a recoloured thing has on average
PAINTS = {
    "red": (357, 0.80, 0.88), "orange": (26, 0.82, 0.97), "yellow": (49, 0.78, 0.99), "green": (125, 0.65, 0.72), "blue": (216, 0.74, 0.92),
    "purple": (272, 0.58, 0.80), "pink": (338, 0.42, 0.98), "black": (None, 0.10, 0.24), "white": (None, 0.05, 0.95), "brown": (22, 0.60, 0.52),
    "grey": (None, 0.05, 0.62), "golden": (43, 0.70, 0.95),
}


def entries(text):
    """[(caption, noun)] of a list of combination_words."""
    pairs = [entry.strip().split("=") for entry in text.split("; ")]
    return [(pair[0], pair[-1]) for pair in pairs]


def a(noun):
    return ("an " if noun[0] in "aeio" or noun.startswith(("umb", "ugly")) else "a ") + noun


def plural(noun):
    head, of, rest = noun.partition(" of ")
    start, _, last = head.rpartition(" ")
    irregular = words.PLURALS.get(last)
    if not irregular:
        irregular = last[:-1] + "ies" if last.endswith("y") and last[-2] not in "aeiou" else last + ("es" if last.endswith(("s", "x", "ch", "sh", "o")) else "s")
    return (start + " " + irregular).strip() + of + rest


def to_hsv(rgb):
    high, low = rgb.max(-1), rgb.min(-1)
    spread = np.maximum(high - low, 1e-6)
    r, g, b = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    hue = np.where(high == r, (g - b) / spread % 6, np.where(high == g, (b - r) / spread + 2, (r - g) / spread + 4)) * 60
    return hue, np.where(high > 0, (high - low) / np.maximum(high, 1e-6), 0), high


def to_rgb(hue, saturation, value):
    part = lambda n: value - value * saturation * np.clip(np.minimum((n + hue / 60) % 6, 4 - (n + hue / 60) % 6), 0, 1)
    return np.stack([part(5), part(3), part(1)], -1)


def recoloured(rgba, colour):
    """The thing's main colour becomes `colour`; other colours (a leaf, eyes) stay. None where it already has it or has no main colour."""
    rgb, alpha = rgba[..., :3], rgba[..., 3]
    hue, saturation, value = to_hsv(rgb)
    coloured = (saturation > 0.25) & (value > 0.2) & (alpha > 0.5)
    solid = alpha > 0.5
    paint, want_saturation, want_value = PAINTS[colour]
    if coloured.sum() > 0.35 * solid.sum():
        counts = np.bincount((hue[coloured] / 10).astype(int) % 36, saturation[coloured], 36)
        main = (counts + np.roll(counts, 1) + np.roll(counts, -1)).argmax() * 10 + 5
        distance = np.abs((hue - main + 180) % 360 - 180)
        weight = np.clip((60 - distance) / 25, 0, 1) * np.clip((saturation - 0.08) / 0.12, 0, 1)
        chosen = (weight > 0.5) & solid
        if chosen.sum() < 0.45 * solid.sum():
            return None
        turn = ((hue - main + 180) % 360 - 180) * 0.4
    else:  # a grey or white thing: colour everything but the darkest parts
        if (value[solid] < 0.35).mean() > 0.4 and colour in ("black", "grey"):
            return None
        weight = np.clip((value - 0.25) / 0.2, 0, 1) * (saturation < 0.4)
        chosen, turn, main = (weight > 0.5) & solid, 0, None
        if chosen.sum() < 0.45 * solid.sum() or colour in ("white", "grey"):
            return None
    mean_saturation, mean_value = saturation[chosen].mean(), value[chosen].mean()
    if main is not None and paint is not None and abs((paint - main + 180) % 360 - 180) < 22 and abs(mean_value - want_value) < 0.25:
        return None
    # saturation keeps its pattern by ratio; brightness its contrast, as a power of itself
    new_saturation = np.clip(saturation * want_saturation / max(mean_saturation, 0.05), 0, 1) if main is not None else want_saturation * (0.6 + 0.4 * (1 - value))
    power = np.log(want_value) / np.log(np.clip(mean_value, 0.05, 0.98))
    new_value = np.clip(value, 0.02, 1) ** np.clip(power, 0.25, 9)
    if colour == "black":
        new_value = value * want_value / mean_value * 0.7 + 0.3 * (value**3)
    new_hue = hue if paint is None else (paint + turn) % 360
    painted = to_rgb(new_hue + 0 * hue, new_saturation + 0 * hue, new_value)
    mixed = rgb * (1 - weight[..., None]) + painted * weight[..., None]
    return np.concatenate([mixed, alpha[..., None]], -1)


class Maker:
    def __init__(self, assets, dataset, seed):
        self.random = random.Random(seed)
        self.assets, rows = assets, load_rows(dataset, "train")
        self.files = {}
        for row in rows:
            self.files.setdefault(row["caption"], row["file"])
        names = {name[:-5].lower(): name for name in os.listdir(assets)}
        self.names = names | {code.replace("-fe0f", ""): name for code, name in names.items()}
        parse = lambda *texts: [entry for text in texts for entry in entries(text)]
        self.animals = parse(words.ANIMAL_FACES, words.ANIMALS)
        self.things = parse(words.FOOD, words.PLANTS, words.VEHICLES, words.THINGS)
        self.everything = self.animals * 2 + self.things
        self.simple = self.everything + parse(words.FACES)
        self.common = parse(words.COMMON)
        self.faces, self.hats, self.glasses, self.carried, self.seats, self.smilers = (
            parse(text) for text in (words.ANIMAL_FACES, words.HATS, words.GLASSES, words.CARRIED, words.SEATS, words.SMILERS)
        )
        self.tested = {self.plain(caption) for caption in words.COMBINATIONS}

    def plain(self, caption):
        return " ".join(word for word in caption.lower().split() if word not in ("a", "an", "the"))

    @functools.cache
    def picture(self, caption):
        """float32 [h, w, 4] of 0..1, cropped to what is not transparent."""
        code = self.files[caption][:-4]
        name = self.names.get(code) or self.names[code.replace("-fe0f", "")]
        image = Image.open(f"{self.assets}/{name}").convert("RGBA").resize((192, 192), Image.LANCZOS)
        rgba = np.asarray(image, np.float32) / 255
        rows, columns = np.nonzero(rgba[..., 3].max(1) > 0.05)[0], np.nonzero(rgba[..., 3].max(0) > 0.05)[0]
        return rgba[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]

    def mostly_common(self, others):
        return self.common if self.random.random() < 0.7 else others

    def thing(self, choices=None, colour_share=0.0):
        """(picture, noun with its colour if it got one)."""
        caption, noun = self.random.choice(choices or self.everything)
        rgba = self.picture(caption)
        if self.random.random() < colour_share:
            colour = self.random.choice(words.COLOURS)
            painted = recoloured(rgba, colour)
            if painted is not None and colour not in noun:
                rgba, noun = painted, f"{colour} {noun}"
        if self.random.random() < 0.1 and may_mirror(caption):
            rgba = rgba[:, ::-1]
        return rgba, noun

    def blank(self, colour=None):
        canvas = Image.new("RGBA", (SIZE, SIZE), (255, 255, 255, 255))
        if colour:
            canvas = Image.new("RGBA", (SIZE, SIZE), (*words.GROUNDS[colour], 255))  # even: a ground that varies is learnt as stains
        return canvas

    def place(self, canvas, rgba, box, x, y):
        """Fits `rgba` into a square of `box` pixels around (x, y); returns where it lies (left, top, right, bottom)."""
        height, width = rgba.shape[:2]
        scale = box / max(height, width)
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
        image = Image.fromarray((rgba * 255).round().clip(0, 255).astype(np.uint8)).resize((width, height), Image.LANCZOS)
        left, top = round(x - width / 2), round(y - height / 2)
        layer = Image.new("RGBA", canvas.size, (0, 0, 0, 0))
        layer.paste(image, (left, top))
        canvas.alpha_composite(layer)
        return left, top, left + width, top + height

    def jitter(self, amount):
        return self.random.uniform(-amount, amount)

    # each returns (canvas, caption)

    def colour(self):
        rgba, noun = self.thing(self.mostly_common(self.simple), 1.0)
        if noun.split()[0] not in words.COLOURS:
            return None
        canvas = self.blank()
        self.place(canvas, rgba, self.random.uniform(100, 120), 64 + self.jitter(3), 64 + self.jitter(3))
        return canvas, a(noun)

    def layout(self, count):
        """[(x, y, box)] for so many things, as large as they can be."""
        if count == 2:
            return [(33, 64, 63), (95, 64, 63)] if self.random.random() < 0.65 else [(40, 40, 74), (88, 88, 74)]
        if count == 3:
            return [(64, 33, 62), (33, 94, 62), (95, 94, 62)]
        return [(33, 33, 62), (95, 33, 62), (33, 95, 62), (95, 95, 62)]

    def number(self):
        count = self.random.choices((2, 3, 4), (0.55, 0.38, 0.07))[0]
        rgba, noun = self.thing(self.mostly_common(self.simple), 0.2)
        canvas = self.blank()
        for x, y, box in self.layout(count):
            self.place(canvas, rgba, box + self.jitter(2), x + self.jitter(1), y + self.jitter(1))
        return canvas, f"{NUMBERS[count]} {plural(noun)}"

    def pair(self):
        (one, noun), (other, second) = (self.thing(self.mostly_common(self.everything), 0.1) for _ in range(2))
        if noun == second:
            return None
        canvas, kind = self.blank(), self.random.random()
        if kind < 0.8:
            for rgba, (x, y, box) in zip((one, other), self.layout(2)):
                self.place(canvas, rgba, box + self.jitter(2), x + self.jitter(2), y + self.jitter(2))
            return canvas, self.random.choice([f"{a(noun)} and {a(second)}"] * 6 + [f"{a(noun)} next to {a(second)}"])
        if kind < 0.87:
            self.place(canvas, one, 62, 64 + self.jitter(6), 33)
            self.place(canvas, other, 62, 64 + self.jitter(6), 95)
            return canvas, self.random.choice([f"{a(noun)} above {a(second)}", f"{a(second)} below {a(noun)}"])
        self.place(canvas, one, 88, 45, 48 + self.jitter(3))
        self.place(canvas, other, 44, 104, 104 + self.jitter(2))
        return canvas, f"a big {noun} and a small {second}"

    def size(self):
        rgba, noun = self.thing()
        canvas = self.blank()
        if self.random.random() < 0.7:
            self.place(canvas, rgba, self.random.uniform(38, 52), 64 + self.jitter(4), 64 + self.jitter(4))
            return canvas, f"a {self.random.choice(['small', 'tiny', 'little'])} {noun}"
        self.place(canvas, rgba, 84, 46, 50)
        self.place(canvas, rgba, 42, 103, 100)
        return canvas, f"a big {noun} and a small {noun}"

    def ground(self):
        colour = self.random.choice(list(words.GROUNDS))
        rgba, noun = self.thing(self.mostly_common(self.simple), 0.1)
        canvas = self.blank(colour)
        self.place(canvas, rgba, self.random.uniform(92, 108), 64 + self.jitter(3), 64 + self.jitter(3))
        return canvas, f"{a(noun)} on {a(colour)} background"

    def hat(self):
        (head, noun), (hat, hat_noun) = self.thing(self.faces * 2 + self.smilers, 0.15), self.thing(self.hats, 0.25)
        canvas = self.blank()
        left, top, right, bottom = self.place(canvas, head, 94, 64 + self.jitter(2), 78)
        # a hat sits where the head is half as wide as the hat, so that ears stand out beside it
        width = (right - left) * self.random.uniform(0.5, 0.62)
        height = width * hat.shape[0] / hat.shape[1]
        column = np.nonzero(head[:, int(head.shape[1] * 0.45) : int(head.shape[1] * 0.55), 3].max(1) > 0.5)[0]
        crown = top + (column[0] / head.shape[0] * (bottom - top) if len(column) else 0)
        self.place(canvas, hat, max(width, height), (left + right) / 2, max(crown + 8 - height / 2, height / 2 + 1))
        return canvas, f"{a(noun)} {self.random.choice(['with', 'with', 'wearing'])} {a(hat_noun)}"

    def eyes_of(self, head):
        """Height of the eyes (share of the picture) and distance between them, or None: dark spots on both sides of the middle."""
        height, width = head.shape[:2]
        dark = (head[..., :3].max(-1) < 0.38) & (head[..., 3] > 0.8)
        dark[: int(height * 0.25)] = dark[int(height * 0.66) :] = False
        sides = [np.nonzero(dark[:, int(width * lo) : int(width * hi)]) for lo, hi in ((0.15, 0.47), (0.53, 0.85))]
        if min(len(rows) for rows, _ in sides) < 20:
            return None
        heights = [np.median(rows) / height for rows, _ in sides]
        return sum(heights) / 2 if abs(heights[0] - heights[1]) < 0.06 else None

    def with_glasses(self):
        (head, noun), (glasses, glasses_noun) = self.thing(self.faces, 0.15), self.thing(self.glasses, 0.15)
        eyes = self.eyes_of(head)
        if eyes is None or noun in ("skull",):
            return None
        canvas = self.blank()
        left, top, right, bottom = self.place(canvas, head, self.random.uniform(104, 118), 64, 64)
        self.place(canvas, glasses, (right - left) * self.random.uniform(0.6, 0.7), (left + right) / 2, top + (bottom - top) * eyes)
        return canvas, f"{a(noun)} {self.random.choice(['with', 'with', 'wearing'])} {glasses_noun}"

    def winged(self):
        (thing, noun), (wings, _) = self.thing(self.mostly_common(self.everything), 0.1), self.thing([("butterfly", "wings")])
        canvas = self.blank()
        self.place(canvas, wings, 126, 64, 58 + self.jitter(3))
        self.place(canvas, thing, self.random.uniform(70, 78), 64 + self.jitter(2), 70 + self.jitter(3))
        return canvas, f"{a(noun)} with wings"

    def carrying(self):
        (one, noun), (other, second) = self.thing(self.animals, 0.1), self.thing(self.carried, 0.2)
        if noun == second:
            return None
        canvas, side = self.blank(), self.random.choice((-1, 1))
        self.place(canvas, one, 92, 64 - 14 * side, 68)
        self.place(canvas, other, 50, 64 + 36 * side + self.jitter(3), self.random.uniform(76, 100) if second not in ("balloon", "kite", "umbrella", "star") else 36)
        return canvas, f"{a(noun)} with {a(second)}"

    def seated(self):
        (one, noun), (seat, second) = self.thing(self.everything, 0.1), self.thing(self.seats, 0.15)
        if noun == second:
            return None
        canvas = self.blank()
        left, top, right, bottom = self.place(canvas, seat, 84, 64, 88)
        shift = max(0, bottom - 126)
        canvas = self.blank()
        left, top, right, bottom = self.place(canvas, seat, 84, 64, 88 - shift)
        scale = min(58, max(40, top + 14))
        height = scale * one.shape[0] / max(one.shape[:2])
        self.place(canvas, one, scale, 64 + self.jitter(4), max(top + 10 - height / 2, height / 2 + 1))
        return canvas, f"{a(noun)} on {a(second)}"

    @functools.cached_property
    def bare_face(self):
        """The yellow face without features: what most of the faces agree on, per pixel."""
        names = {face for faces in words.FEELINGS.values() for face in faces} | {"face with raised eyebrow", "neutral face", "face without mouth", "smirking face"}
        stack = np.stack([self.whole(name) for name in sorted(names)])
        return np.quantile(stack, 0.75, 0)

    @functools.cache
    def whole(self, caption):
        code = self.files[caption][:-4]
        name = self.names.get(code) or self.names[code.replace("-fe0f", "")]
        return np.asarray(Image.open(f"{self.assets}/{name}").convert("RGBA").resize((160, 160), Image.LANCZOS), np.float32) / 255

    @functools.cache
    def features(self, face):
        """Eyes and mouth of a yellow face, transparent elsewhere."""
        rgba = self.whole(face).copy()
        difference = np.abs(rgba[..., :3] - self.bare_face[..., :3]).max(-1)
        hue, saturation, value = to_hsv(rgba[..., :3])
        yellow = (np.abs(hue - 42) < 18) & (saturation > 0.45) & (value > 0.6)
        rgba[..., 3] *= np.clip((difference - 0.10) / 0.18, 0, 1) * ~yellow
        rgba[:14, :, 3] = rgba[-14:, :, 3] = 0
        rgba[:, :14, 3] = rgba[:, -14:, 3] = 0
        return rgba

    def smiling(self):
        (thing, noun), feeling = self.thing(self.smilers, 0.25), self.random.choice(list(words.FEELINGS))
        canvas = self.blank()
        left, top, right, bottom = self.place(canvas, thing, self.random.uniform(104, 118), 64, 64)
        weight = thing[..., 3].sum(1)
        centre = (weight * np.arange(len(weight))).sum() / weight.sum() / len(weight)
        box = min(right - left, bottom - top) * self.random.uniform(0.72, 0.85)
        self.place(canvas, self.features(self.random.choice(words.FEELINGS[feeling])), box, (left + right) / 2, top + (bottom - top) * centre)
        return canvas, self.random.choice([f"{a(feeling)} {noun}"] * 2 + [f"{a(noun)} with {a(feeling)} face"])

    KINDS = dict(colour=0.2, number=0.25, pair=0.22, hat=0.05, with_glasses=0.03, carrying=0.05, winged=0.03, seated=0.02, smiling=0.05, ground=0.09, size=0.01)

    def make(self):
        """(128x128 RGB picture, caption)."""
        while True:
            kind = self.random.choices(list(self.KINDS), list(self.KINDS.values()))[0]
            made = getattr(self, kind)()
            if made is None or self.is_tested(made[1]):
                continue
            canvas, caption = made
            draw = self.random.random()
            if draw < 0.1:
                caption = f"a 3d emoji of {caption}"
            elif draw < 0.25 and kind == "colour":
                caption = caption.split(" ", 1)[1]
            elif draw < 0.15:
                caption = caption + " emoji"
            return canvas.convert("RGB"), caption

    def is_tested(self, caption):
        """In the card's list, as it is or but for colours, the order of the two things or the kind of hat."""
        plain = self.plain(caption)
        colourless = " ".join(word for word in plain.split() if word not in words.COLOURS)
        forms = set()
        for form in (plain, colourless):
            form = form.replace("wearing", "with").replace("top hat", "hat").replace("grinning cat", "cat").replace("next to", "and")
            forms |= {form, " and ".join(reversed(form.split(" and ")))}
        return bool(forms & self.tested)


def latents_of(vae, pictures):
    pixels = pixels_of(pictures).float() / 127.5 - 1
    return (vae.encode(pixels).latent_dist.mean * vae.config.scaling_factor).half()


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("assets")
    parser.add_argument("dataset")
    parser.add_argument("vae")
    parser.add_argument("out")
    parser.add_argument("--count", type=int, default=14000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", help="this kind only (for a sheet)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    maker = Maker(args.assets, args.dataset, args.seed)
    if args.kind:
        maker.KINDS = {args.kind: 1.0}
    if args.out.endswith(".png"):
        from sample_sheet import sheet

        cells = [maker.make()[::-1] for _ in range(args.count)]
        sheet([(caption, picture, None) for caption, picture in cells], 12).save(args.out)
        return
    from diffusers import AutoencoderKL

    vae = AutoencoderKL.from_pretrained(args.vae, torch_dtype=torch.float32).eval()
    os.makedirs(args.out, exist_ok=True)
    latents, captions = [], []
    for start in range(0, args.count, 16):
        made = [maker.make() for _ in range(min(16, args.count - start))]
        latents.append(latents_of(vae, [picture for picture, _ in made]))
        captions += [caption for _, caption in made]
        if start % 1600 == 0:
            print(start, flush=True)
    path = f"{args.out}/latents_{args.seed}.pt"
    torch.save(dict(latents=torch.cat(latents), captions=captions), path + ".tmp")
    os.replace(path + ".tmp", path)


if __name__ == "__main__":
    main()
