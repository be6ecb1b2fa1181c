import type * as z from "zod";
import type { Denoiser, DenoiserOptions } from "../propagation/denoiser.js";
import type {
	AcceleratorSpec,
	KeyStepPlan,
} from "../propagation/keyStepPlan.js";

/** A kind of accelerator: everything that is to be known of it. */
export interface Accelerator<Spec extends AcceleratorSpec = AcceleratorSpec> {
	readonly kind: Spec["kind"];
	/** How it is written: `tome[:RATIO[:SEED]]`. */
	readonly usage: string;
	readonly help: string;
	/** Its arguments, all numbers, with their defaults. */
	readonly schema: z.ZodType<Spec>;
	/** Names of the arguments, in the order of the words. */
	readonly fields: readonly string[];
	/** What stands against its use with a plan; undefined: nothing. */
	problem?(spec: Spec, plan: KeyStepPlan): string | undefined;
	denoiser(spec: Spec): (options: DenoiserOptions) => Denoiser;
}

/** What accelerators say that choose themselves at which evaluations the network runs. */
export function needsPlainPlan({
	states,
}: Pick<KeyStepPlan, "states">): string | undefined {
	return states.every(({ run }) => run === "full")
		? undefined
		: "it chooses itself what runs: leave the key steps out";
}
