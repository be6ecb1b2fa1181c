"""Golden .npy files of numpy, for src/tensor/npy.ts: test/golden/numpy_arrays.json holds each file in base64.
Usage: python test/reference/numpy_arrays.py
"""
import base64
import io
import json
from pathlib import Path

import numpy as np

golden = Path(__file__).parent.parent / "golden"
rng = np.random.default_rng(0)


def saved(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version)
    return base64.b64encode(out.getvalue()).decode()


written = [
    {"dims": list(shape), "values": (values := rng.standard_normal(shape).astype(np.float32)).ravel().tolist(), "file": saved(values)}
    for shape in [(), (1,), (0,), (7,), (2, 3), (1, 4, 2, 2), (123456, 0), (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3)]
]
read = []
for dtype in ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "<i4", ">i4", "<i8", ">i8", "u1"]:
    for version in [(1, 0), (2, 0), (3, 0)]:
        array = (rng.standard_normal((3, 5)) * 100).astype(np.uint8 if dtype == "u1" else dtype)
        read.append({"dtype": dtype, "version": version[0], "dims": [3, 5], "values": array.astype(np.float32).ravel().tolist(), "file": saved(array, version)})
small = np.array([6e-8, -5.96e-8, 6.1e-5, 65504, -0.0, 1 / 3], np.float16)
read.append({"dtype": "<f2", "version": 1, "dims": [6], "values": small.astype(np.float32).tolist(), "file": saved(small)})
fortran = saved(np.asfortranarray(rng.standard_normal((3, 5)).astype(np.float32)))
complex_ = saved(np.zeros(3, np.complex64))
(golden / "numpy_arrays.json").write_text(json.dumps({"written": written, "read": read, "fortran": fortran, "complex": complex_}))
