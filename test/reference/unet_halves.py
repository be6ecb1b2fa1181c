"""diffusers' UNet2DConditionModel taken apart, layer by layer: what the other reference scripts share.

The UNet has S skip features: skip 0 = conv_in, then one per layer (ResNet, with its transformer where the block has one) and one per
downsampling; and S up layers, of which up layer u joins skip S-1-u. Where `d` counts outermost up layers, deep_d is the hidden state that
enters up layer S-d, just before it is joined with skip d-1 (after the upsampling that ends the block before, if one does).

  encoder(unet, x, t, text)                -> (skips, mid)         conv_in, down blocks, mid block
  shallow(unet, x, t, text, d)             -> skips[0:d]           as much of the encoder as the d outermost up layers read
  decoder(unet, skips, mid, t, text)       -> (prediction, deeps)  up blocks and output; deeps[d] as above, d = 1..S (deeps[S] is mid)
  outer(unet, skips, deep, t, text, d)     -> prediction           the d outermost up layers on deep_d and skips 0..d-1

`python test/reference/unet_halves.py` checks that they equal unet.forward exactly, bit for bit.
"""
import os
import torch

torch.set_num_threads(1)
torch.set_grad_enabled(False)
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
MODELS, GOLDEN = os.path.join(ROOT, "models"), os.path.join(ROOT, "golden")


def load_pipeline(folder):
    """StableDiffusionPipeline in float32, silent."""
    import diffusers, transformers
    diffusers.utils.logging.set_verbosity_error(); diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error(); transformers.utils.logging.disable_progress_bar()
    pipe = diffusers.StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32, safety_checker=None, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def embedding(unet, x, t):
    return unet.time_embedding(unet.get_time_embed(sample=x, timestep=t))


def down_layers(unet):
    """One function per skip feature after conv_in: (hidden, emb, text) -> hidden."""
    layers = []
    for block in unet.down_blocks:
        attentions = getattr(block, "attentions", None) or [None] * len(block.resnets)
        for resnet, attention in zip(block.resnets, attentions):
            layers.append(lambda h, emb, text, r=resnet, a=attention: apply(r, a, h, emb, text))
        for downsampler in block.downsamplers or []:
            layers.append(lambda h, emb, text, m=downsampler: m(h))
    return layers


def apply(resnet, attention, h, emb, text):
    h = resnet(h, emb)
    return h if attention is None else attention(h, encoder_hidden_states=text, return_dict=False)[0]


def skip_count(unet):
    return 1 + len(down_layers(unet))


def shallow(unet, x, t, text, d):
    emb, skips = embedding(unet, x, t), [unet.conv_in(x)]
    for layer in down_layers(unet)[:d - 1]: skips.append(layer(skips[-1], emb, text))
    return skips


def encoder(unet, x, t, text):
    skips = shallow(unet, x, t, text, skip_count(unet))
    return skips, unet.mid_block(skips[-1], embedding(unet, x, t), encoder_hidden_states=text)


def up_layers(unet):
    """(resnet, attention or None, upsampler or None) for each up layer, deepest first."""
    layers = []
    for block in unet.up_blocks:
        attentions = getattr(block, "attentions", None) or [None] * len(block.resnets)
        upsamplers = [None] * (len(block.resnets) - 1) + [block.upsamplers[0] if block.upsamplers else None]
        layers += list(zip(block.resnets, attentions, upsamplers))
    return layers


def run_up(unet, skips, h, t, text, first):
    """Up layers first..S-1 on hidden state h; returns the prediction and the hidden states entering each layer."""
    layers, s, deeps = up_layers(unet), skip_count(unet), {}
    emb = embedding(unet, h, t)
    for u in range(first, s):
        resnet, attention, upsampler = layers[u]
        deeps[s - u] = h
        h = apply(resnet, attention, torch.cat([h, skips[s - 1 - u]], 1), emb, text)
        if upsampler is not None: h = upsampler(h, skips[s - 2 - u].shape[2:])
    return unet.conv_out(unet.conv_act(unet.conv_norm_out(h))), deeps


def decoder(unet, skips, mid, t, text):
    return run_up(unet, skips, mid, t, text, 0)


def outer(unet, skips, deep, t, text, d):
    return run_up(unet, skips, deep, t, text, skip_count(unet) - d)[0]


def check():
    for name in ("tiny-sd", "tiny-sd2"):
        unet = load_pipeline(os.path.join(MODELS, name)).unet
        g = torch.Generator().manual_seed(1)
        for shape in ((2, 4, 16, 16), (1, 4, 12, 20), (1, 4, 9, 13)):
            x, text = torch.randn(shape, generator=g), torch.randn(shape[0], 77, 32, generator=g)
            t = torch.tensor([801, 37][:shape[0]])
            skips, mid = encoder(unet, x, t, text)
            prediction, deeps = decoder(unet, skips, mid, t, text)
            assert torch.equal(prediction, unet(x, t, text).sample)
            for d in range(1, len(skips) + 1):
                assert torch.equal(outer(unet, shallow(unet, x, t, text, d), deeps[d], t, text, d), prediction)
            # what each part is worth to the prediction: a reference that ignores a feature would test nothing
            zeroed = lambda i: [torch.zeros_like(f) if j == i else f for j, f in enumerate(skips)]
            change = lambda p: round(((p - prediction).norm() / prediction.norm()).item(), 3)
            print(name, shape, "mid", change(decoder(unet, skips, torch.zeros_like(mid), t, text)[0]),
                  "skips", [change(decoder(unet, zeroed(i), mid, t, text)[0]) for i in range(len(skips))])


if __name__ == "__main__": check()
