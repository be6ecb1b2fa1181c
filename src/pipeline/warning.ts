/** Something that was done in another way than a user may expect; said once. */
export interface Warning {
	/** Stable, for programs. */
	readonly code:
		| "stochastic_sampler"
		/** A prompt was longer than the text encoder reads. */
		| "prompt_cut"
		/** An adapter holds more than the model has layers for. */
		| "adapter_unused"
		/** A prompt names LoRAs, and there is nowhere to look for them. */
		| "lora_unknown"
		/** Nothing cheap makes previews of the model's latents. */
		| "no_preview"
		/** Settings of a picture that cannot be used here. */
		| "settings_left_out";
	readonly message: string;
}
