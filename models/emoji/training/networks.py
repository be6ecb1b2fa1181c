"""The networks of the embedded model, with random weights, and its noise schedule (SD v1.5's)."""
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

UNET_CHANNELS = (64, 128, 224)
TEXT_WIDTH, TEXT_LAYERS, TEXT_FEED_FORWARD = 192, 3, 512
HEADS = 4
SCHEDULE = dict(
    num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
    set_alpha_to_one=False, steps_offset=1,
)


def build_vae():
    return AutoencoderKL(
        block_out_channels=[16, 32, 64, 96], in_channels=3, out_channels=3, layers_per_block=1, sample_size=128,
        down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
        latent_channels=4, norm_num_groups=8,
    )


def build_unet_and_text(vocabulary):
    """A ModuleList [UNet2DConditionModel, CLIPTextModel]: they are trained, averaged and saved together."""
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary, hidden_size=TEXT_WIDTH, intermediate_size=TEXT_FEED_FORWARD,
            num_attention_heads=HEADS, num_hidden_layers=TEXT_LAYERS, max_position_embeddings=77,
            hidden_act="quick_gelu", projection_dim=TEXT_WIDTH,
            bos_token_id=vocabulary - 2, eos_token_id=vocabulary - 1, pad_token_id=vocabulary - 1,
        )
    )
    levels = len(UNET_CHANNELS)
    unet = UNet2DConditionModel(
        sample_size=16, in_channels=4, out_channels=4, block_out_channels=UNET_CHANNELS, layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",) * (levels - 1) + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * (levels - 1),
        cross_attention_dim=TEXT_WIDTH, attention_head_dim=HEADS, norm_num_groups=32,
    )
    # as in the original latent diffusion: what ends a residual branch, and the output, starts at zero
    for name, module in unet.named_modules():
        if name == "conv_out" or name.endswith((".conv2", ".proj_out")):
            torch.nn.init.zeros_(module.weight)
            torch.nn.init.zeros_(module.bias)
    return torch.nn.ModuleList([unet, text])
