import * as z from "zod";
import { parseStepState } from "../../propagation/stepState.js";
import type { Gap, Reuse, TimedPlan } from "../search/timedPlan.js";

const planSchema = z.object({
	calls: z.array(z.number()).max(1000),
	/** `nothing:1 x 3`, or empty, behind each call. */
	gaps: z.array(z.string().max(60)).max(1000),
	end: z.number(),
});

export const tuningStateSchema = z.object({
	key: z.string().max(20_000),
	/** What the grid search found, by the number of calls. */
	found: z.record(z.string(), z.array(planSchema).max(100)).optional(),
	/** What local search made of it, by the number of calls. */
	improved: z.record(z.string(), planSchema),
	/** Runs on held-out prompts, by the prompt's seed and the run's words. */
	scores: z.record(
		z.string(),
		z.object({
			error: z.number(),
			psnr: z.number(),
			seconds: z.number(),
			flops: z.number(),
		}),
	),
});

/** What a search has found out so far. */
export type TuningState = z.infer<typeof tuningStateSchema>;

export type KeptPlan = z.infer<typeof planSchema>;

/** A plan as the state keeps it. */
export function keptPlan({ calls, gaps, end }: TimedPlan): KeptPlan {
	return {
		calls: [...calls],
		gaps: gaps.map(({ reuse, count }) =>
			reuse && count > 0 ? `${reuseWord(reuse)} x ${count}` : "",
		),
		end,
	};
}

/** The plan that `keptPlan` keeps. @throws OptionError when it is none */
export function readKeptPlan({ calls, gaps, end }: KeptPlan): TimedPlan {
	return {
		calls,
		end,
		gaps: gaps.map((words): Gap => {
			const [, word, count] = /^(.+) x (\d+)$/.exec(words) ?? [];
			if (!word) return { count: 0 };
			return {
				reuse: parseStepState(word, "state") as Reuse,
				count: Number(count),
			};
		}),
	};
}

const reuseWord = ({ order, of }: Reuse) =>
	`nothing:${order}${of === "denoised" ? ":denoised" : ""}`;
