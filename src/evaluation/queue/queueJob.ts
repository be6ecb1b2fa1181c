import * as z from "zod";
import { imageRecordSchema, machineRecordSchema } from "../run/record.js";
import { runDefinitionSchema } from "../run/runDefinition.js";

/** One caption, to be drawn by methods. */
export const jobSchema = z.object({
	methods: runDefinitionSchema.shape.methods,
	/** Names of the methods that are missing. */
	missing: z.array(z.string()),
	/** Options of all methods that were given; the model's defaults are for the rest. */
	common: runDefinitionSchema.shape.image.partial(),
	index: z.int().min(0),
	entry: z.object({
		imageId: z.string(),
		captionId: z.string(),
		caption: z.string(),
		seed: z.int().min(0),
	}),
	keepImage: z.boolean(),
});
export type QueueJob = z.infer<typeof jobSchema>;

/** What a worker gives back for a caption. */
export const jobResultSchema = z.object({
	machine: machineRecordSchema,
	images: z.array(
		z.object({
			record: imageRecordSchema,
			/** float32, little-endian, base64. */
			features: z.string(),
			/** A PNG file, base64. */
			png: z.string().optional(),
		}),
	),
});
export type QueueJobResult = z.infer<typeof jobResultSchema>;

/** The first thing that is wrong with a value that came over the queue, in one line. */
export function issueLine({ issues: [issue] }: z.ZodError): string {
	return [...issue.path.map(String), issue.message].join(": ");
}
