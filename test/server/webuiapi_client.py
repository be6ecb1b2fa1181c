"""Draws with PyPI's webuiapi on a server of ours: python webuiapi_client.py PORT KEY. Prints what came back as JSON."""

import base64
import io
import json
import sys
import threading
import time

import webuiapi
from PIL import Image
from PIL.PngImagePlugin import PngInfo

port, key = int(sys.argv[1]), sys.argv[2]
api = webuiapi.WebUIApi(port=port, username="any", password=key, sampler="DPM++ 2M", scheduler="Karras", steps=3)
told = {}

drawn = api.txt2img(
    prompt="a (red:1.2) apple", negative_prompt="blue", seed=5, width=64, height=64, cfg_scale=5, n_iter=2,
    override_settings={"key_steps": "all"},
)
told["sizes"] = [image.size for image in drawn.images]
told["info"] = drawn.info
told["parameters"] = drawn.image.info["parameters"]
buffer = io.BytesIO()


text = PngInfo()
text.add_text("parameters", drawn.image.info["parameters"])
drawn.image.save(buffer, "PNG", pnginfo=text)
answer = api.session.post(f"{api.baseurl}/png-info", json={"image": base64.b64encode(buffer.getvalue()).decode()})
told["pngInfo"] = answer.json()

picture = Image.new("RGB", (64, 64), (128, 128, 128))
mask = Image.new("L", (64, 64), 0)
mask.paste(255, (32, 0, 64, 64))
edited = api.img2img(
    images=[picture], mask_image=mask, mask_blur=0, inpainting_fill=1, inpaint_full_res=False, prompt="a red apple", seed=5,
    width=64, height=64, denoising_strength=0.9, override_settings={"key_steps": "all"},
)
told["kept"] = edited.image.convert("RGB").getpixel((8, 32))
told["redrawn"] = edited.image.convert("RGB").getpixel((56, 32))

told["samplers"] = [sampler["name"] for sampler in api.get_samplers()]
told["schedulers"] = [scheduler["name"] for scheduler in api.get_schedulers()] if hasattr(api, "get_schedulers") else None
told["models"] = api.util_get_model_names()
api.set_options({"sd_model_checkpoint": told["models"][0]})
told["options"] = api.get_options()
told["idle"] = api.get_progress()

long = {}


def draw_long():
    long["result"] = api.txt2img(prompt="a red apple", steps=150, n_iter=10, width=64, height=64, seed=5)


thread = threading.Thread(target=draw_long)
thread.start()
other = webuiapi.WebUIApi(port=port, username="any", password=key)
for _ in range(600):
    progress = other.get_progress()
    if progress["current_image"]:
        break
    time.sleep(0.05)
told["progress"] = {name: progress[name] for name in ("progress", "eta_relative", "state")}
told["preview"] = Image.open(io.BytesIO(base64.b64decode(progress["current_image"]))).size
other.interrupt()
thread.join()
told["interrupted"] = len(long["result"].images)

for wrong in ({"steps": 9999}, {"sampler_name": "none"}, {"restore_faces": True}, {"seed": "x"}):
    try:
        api.txt2img(prompt="a", width=64, height=64, **wrong)
    except RuntimeError as error:
        told.setdefault("errors", []).append([error.args[0], json.loads(error.args[1])["detail"]])
print(json.dumps(told))
