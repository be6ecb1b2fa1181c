import * as z from "zod";
import { UserError } from "../../errors/userError.js";
import { parseJson } from "../../files/parseJson.js";
import { lpipsTrunks } from "../../models/lpips.js";
import { precisions } from "../../runtime/session.js";
import { optionalFields } from "../methods/commonOptions.js";
import { joinAccelerator, methodFields } from "../methods/method.js";

const whole = z.int().min(0);

/**
 * What two runs must have in common for their results to be compared, joined or continued: the file run.json. Paths and
 * machines are not in it.
 */
export const runDefinitionSchema = z.strictObject({
	format: z.literal(1),
	protocol: z.strictObject({
		name: z.string(),
		version: z.int(),
		images: whole,
		reals: whole,
		/** SHA-256 of the resolved list: image ids, caption ids, captions, seeds. */
		captions: z.string(),
		/** How real images are cut before they are measured. */
		reals_cut: z.literal("centre square"),
	}),
	/** Hashes of the model's networks, and what they compute in. */
	model: z.strictObject({
		unet: z.string(),
		textEncoder: z.string(),
		vae: z.string(),
		scheduler: z.string(),
		precision: z.enum(precisions).default("float32"),
	}),
	image: z.strictObject({
		width: whole,
		height: whole,
		guidanceScale: z.number(),
		negativePrompt: z.string(),
		rng: z.enum(["cpu", "cuda"]),
		...optionalFields,
	}),
	scoring: z.strictObject({
		clip: z
			.strictObject({
				weights: z.string(),
				width: whole,
				/** Edge of the pictures that it sees. */
				imageSize: whole,
			})
			.optional(),
		inception: z
			.strictObject({
				madeWith: z.string(),
				/** Pooled features. */
				width: whole,
				logits: whole,
			})
			.optional(),
		lpips: z
			.strictObject({ trunk: z.enum(lpipsTrunks), weights: z.string() })
			.optional(),
	}),
	methods: z.array(
		z.preprocess(
			joinAccelerator,
			z.strictObject({ ...methodFields, run: whole }),
		),
	),
});

export type RunDefinition = z.infer<typeof runDefinitionSchema>;

/** @throws UserError when the text is no run.json */
export function parseRunDefinition(text: string, label: string): RunDefinition {
	return parseJson(runDefinitionSchema, text, label, {
		what: "run's definition",
	});
}

/** The first field in which two definitions differ, with both values; undefined where they are equal. */
export function firstDifference(
	a: unknown,
	b: unknown,
	path = "",
): { path: string; values: [unknown, unknown] } | undefined {
	if (Object.is(a, b)) return undefined;
	if (isRecord(a) && isRecord(b)) {
		for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
			const found = firstDifference(
				a[key],
				b[key],
				path ? `${path}.${key}` : key,
			);
			if (found) return found;
		}
		return undefined;
	}
	return { path, values: [a, b] };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
	typeof value === "object" && value !== null;

/**
 * @throws UserError that names the first field in which the definitions differ
 */
export function checkComparable(
	ours: RunDefinition,
	theirs: RunDefinition,
	label: string,
): void {
	const difference = firstDifference(ours, theirs);
	if (!difference) return;
	const names = ({ methods }: RunDefinition) =>
		methods.map(({ name }) => name).join(", ");
	if (difference.path.startsWith("methods.") && names(ours) !== names(theirs))
		throw new UserError(
			`${label} is of another run and cannot be compared: methods are ${names(theirs)} there and ${names(ours)} here; take another folder, or the same methods`,
		);
	const [mine, other] = difference.values.map((value) =>
		value === undefined ? "nothing" : JSON.stringify(value).slice(0, 80),
	);
	throw new UserError(
		`${label} is of another run and cannot be compared: ${difference.path} is ${other} there and ${mine} here; take another folder, or the same settings`,
	);
}
