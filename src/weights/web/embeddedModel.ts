/**
 * Where a bundler puts the files of the model that comes with the package. Each is spelled out, because that is how bundlers find files;
 * those of the tokenizer are small and come with it.
 */
export const embeddedModelUrls: Readonly<Record<string, URL>> = {
	"model_index.json": new URL(
		"../../../models/emoji/model_index.json",
		import.meta.url,
	),
	"generation_config.json": new URL(
		"../../../models/emoji/generation_config.json",
		import.meta.url,
	),
	"latent_colours.json": new URL(
		"../../../models/emoji/latent_colours.json",
		import.meta.url,
	),
	"scheduler/scheduler_config.json": new URL(
		"../../../models/emoji/scheduler/scheduler_config.json",
		import.meta.url,
	),
	"text_encoder/config.json": new URL(
		"../../../models/emoji/text_encoder/config.json",
		import.meta.url,
	),
	"text_encoder/model.safetensors": new URL(
		"../../../models/emoji/text_encoder/model.safetensors",
		import.meta.url,
	),
	"tokenizer/vocab.json": new URL(
		"../../../models/emoji/tokenizer/vocab.json",
		import.meta.url,
	),
	"tokenizer/merges.txt": new URL(
		"../../../models/emoji/tokenizer/merges.txt",
		import.meta.url,
	),
	"tokenizer/tokenizer_config.json": new URL(
		"../../../models/emoji/tokenizer/tokenizer_config.json",
		import.meta.url,
	),
	"tokenizer/special_tokens_map.json": new URL(
		"../../../models/emoji/tokenizer/special_tokens_map.json",
		import.meta.url,
	),
	"unet/config.json": new URL(
		"../../../models/emoji/unet/config.json",
		import.meta.url,
	),
	"unet/diffusion_pytorch_model.safetensors": new URL(
		"../../../models/emoji/unet/diffusion_pytorch_model.safetensors",
		import.meta.url,
	),
	"vae/config.json": new URL(
		"../../../models/emoji/vae/config.json",
		import.meta.url,
	),
	"vae/diffusion_pytorch_model.safetensors": new URL(
		"../../../models/emoji/vae/diffusion_pytorch_model.safetensors",
		import.meta.url,
	),
};

/** CLIP's own tokenizer, for checkpoints of one file. */
export const clipMergesUrl = new URL(
	"../../../models/clip-tokenizer/merges.txt.gz",
	import.meta.url,
);
