"""Writes test/golden/safetensors_headers.json: mutated safetensors files and what the reference implementation (safetensors' Rust core) says.

Usage: python test/reference/safetensors_headers.py        (deterministic; safetensors 0.6 or later)

Each case is [length field (decimal text), header (base64), data bytes (all zero), verdict]; the verdict is null where the reference refuses the
file, else its tensors as [name, dtype, shape, bytes], sorted by name. Left out are the three kinds of file that our parser refuses on purpose
although the reference takes them: a header that begins with white space, a name that occurs twice, a dimension beyond 2^53 (beside a 0).
"""
import base64, json, os, random, re, struct
from safetensors import SafetensorError, deserialize

random.seed(20231215)
BYTES = {"F32": 4, "F16": 2, "U8": 1, "I64": 8, "BOOL": 1, "BF16": 2, "C64": 8, "F8_E4M3": 1, "F64": 8}
SNIPPETS = ["{", "}", "[", "]", '"', ",", ":", "0", "-1", "1e9", "1.0", "9007199254740993", "18446744073709551616", "null", "true", '"F32"', '"F4"', '"F6_E2M3"',
            '"__metadata__":{"a":"b"},', '"x":1,', " ", "\t", "\n", "\\u0041", "\\ud800", "é"]
LENGTHS = [0, 1, 10 ** 8, 10 ** 8 + 1, 2 ** 63, 2 ** 64 - 1]
NUMBERS = [0, 1, 2, 3, 4, 8, 16, 2 ** 32, 2 ** 53, 2 ** 64 - 1, 2 ** 64]


def valid():
    end, header = 0, {"__metadata__": {"format": "pt"}} if random.random() < 0.5 else {}
    for i in range(random.randint(0, 3)):
        dtype, shape = random.choice(list(BYTES)), [random.randint(0, 4) for _ in range(random.randint(0, 3))]
        size = BYTES[dtype]
        for dim in shape: size *= dim
        header[f"t{i}"] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    return json.dumps(header, separators=(",", ":")).encode(), end


def mutate(text, size, length):
    at, kind = random.randrange(len(text) or 1), random.randrange(7)
    if kind == 0: text = text[:at] + random.choice(SNIPPETS).encode() + text[at:]
    elif kind == 1: text = text[:at] + text[at + random.randint(1, 8):]
    elif kind == 2: text = text[:at] + bytes([random.randrange(32, 127)]) + text[at + 1:]
    elif kind == 3: size = max(0, size + random.randint(-3, 3))
    elif kind == 4: length = random.choice([*LENGTHS, len(text) + 1, max(0, len(text) - 1)])
    elif kind == 5 and (numbers := list(re.finditer(rb"\d+", text))):
        n = random.choice(numbers)
        text = text[:n.start()] + str(random.choice(NUMBERS)).encode() + text[n.end():]
    elif kind == 6: text += random.choice([b" ", b"   ", b"\n", b"x"])
    return text, size, length


def verdict(data):
    try: return sorted([name, view["dtype"], list(view["shape"]), len(view["data"])] for name, view in deserialize(data))
    except SafetensorError: return None


def ours_is_stricter(text):
    names = re.findall(rb'"([^"]*)":\{', text)
    return text[:1].isspace() or len(names) != len(set(names)) or any(int(n) > 2 ** 53 - 1 for n in re.findall(rb"\d+", text))


cases = []
while len(cases) < 1500:
    text, size = valid()
    length = None
    for _ in range(random.randint(0, 2)): text, size, length = mutate(text, size, length)
    length = len(text) if length is None else length
    result = verdict(struct.pack("<Q", length) + text + bytes(size))
    if result is not None and ours_is_stricter(text): continue
    cases.append([str(length), base64.b64encode(text).decode(), size, result])
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "safetensors_headers.json")
with open(path, "w", encoding="utf-8") as f: f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(len(cases), "cases,", sum(c[3] is not None for c in cases), "valid,", os.path.getsize(path), "bytes")
