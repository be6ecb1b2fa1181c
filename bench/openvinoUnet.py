"""diffusers' UNet as OpenVINO's own tools convert it, for bench/engines.ts: one forward pass for each line it reads.

Usage: python bench/openvinoUnet.py EXPORTED_FOLDER BATCH THREADS [float32|bfloat16]
Reads lines "unet SIZE" and answers each with JSON: seconds, seconds of loading, and its peak resident memory in bytes.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy
import openvino

folder, batch, threads, precision = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
exported = folder / "unet" / "openvino_model.xml"
if not exported.exists():
    sys.exit(f"{exported} is missing: bench/openvinoExport.py writes it")
core = openvino.Core()
hints = {
    "PERFORMANCE_HINT": "LATENCY",
    "NUM_STREAMS": "1",
    "INFERENCE_NUM_THREADS": str(threads),
    "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
}
text = numpy.random.default_rng(1).standard_normal((batch, 77, 768), dtype=numpy.float32)
compiled_for, request = None, None
print(f"OpenVINO {openvino.__version__}", flush=True)
for line in sys.stdin:
    size = int(line.split()[1])
    started = time.perf_counter()
    if compiled_for != size:
        request = None
        model = core.read_model(exported)
        model.reshape({"sample": [batch, 4, size, size], "encoder_hidden_states": list(text.shape)})
        request = core.compile_model(model, "CPU", hints).create_infer_request()
        del model
        compiled_for = size
    loading = time.perf_counter() - started
    latents = numpy.random.default_rng(2).standard_normal((batch, 4, size, size), dtype=numpy.float32)
    timestep_type = request.get_input_tensor(1).data.dtype
    started = time.perf_counter()
    request.infer({"sample": latents, "timestep": numpy.array([500], timestep_type), "encoder_hidden_states": text})
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "loading": loading, "peak": peak}), flush=True)
