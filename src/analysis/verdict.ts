import { bootstrap, type ConfidenceInterval } from "../metrics/bootstrap.js";

/** How much both halves change over a run of one prompt: means over blocks and evaluations. */
export interface HalfChanges {
	readonly encoder: number;
	readonly decoder: number;
}

/** Whether the decoder half changes more than the encoder half, with an interval over prompts. */
export interface Verdict {
	/** Mean change of the decoder's blocks divided by that of the encoder's. */
	readonly factor: ConfidenceInterval;
	readonly encoder: number;
	readonly decoder: number;
	/** How many prompts it is of: one alone has no interval, and decides nothing. */
	readonly prompts: number;
	/** `yes`: the whole interval is above 1; `no`: it is below; else `undecided`. */
	readonly encoderChangesLess: "yes" | "no" | "undecided";
}

/** @param prompts one entry a prompt; at least one */
export function verdict(prompts: readonly HalfChanges[]): Verdict {
	const total = (half: keyof HalfChanges, indices: Int32Array) => {
		let sum = 0;
		for (const index of indices) sum += prompts[index][half];
		return sum / indices.length;
	};
	const factor = bootstrap(
		prompts.length,
		(indices) => total("decoder", indices) / total("encoder", indices),
	);
	const all = Int32Array.from(prompts, (_, n) => n);
	return {
		factor,
		encoder: total("encoder", all),
		decoder: total("decoder", all),
		prompts: prompts.length,
		encoderChangesLess:
			prompts.length < 2
				? "undecided"
				: factor.low > 1
					? "yes"
					: factor.high < 1
						? "no"
						: "undecided",
	};
}

/** The verdict in one sentence. */
export function verdictSentence(
	{ factor, prompts, encoderChangesLess, encoder, decoder }: Verdict,
	measure: string,
): string {
	const interval = `${factor.estimate.toFixed(2)} (${
		prompts < 2
			? "of one prompt, which has no interval: give more"
			: `${Math.round(100 * factor.confidence)} % interval over prompts ${factor.low.toFixed(2)}–${factor.high.toFixed(2)}`
	})`;
	const values = `decoder ${decoder.toPrecision(3)}, encoder ${encoder.toPrecision(3)}`;
	switch (encoderChangesLess) {
		case "yes":
			return `By ${measure} from step to step, the encoder changes less than the decoder, by a factor of ${interval}; ${values}.`;
		case "no":
			return `By ${measure} from step to step, the encoder does not change less than the decoder: decoder over encoder is ${interval}; ${values}.`;
		case "undecided":
			return `By ${measure} from step to step, it is undecided whether the encoder changes less than the decoder: decoder over encoder is ${interval}; ${values}.`;
	}
}
