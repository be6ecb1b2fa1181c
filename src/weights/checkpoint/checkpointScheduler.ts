import type { SafetensorsHeader } from "../formats/safetensorsHeader.js";
import type { ReadableFile } from "../formats/weightFile.js";

/** What a single file says of the noise that its model was trained with. */
export interface CheckpointSchedule {
	readonly prediction: "epsilon" | "v_prediction";
	/** Whether the last training step is pure noise (Lin et al. 2023). */
	readonly zeroTerminalSnr: boolean;
}

const values: Readonly<Record<string, "epsilon" | "v_prediction">> = {
	epsilon: "epsilon",
	v: "v_prediction",
	v_prediction: "v_prediction",
};

/**
 * What a checkpoint predicts: by tensors called `v_pred` and `ztsnr`, which mean what they are called (NoobAI and others); by the
 * metadata `modelspec.prediction_type`; by those of kohya's trainer, `ss_v_parameterization` and `ss_zero_terminal_snr`; and
 * where nothing says so, 1.x noise and 2.x v, unless the file's `global_step` is 875000 (2-base), as diffusers does
 * (single_file_utils.py).
 * @param second whether it is of 2.x.
 */
export async function checkpointSchedule(
	file: ReadableFile,
	{ entries, metadata }: SafetensorsHeader,
	second: boolean,
	latentsAlone: boolean,
): Promise<CheckpointSchedule> {
	const kohya = flag(metadata.get("ss_v_parameterization"));
	const stated = entries.has("v_pred")
		? "v_prediction"
		: (values[metadata.get("modelspec.prediction_type") ?? ""] ??
			(kohya === undefined ? undefined : kohya ? "v_prediction" : "epsilon"));
	return {
		prediction:
			stated ??
			(second && latentsAlone && (await globalStep(file, entries)) !== 875_000
				? "v_prediction"
				: "epsilon"),
		zeroTerminalSnr:
			entries.has("ztsnr") ||
			flag(metadata.get("ss_zero_terminal_snr")) === true,
	};
}

/** Python's way to write a truth value. */
function flag(text: string | undefined): boolean | undefined {
	return text === undefined || !/^(true|false|1|0)$/i.test(text)
		? undefined
		: /^(true|1)$/i.test(text);
}

async function globalStep(
	file: ReadableFile,
	entries: SafetensorsHeader["entries"],
): Promise<number | undefined> {
	const step = entries.get("global_step");
	if (!step || step.length < 4 || step.length > 8) return undefined;
	const bytes = await file.read(step.offset, step.length);
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	const read: Readonly<Record<string, () => number>> = {
		I64: () => Number(view.getBigInt64(0, true)),
		I32: () => view.getInt32(0, true),
		F32: () => view.getFloat32(0, true),
	};
	return read[step.dtype]?.();
}

/** The scheduler_config.json of the published models: PNDM for 1.x, DDIM for 2.x. */
export function checkpointSchedulerConfig(
	second: boolean,
	{ prediction, zeroTerminalSnr }: CheckpointSchedule,
): Readonly<Record<string, unknown>> {
	return {
		_class_name: second ? "DDIMScheduler" : "PNDMScheduler",
		beta_end: 0.012,
		beta_schedule: "scaled_linear",
		beta_start: 0.00085,
		clip_sample: false,
		num_train_timesteps: 1000,
		set_alpha_to_one: false,
		skip_prk_steps: true,
		steps_offset: 1,
		trained_betas: null,
		...(second || prediction !== "epsilon"
			? { prediction_type: prediction }
			: {}),
		// Such a model has to be sampled from its last step on.
		...(zeroTerminalSnr && {
			rescale_betas_zero_snr: true,
			timestep_spacing: "trailing",
		}),
	};
}
