import {
	buildControlHint,
	buildControlNet,
	controlNetFlops,
} from "../models/controlNet.js";
import {
	type ControlNetConfig,
	checkControlFits,
	parseControlNetConfig,
} from "../models/controlNetConfig.js";
import type { UnetConfig } from "../models/unetConfig.js";
import { withTimeFeatures } from "../models/unetInputs.js";
import { skipFeatures } from "../models/unetLayout.js";
import type { UnetRunner } from "../propagation/unetRunner.js";
import type { SessionOptions } from "../runtime/session.js";
import type { Tensor } from "../tensor/tensor.js";
import type { NetworkFiles } from "../weights/folder/modelFiles.js";
import { assertFiniteOutput } from "./finiteOutputs.js";
import type { Hosting, NetworkUser } from "./networkHost.js";

/** The files of a control net. */
export interface ControlNetFiles extends NetworkFiles {
	/** What the user called it. */
	readonly label: string;
}

/** A control net that fits the UNet. */
export interface ControlNetwork extends ControlNetFiles {
	readonly parsed: ControlNetConfig;
}

/**
 * @throws UserError when its config is malformed or asks for what is not supported; OptionError when it is for another kind of model
 */
export function controlNetwork(
	files: ControlNetFiles,
	unet: UnetConfig,
): ControlNetwork {
	const parsed = parseControlNetConfig(
		files.config,
		`${files.label}: config.json`,
	);
	checkControlFits(parsed, unet, files.label);
	return { ...files, parsed };
}

/** The control net as a run uses it, with a picture `[1, 3, height, width]`, 0 to 1, which is embedded when it first runs. */
export function controlRunner(
	{ label, parsed, weights }: ControlNetwork,
	image: Tensor,
	{
		host,
		user,
		often,
		rare,
		open,
	}: Omit<Hosting, "options"> & {
		readonly user: NetworkUser;
		/** How what runs at every step is loaded, and what runs once. */
		readonly often: SessionOptions;
		readonly rare: SessionOptions;
	},
): UnetRunner {
	const nominal = { batch: 1, height: 64, width: 64, tokens: 77 };
	const flops = new Map<string, number>();
	let hint: Tensor | undefined;
	return {
		skipCount: skipFeatures(parsed.unet).length,
		run: (_, inputs) =>
			// beside the UNet, since both run at each step
			host.use("unet", user, async (sessionOf) => {
				if (!hint) {
					const embedding = await sessionOf({
						key: `controlnet ${label} picture`,
						name: "controlnet",
						build: (flavour) =>
							buildControlHint(
								parsed,
								weights,
								{ batch: 1, height: 512, width: 512 },
								flavour,
							),
						options: rare,
					});
					hint = (
						await embedding.run({
							image: parsed.blueFirst ? reversedChannels(image) : image,
						})
					).hint;
				}
				const session = await sessionOf({
					key: `controlnet ${often.optimization} ${label}`,
					name: "controlnet",
					build: (flavour) =>
						buildControlNet(parsed, weights, nominal, flavour),
					options: often,
				});
				const given = { ...inputs, hint };
				const outputs = await session.run(
					session.inputs.includes("time_features")
						? { ...withTimeFeatures(parsed.unet, inputs), hint }
						: given,
				);
				await assertFiniteOutput(`the control net ${label}, mid`, outputs.mid, {
					weights,
					open,
				});
				return outputs;
			}),
		flops(_, dims) {
			const key = [dims.batch, dims.height, dims.width, dims.tokens].join();
			let count = flops.get(key);
			if (count === undefined) {
				count = controlNetFlops(parsed, dims);
				flops.set(key, count);
			}
			return count;
		},
	};
}

function reversedChannels({ dims, data }: Tensor): Tensor {
	const plane = data.length / dims[1];
	const result = new Float32Array(data.length);
	for (let c = 0; c < dims[1]; c++)
		result.set(
			data.subarray(c * plane, (c + 1) * plane),
			(dims[1] - 1 - c) * plane,
		);
	return { dims, data: result };
}
