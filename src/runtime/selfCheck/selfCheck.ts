import type { Tensor } from "../../tensor/tensor.js";
import type { Engine } from "../engine.js";
import type { SessionOptions } from "../session.js";
import { type CheckedPart, checkGraph, checkInputs } from "./checkGraph.js";
import { expectedValues, VALUES } from "./expectedValues.js";

export { checkedParts } from "./checkGraph.js";

/** What came of a check. */
export interface SelfCheck {
	/** The layers that a device computes wrongly, with the error relative to their values. */
	readonly wrong: readonly {
		readonly family: string;
		readonly error: number;
	}[];
}

/** The error that rounding explains, by what is computed in. */
const TOLERANCE = { float32: 2e-3, bfloat16: 5e-2, float16: 2e-2 } as const;

/**
 * Runs one layer of every kind of a part on small inputs and compares with what ONNX Runtime computes on a CPU.
 * @throws what the engine throws when it cannot run one of them at all.
 */
export async function selfCheck(
	engine: Pick<Engine, "flavour" | "createSession">,
	part: CheckedPart,
	options: SessionOptions = {},
): Promise<SelfCheck> {
	const session = await engine.createSession(
		checkGraph(engine.flavour(options), part),
		{ ...options, optimization: "extended" },
	);
	try {
		const outputs = await session.run(checkInputs());
		const most = TOLERANCE[options.precision ?? "float32"];
		const wrong = Object.entries(outputs)
			// sinusoids that are an input are not computed
			.filter(
				([family]) =>
					family !== "sinusoids" || session.inputs.includes("timestep"),
			)
			.map(([family, output]) => ({
				family,
				error: relativeError(sampled(output), expectedValues[family]),
			}))
			.filter(({ error }) => !(error <= most));
		return { wrong };
	} finally {
		await session.release();
	}
}

/** Some of a tensor's values, spread over it. */
export function sampled({ data }: Tensor): number[] {
	return Array.from(
		{ length: VALUES },
		(_, i) => data[Math.floor(((i + 0.5) * data.length) / VALUES)],
	);
}

/** ‖a − b‖ / ‖b‖. */
function relativeError(a: readonly number[], b: readonly number[]): number {
	let difference = 0;
	let norm = 0;
	for (const [i, value] of b.entries()) {
		difference += (a[i] - value) ** 2;
		norm += value ** 2;
	}
	return Math.sqrt(difference / norm);
}

/** The layers that are wrong, in a few words; none where all are right. */
export function wrongLayers({ wrong }: SelfCheck): string {
	const [first, second, ...others] = wrong.map(
		({ family, error }) => `${family} (off by ${Number(error.toPrecision(2))})`,
	);
	return [
		...(first ? [first] : []),
		...(second ? [second] : []),
		...(others.length > 0 ? [`and ${others.length} more`] : []),
	].join(", ");
}
