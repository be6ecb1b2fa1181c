import { OptionError } from "../errors/optionError.js";
import { sum } from "../tensor/sum.js";
import { elementCount } from "../tensor/tensor.js";
import type { ModelFiles, NetworkFiles } from "../weights/folder/modelFiles.js";
import type { Weights } from "../weights/formats/weights.js";
import { SMALL_MODEL, weightBytes } from "./networkBytes.js";

/** What a model needs in a browser, in bytes. */
export interface WebMemoryNeed {
	/** Of the networks that are loaded at the same time, in what they compute in. */
	readonly weights: number;
	/** Which networks those are. */
	readonly networks: readonly string[];
	/** The largest weight. */
	readonly largest: { readonly name: string; readonly bytes: number };
}

/** What a device gives, in bytes; undefined where it does not say. */
export interface WebMemoryLimits {
	readonly tensor?: number;
	readonly memory?: number;
}

/** What is left for what networks compute, beside their weights: measured with SD v1.5 at 512 x 512, one sample a run. */
const ACTIVATIONS = 500e6;

/**
 * What a model's networks need when they compute in numbers of so many bytes.
 * @param controlNets beside the UNet, which they run with
 */
export function webMemoryNeed(
	{ networks }: Pick<ModelFiles, "networks">,
	bytesPerNumber: 2 | 4,
	controlNets: readonly NetworkFiles[] = [],
): WebMemoryNeed {
	let largest = { name: "", bytes: 0 };
	const size = (network: string, { weights }: NetworkFiles) => {
		for (const { name, shape } of weights.tensors.values()) {
			const bytes = elementCount(shape) * bytesPerNumber;
			if (bytes > largest.bytes)
				largest = { name: `${network}/${name}`, bytes };
		}
		return { network, bytes: numbersOf(weights) * bytesPerNumber };
	};
	const nets = controlNets.map((net) => size("controlnet", net));
	const groups = Object.entries(networks).map(([network, files]) => [
		size(network, files),
		...(network === "unet" ? nets : []),
	]);
	const bytesOf = (group: (typeof groups)[0]) =>
		sum(group.map(({ bytes }) => bytes));
	const all = [...Object.values(networks), ...controlNets];
	// larger models' networks make room for each other
	const together =
		weightBytes(all) <= SMALL_MODEL
			? groups.flat()
			: [...groups].sort((a, b) => bytesOf(b) - bytesOf(a))[0];
	return {
		weights: bytesOf(together),
		networks: together.map(({ network }) => network),
		largest,
	};
}

/**
 * Refuses a model that a device cannot hold, with the numbers.
 * @throws OptionError when it cannot.
 */
export function checkWebMemory(
	label: string,
	device: "wasm" | "webgpu",
	need: WebMemoryNeed,
	limits: WebMemoryLimits,
): void {
	const { weights, networks, largest } = need;
	if (limits.memory !== undefined && weights + ACTIVATIONS > limits.memory)
		throw new OptionError(
			"device",
			`${label} needs ${gigabytes(weights)} for its ${networks.join(", ")} and about ${gigabytes(ACTIVATIONS)} to compute with, but ${device} has ${gigabytes(limits.memory)}: ${device === "wasm" ? "use webgpu, or a smaller model" : "use a smaller model"}`,
		);
	if (limits.tensor !== undefined && largest.bytes > limits.tensor)
		throw new OptionError(
			"device",
			`${label} has a weight of ${gigabytes(largest.bytes)} (${largest.name}), but this graphics device takes at most ${gigabytes(limits.tensor)} at once: use wasm, or a smaller model`,
		);
}

function numbersOf({ tensors }: Weights): number {
	let count = 0;
	for (const { shape } of tensors.values()) count += elementCount(shape);
	return count;
}

function gigabytes(bytes: number): string {
	return bytes >= 1e9
		? `${(bytes / 1e9).toFixed(2)} GB`
		: `${Math.ceil(bytes / 1e6)} MB`;
}
