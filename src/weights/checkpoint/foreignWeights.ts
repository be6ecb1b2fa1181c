/** A kind of file that is no whole checkpoint: what it is, the names of tensors that tell, and what to do with it. */
interface ForeignKind {
	readonly is: string;
	readonly names: RegExp;
	readonly advice?: string;
}

const only = "only Stable Diffusion 1.x and 2.x are supported";
const adapter = "not a whole model: it changes one";

/** The first that fits counts. */
const kinds: readonly ForeignKind[] = [
	{
		is: "an SDXL checkpoint",
		names: /^conditioner\.embedders\./,
		advice: only,
	},
	{
		is: "an unCLIP checkpoint (it draws from the CLIP embedding of a picture)",
		names:
			/^(noise_augmentor\.|embedder\.model\.visual\.|model\.diffusion_model\.label_emb\.0\.0\.)/,
		advice: only,
	},
	{
		is: "an upscaler (it draws from a small picture)",
		names: /^(low_scale_model\.|model\.diffusion_model\.label_emb\.weight$)/,
		advice: only,
	},
	{
		is: "a Control-LoRA",
		names: /^lora_controlnet$/,
		advice: adapter,
	},
	{
		is: "a LyCORIS adapter (LoHa, LoKr, …)",
		names:
			/^lycoris_|\.(hada_[wt][12](_[ab])?|lokr_[wt][12](_[ab])?|oft_(diag|blocks)|ia3_\w+|on_input|diff_b?)$/,
		advice: adapter,
	},
	{
		is: "a LoRA",
		names:
			/^lora_|\.lora_(up|down|mid|A|B|linear_layer)\b|_lora\.(up|down)\.|\.lora\.(up|down)\.|\.dora_scale$/,
		advice: adapter,
	},
	{
		is: "a ControlNet",
		names:
			/(^|\.)(control_model\.|controlnet_|input_hint_block\.|zero_convs\.)/,
		advice: adapter,
	},
	{
		is: "an IP-Adapter",
		names: /^(image_proj|ip_adapter)\./,
		advice: adapter,
	},
	{
		is: "a T2I-Adapter",
		names: /^(adapter\.)?(body\.\d+\.(block1|in_conv|resnets))/,
		advice: adapter,
	},
	{
		is: "a motion module (AnimateDiff)",
		names: /(^|\.)motion_modules\./,
		advice: adapter,
	},
	{
		is: "a checkpoint of a diffusion transformer (SD3, FLUX, …)",
		names:
			/(^|\.)(joint_blocks|double_blocks|single_transformer_blocks|transformer_blocks\.0\.attn\.add_)/,
		advice: only,
	},
	{
		is: "a textual inversion embedding",
		names: /^(emb_params|clip_[lg]|string_to_param\..+|<[^<>]+>)$/,
		advice: "not a whole model: it is a word for one",
	},
	{
		is: "TAESD, a small autoencoder for previews",
		names:
			/^((taesd_)?(en|de)coder\.(layers\.)?)?\d+\.(weight|bias|conv\.\d+\.weight)$/,
		advice: "not a whole model",
	},
	{
		is: "a VAE alone",
		names: /^((en|de)coder\.(mid|up|down|up_blocks|down_blocks|mid_block)[._])/,
		advice: "not a whole model",
	},
	{
		is: "a UNet alone, in diffusers' naming",
		names: /^(down_blocks|mid_block)\.\d?/,
		advice: "not a whole model: give the diffusers folder it belongs to",
	},
	{
		is: "a UNet alone",
		names: /^(input_blocks|middle_block)\./,
		advice: "not a whole model",
	},
	{
		is: "a CLIP model",
		names: /^(vision_model\.|visual\.|text_projection\.weight$)/,
		advice: "no model that draws",
	},
	{
		is: "a text encoder alone",
		names:
			/^(text_model\.|transformer\.resblocks\.|encoder\.block\.\d+\.layer\.)/,
		advice: "not a whole model",
	},
	{
		is: "an upscaler of pictures (ESRGAN)",
		names: /^(model\.\d+\.(sub|weight)|body\.\d+\.(rdb|weight)|conv_first\.)/,
		advice: "no model that draws",
	},
];

/** What weights are that should have been something else, in words that follow "it is"; undefined where their names do not tell. */
export function weightsKind(names: Iterable<string>): string | undefined {
	const all = [...names];
	return all.some((name) => name.startsWith("model.diffusion_model."))
		? "a whole checkpoint"
		: kinds.find(({ names: pattern }) => all.some((name) => pattern.test(name)))
				?.is;
}

/**
 * What weights are that are no whole Stable Diffusion 1.x or 2.x checkpoint, by the names of their tensors, in words that follow
 * "is"; undefined where they do not tell.
 * @param whole whether they have all networks of one: then only what changes its kind counts.
 */
export function foreignWeights(
	names: Iterable<string>,
	whole = false,
): string | undefined {
	const all = [...names];
	const found = (whole ? kinds.slice(0, 3) : kinds).find(({ names: pattern }) =>
		all.some((name) => pattern.test(name)),
	);
	return found && `${found.is}${found.advice ? `, ${found.advice}` : ""}`;
}
