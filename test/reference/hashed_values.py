"""Values that Python and TypeScript make alike: the twin of test/hashedValues.ts. Imported by other scripts."""
import numpy as np


def hashed_values(count, seed, scale=1.0, offset=0.0):
    """`count` float32 values in [offset - scale, offset + scale): murmur3's finalizer of index * 0x9E3779B1 + seed."""
    x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(seed)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    x = x ^ (x >> np.uint32(16))
    return (offset + scale * (x.astype(np.float64) / 2**31 - 1)).astype(np.float32)


def seed_of(name):
    """FNV-1a of a name: a seed for its tensor."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value
