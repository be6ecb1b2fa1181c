/** Shapes of Stable Diffusion v1.5's networks, as its config files give them. */
export const unetConfig = {
	_class_name: "UNet2DConditionModel",
	act_fn: "silu",
	attention_head_dim: 8,
	block_out_channels: [320, 640, 1280, 1280],
	center_input_sample: false,
	cross_attention_dim: 768,
	down_block_types: [
		"CrossAttnDownBlock2D",
		"CrossAttnDownBlock2D",
		"CrossAttnDownBlock2D",
		"DownBlock2D",
	],
	downsample_padding: 1,
	flip_sin_to_cos: true,
	freq_shift: 0,
	in_channels: 4,
	layers_per_block: 2,
	mid_block_scale_factor: 1,
	norm_eps: 1e-5,
	norm_num_groups: 32,
	out_channels: 4,
	sample_size: 64,
	up_block_types: [
		"UpBlock2D",
		"CrossAttnUpBlock2D",
		"CrossAttnUpBlock2D",
		"CrossAttnUpBlock2D",
	],
};

export const textEncoderConfig = {
	architectures: ["CLIPTextModel"],
	hidden_act: "quick_gelu",
	hidden_size: 768,
	intermediate_size: 3072,
	layer_norm_eps: 1e-5,
	max_position_embeddings: 77,
	model_type: "clip_text_model",
	num_attention_heads: 12,
	num_hidden_layers: 12,
	projection_dim: 768,
	vocab_size: 49408,
};

export const vaeConfig = {
	_class_name: "AutoencoderKL",
	act_fn: "silu",
	block_out_channels: [128, 256, 512, 512],
	down_block_types: new Array<string>(4).fill("DownEncoderBlock2D"),
	in_channels: 3,
	latent_channels: 4,
	layers_per_block: 2,
	norm_num_groups: 32,
	out_channels: 3,
	sample_size: 512,
	up_block_types: new Array<string>(4).fill("UpDecoderBlock2D"),
};
