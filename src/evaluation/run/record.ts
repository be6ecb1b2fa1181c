import * as z from "zod";

const whole = z.int().min(0);
const positive = z.number().min(0);

/** What drawing one image by one method took and gave. */
export const imageRecordSchema = z.strictObject({
	kind: z.literal("image"),
	method: z.string(),
	/** Index into the protocol's entries. */
	index: whole,
	/** First 16 hexadecimal digits of the SHA-256 of the RGB bytes. */
	pixels: z.string(),
	/** Cosine with the caption as it is, and with "A photo depicts " before it. */
	cosine: z.number().optional(),
	prefixedCosine: z.number().optional(),
	/**
	 * Against the reference method's image of the same seed. PSNR in dB, absent where the images are identical; LPIPS where its
	 * weights were given.
	 */
	fidelity: z
		.strictObject({
			psnr: z.number().optional(),
			ssim: z.number(),
			lpips: z.number().optional(),
		})
		.optional(),
	cost: z.strictObject({
		/** From prompt to pixels, without loading and scoring. */
		seconds: positive,
		denoisingSeconds: positive,
		networkSeconds: positive,
		decodingSeconds: positive,
		flops: positive,
		encoderRuns: whole,
		evaluations: whole,
	}),
	/** Whose time it was: the `id` of a machine record. */
	machine: z.string(),
	/** Largest resident memory of the process until then, bytes. */
	peakMemory: positive,
});

/** One image of the real side. */
export const realRecordSchema = z.strictObject({
	kind: z.literal("real"),
	/** Index into the protocol's reals. */
	index: whole,
	/** Why it could not be read; it has no features then. */
	broken: z.string().optional(),
});

/** A machine that took part. */
export const machineRecordSchema = z.strictObject({
	kind: z.literal("machine"),
	id: z.string(),
	processor: z.string(),
	cores: whole,
	memory: positive,
	platform: z.string(),
	device: z.string(),
	threads: z.number().optional(),
	node: z.string(),
	runtime: z.string(),
	program: z.string(),
});

export const recordSchema = z.discriminatedUnion("kind", [
	imageRecordSchema,
	realRecordSchema,
	machineRecordSchema,
]);

export type ImageRecord = z.infer<typeof imageRecordSchema>;
export type RealRecord = z.infer<typeof realRecordSchema>;
export type MachineRecord = z.infer<typeof machineRecordSchema>;
export type EvaluationRecord = z.infer<typeof recordSchema>;

/** What a record is about: two of the same key say the same, and the first counts. */
export function recordKey(record: EvaluationRecord): string {
	switch (record.kind) {
		case "image":
			return `${record.index} ${record.method}`;
		case "real":
			return `${record.index} @real`;
		case "machine":
			return `${record.id} @machine`;
	}
}
