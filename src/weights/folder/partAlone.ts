/** What a repository or folder without model_index.json holds, by the names that diffusers and PEFT give files; undefined where they do not tell. */
export function partAlone(paths: ReadonlySet<string>): string | undefined {
	const has = (pattern: RegExp) =>
		[...paths].some((path) => pattern.test(path));
	if (has(/^pytorch_lora_weights\./)) return "a LoRA";
	if (has(/^learned_embeds\./)) return "a textual inversion";
	if (has(/^adapter_config\.json$/)) return "an adapter of PEFT's";
	return has(/^config\.json$/) && has(/^diffusion_pytorch_model\./)
		? "one network alone (a control net, an autoencoder, a UNet)"
		: undefined;
}
