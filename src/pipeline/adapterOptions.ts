import * as z from "zod";

/** The bytes of a file, or something that gives parts of them. */
const content = z.custom<Uint8Array | Blob>(
	(value) => value instanceof Uint8Array || value instanceof Blob,
	"it is neither bytes nor a Blob",
);
const LONGEST_PATH = 4096;
const source = {
	/** A file, a folder or a Hub id. */
	path: z.string().min(1, "it names no file").max(LONGEST_PATH).optional(),
	/** The content of a safetensors file, in place of a path. */
	file: content.optional(),
};
const isOne = ({ path, file }: { path?: unknown; file?: unknown }) =>
	(path === undefined) !== (file === undefined);
const oneSource = "it needs a path or a file, one of the two";
const weight = z
	.number()
	.refine(
		(value) => Math.abs(value) <= 10,
		"it is not a number from -10 to 10",
	);

const loraSchema = z
	.strictObject({
		...source,
		/** What prompts and pictures call it; default: the file's name without its ending. */
		name: z.string().min(1).max(200).optional(),
		/** How much of it: 1 is as it was trained. */
		weight: weight.optional(),
		/** How much in the text encoder, where that differs. */
		textWeight: weight.optional(),
		/** What its content must be: twelve hexadecimal digits, as A1111 writes them. */
		hash: z
			.string()
			.regex(/^[0-9a-f]{10,64}$/)
			.optional(),
	})
	.refine(isOne, oneSource);

const embeddingSchema = z
	.strictObject({
		...source,
		/** What prompts call it; default: what the file calls it, else the file's name without its ending. */
		token: z.string().min(1).max(200).optional(),
		hash: z
			.string()
			.regex(/^[0-9a-f]{10,64}$/)
			.optional(),
	})
	.refine(isOne, oneSource);

/** A LoRA, or another adapter that changes weights. */
export type LoraOption = z.input<typeof loraSchema>;
/** A textual inversion. */
export type EmbeddingOption = z.input<typeof embeddingSchema>;

/** `"name: hash, …"`, as A1111 writes them; undefined where no file was opened. */
function hashes(
	list: readonly { readonly name?: string; readonly hash?: string }[],
): string | undefined {
	const known = list.filter(({ name, hash }) => name && hash);
	return known.length > 0
		? known.map(({ name, hash }) => `${name}: ${hash}`).join(", ")
		: undefined;
}

/** The options that change a run's networks. */
export const ADAPTER_OPTIONS = {
	loras: {
		schema: z.array(loraSchema).max(32),
		expected: "a list of LoRAs such as [{ path, weight }]",
		metavar: "file|hub id[:weight]",
		list: true,
		parse: (word: string) => {
			const [, path, said] = /^(.+?)(?::([+-]?(?:\d+\.?\d*|\.\d+)))?$/.exec(
				word,
			) ?? [undefined, ""];
			return said === undefined ? { path } : { path, weight: Number(said) };
		},
		help: "a LoRA, LoHa, LoKr, DoRA or difference (.safetensors, .pt, .bin, or ice or lcm, which come with the embedded model), with how much of it counts (default: 1); several are added up",
		group: "Adapters",
		json: false,
		parameter: {
			key: "Lora hashes",
			write: (list: readonly LoraOption[]) => hashes(list),
			read: () => null,
		},
	},
	embeddings: {
		schema: z.array(embeddingSchema).max(64),
		expected: "a list of textual inversions such as [{ path, token }]",
		metavar: "file|hub id[:token]",
		list: true,
		parse: (word: string) => {
			const [, path, token] = /^(.+?)(?::([^:/\\]+))?$/.exec(word) ?? [
				undefined,
				"",
			];
			return token === undefined ? { path } : { path, token };
		},
		help: "a textual inversion and the word that prompts call it by (default: what the file says, else its name)",
		group: "Adapters",
		json: false,
		parameter: {
			key: "TI hashes",
			write: (list: readonly EmbeddingOption[]) =>
				hashes(list.map(({ token, hash }) => ({ name: token, hash }))),
			read: () => null,
		},
	},
} as const;
