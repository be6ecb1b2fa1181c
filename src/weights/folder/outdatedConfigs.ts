/** Schedulers that know no `steps_offset`. */
const withoutOffset = ["DPMSolverSinglestepScheduler"];
/** Schedulers that clip the predicted image unless their file says otherwise. */
const clipping = ["DDIMScheduler", "DDPMScheduler", "LCMScheduler"];

type Config = Readonly<Record<string, unknown>>;

/**
 * A UNet's config as diffusers' StableDiffusionPipeline takes it: folders converted before diffusers 0.9 say a `sample_size`
 * below 64 for models that were trained at 64 (512 x 512 pixels).
 */
export function currentUnetConfig(config: unknown): unknown {
	if (!isConfig(config)) return config;
	const { _diffusers_version: version, sample_size: size } = config;
	const [major, minor] =
		typeof version === "string" ? version.split(".").map(Number) : [];
	const old = major === 0 && minor < 9;
	return old && typeof size === "number" && size < 64
		? { ...config, sample_size: 64 }
		: config;
}

/**
 * A scheduler's config as diffusers' StableDiffusionPipeline takes it: with a `steps_offset` of 1, with which Stable Diffusion
 * was trained to be sampled, and without `clip_sample`, which is for models of pixels.
 */
export function currentSchedulerConfig(config: unknown): unknown {
	if (!isConfig(config)) return config;
	const name = String(config._class_name);
	const offset = config.steps_offset ?? (withoutOffset.includes(name) ? 1 : 0);
	const clips = config.clip_sample ?? clipping.includes(name);
	if (offset === 1 && clips !== true) return config;
	return {
		...config,
		...(offset !== 1 && { steps_offset: 1 }),
		...(clips === true && { clip_sample: false }),
	};
}

function isConfig(config: unknown): config is Config {
	return (
		typeof config === "object" && config !== null && !Array.isArray(config)
	);
}
