"""A whole image by OpenVINO GenAI's Text2ImagePipeline, for bench/engineImages.ts.

Usage: python bench/openvinoGenai.py EXPORTED_FOLDER PROMPT STEPS FILE (EXPORTED_FOLDER of bench/openvinoExport.py)
Networks compute in what OpenVINO takes by itself (bfloat16 where the processor does so natively). Prints JSON: seconds from prompt to pixels.
"""

import json
import sys
import time

import openvino_genai
from PIL import Image

folder, prompt, steps, file = sys.argv[1:5]
pipeline = openvino_genai.Text2ImagePipeline(folder)
pipeline.reshape(1, 512, 512, 7.5)
pipeline.compile("CPU")
started = time.perf_counter()
image = pipeline.generate(prompt, width=512, height=512, num_inference_steps=int(steps), guidance_scale=7.5, rng_seed=1)
seconds = time.perf_counter() - started
Image.fromarray(image.data[0]).save(file)
print(json.dumps({"denoisingSeconds": seconds}))
