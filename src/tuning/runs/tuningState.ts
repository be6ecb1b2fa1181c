import * as z from "zod";

export const tuningStateSchema = z.object({
	key: z.string().max(10_000),
	costs: z
		.object({
			unit: z.enum(["seconds", "flops"]),
			costs: z.array(z.tuple([z.string().max(40), z.number()])),
		})
		.optional(),
	candidates: z
		.array(
			z.object({
				states: z.array(z.string().max(40)).max(2000),
				order: z.union([z.literal(0), z.literal(1), z.literal(2)]),
				over: z.enum(["timestep", "log-snr"]),
				family: z.string().max(40),
				estimate: z.number(),
			}),
		)
		.optional(),
	runs: z.record(
		z.string(),
		z.object({
			error: z.number(),
			psnr: z.number().optional(),
			lpips: z.number().optional(),
			seconds: z.number(),
			flops: z.number(),
		}),
	),
	/** Seconds in the UNet of every run on one held-out prompt, all measured in turn; by the prompt's seed, then by run. */
	rounds: z.record(z.string(), z.record(z.string(), z.number())).optional(),
});

/** What a search has found out so far. */
export type TuningState = z.infer<typeof tuningStateSchema>;
