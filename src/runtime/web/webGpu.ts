import { OptionError } from "../../errors/optionError.js";

/** What is asked of a GPU beside what each has, where it has it: types and instructions that make networks faster. */
const WANTED = ["shader-f16", "subgroups", "subgroup-size-control"] as const;

/** A graphics device of the browser's. */
export interface WebGpu {
	readonly device: GPUDevice;
	/** Tells adapters and their drivers apart. */
	readonly key: string;
	/** As messages call it. */
	readonly label: string;
	readonly computesFloat16: boolean;
	/** The most bytes of one tensor. */
	readonly largestTensor: number;
	/** Lanes of a workgroup exchange values: what some operators are written for, and some drivers do otherwise. */
	readonly subgroups: boolean;
}

/**
 * The fastest graphics device there is, with all of its limits.
 * @throws OptionError when there is none.
 */
export async function openWebGpu({
	subgroups,
}: {
	readonly subgroups: boolean;
}): Promise<WebGpu> {
	const adapter = await findAdapter();
	if (!adapter)
		throw new OptionError(
			"device",
			"this browser has no WebGPU here: choose wasm, or use a current Chrome, Edge, Safari or Firefox with hardware acceleration, on https or localhost",
		);
	const features = WANTED.filter(
		(name) =>
			adapter.features.has(name) && (subgroups || !name.startsWith("subgroup")),
	);
	const requiredLimits: Record<string, number> = {};
	for (const name in adapter.limits) {
		const limit = adapter.limits[name as keyof GPUSupportedLimits];
		if (typeof limit === "number") requiredLimits[name] = limit;
	}
	const device = await adapter.requestDevice({
		requiredFeatures: features as unknown as GPUFeatureName[],
		requiredLimits,
	});
	const { vendor, architecture, device: model, description } = adapter.info;
	const name = [vendor, architecture, model, description]
		.filter(Boolean)
		.join(" ");
	return {
		device,
		key: `${name} ${navigator.userAgent}`,
		label: name || "an unnamed adapter",
		computesFloat16: features.includes("shader-f16"),
		largestTensor: Math.min(
			device.limits.maxStorageBufferBindingSize,
			device.limits.maxBufferSize,
		),
		subgroups: features.includes("subgroups"),
	};
}

/** Whether this browser can find a graphics device. */
export async function hasWebGpu(): Promise<boolean> {
	return (await findAdapter()) !== null;
}

async function findAdapter(): Promise<GPUAdapter | null> {
	if (typeof navigator === "undefined" || !navigator.gpu) return null;
	return navigator.gpu
		.requestAdapter({ powerPreference: "high-performance" })
		.catch(() => null);
}
