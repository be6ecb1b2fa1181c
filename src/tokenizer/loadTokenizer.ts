import * as z from "zod";
import { UserError } from "../errors/userError.js";
import { parseJson, readJsonText } from "../files/parseJson.js";
import { type AddedToken, addedTokenSplitter } from "./addedTokens.js";
import {
	bytePairs,
	END_OF_WORD,
	MAX_ID,
	type Vocabulary,
} from "./bytePairs.js";
import { parseMerges, parseVocab, splitPair } from "./clipVocabulary.js";
import { clipWords } from "./clipWords.js";
import type { Tokenizer } from "./tokenizer.js";

/** The texts of a tokenizer's files. */
export type TokenizerFiles = (
	| {
			/** vocab.json */
			readonly vocab: string;
			/** merges.txt */
			readonly merges: string;
	  }
	| {
			/** tokenizer.json */
			readonly tokenizerJson: string;
	  }
) & {
	/** tokenizer_config.json */
	readonly config?: string;
	/** special_tokens_map.json */
	readonly specialTokens?: string;
	/** added_tokens.json */
	readonly addedTokens?: string;
};

const CLIP_LENGTH = 77;
/** Longer than any text encoder reads; transformers writes 1e30 where it knows no limit. */
const LONGEST = 65_536;
const BEGIN = "<|startoftext|>";
const END = "<|endoftext|>";

const id = z.int().min(0).max(MAX_ID);
/** Of a token that is special and says nothing else, capitals do not match. */
const tokenFields = z.object({
	content: z.string(),
	normalized: z.boolean().optional(),
	lstrip: z.boolean().default(false),
	rstrip: z.boolean().default(false),
	single_word: z.boolean().default(false),
	special: z.boolean().optional(),
});
const specialToken = z.union([
	z.string().transform((content) => tokenFields.parse({ content })),
	tokenFields,
]);
const specialTokensSchema = z.object({
	bos_token: specialToken.nullish(),
	eos_token: specialToken.nullish(),
	unk_token: specialToken.nullish(),
	pad_token: specialToken.nullish(),
	additional_special_tokens: z.array(specialToken).nullish(),
});
const configSchema = specialTokensSchema.extend({
	model_max_length: z.number().nullish(),
	added_tokens_decoder: z
		.record(z.string().regex(/^\d{1,8}$/), tokenFields)
		.nullish(),
});
const addedTokensSchema = z.record(z.string(), id);
const tokenizerJsonSchema = z.object({
	added_tokens: z.array(tokenFields.extend({ id })).default([]),
	truncation: z.object({ max_length: z.number() }).nullish(),
	post_processor: z
		.object({
			cls: z.tuple([z.string(), z.int()]).optional(),
			sep: z.tuple([z.string(), z.int()]).optional(),
		})
		.nullish(),
	padding: z.object({ pad_token: z.string() }).nullish(),
	model: z.object({
		type: z.literal("BPE").optional(),
		unk_token: z.string().nullish(),
		end_of_word_suffix: z.literal(END_OF_WORD),
		vocab: z.unknown(),
		merges: z.array(z.union([z.string(), z.array(z.string()).length(2)])),
	}),
});

const kind = { what: "CLIP tokenizer's file" } as const;

/** What a text encoder can read. */
export interface TextEncoderLimits {
	/** Positions, begin and end included. */
	readonly maxTokens: number;
	/** Rows of its table of tokens. */
	readonly vocabSize: number;
}

/**
 * A CLIP tokenizer from the texts of its files: the ids are those of Hugging Face's CLIPTokenizer (transformers 5).
 * @param name what to call the tokenizer in an error, for instance its folder.
 * @param encoder the text encoder that it is for.
 * @throws UserError for files that make no CLIP tokenizer, or one that gives what `encoder` cannot read.
 */
export function loadTokenizer(
	files: TokenizerFiles,
	name = "tokenizer",
	encoder?: TextEncoderLimits,
): Tokenizer {
	const read = <Schema extends z.ZodType>(
		schema: Schema,
		text: string | undefined,
		file: string,
	) =>
		text === undefined
			? undefined
			: parseJson(schema, text, `${name}/${file}`, kind);
	const configFile = `${name}/tokenizer_config.json`;
	const config = read(configSchema, files.config, "tokenizer_config.json");
	const { added_tokens_decoder: decoder } = config ?? {};
	// As transformers does: where the config lists the added tokens, the older files are not read.
	const older = <Schema extends z.ZodType>(
		...source: Parameters<typeof read<Schema>>
	) => (decoder ? undefined : read(...source));
	const special = {
		...withoutNull(config ?? {}),
		...withoutNull(
			older(
				specialTokensSchema,
				files.specialTokens,
				"special_tokens_map.json",
			) ?? {},
		),
	};
	const listed = new Map<string, AddedToken>();
	const list = (token: z.infer<typeof tokenFields>, id: number) =>
		listed.set(token.content, {
			...token,
			normalized: token.normalized ?? token.special === false,
			singleWord: token.single_word,
			id,
		});
	const addListed = () => {
		const names = new Set(namedTokens(special).map(({ content }) => content));
		for (const [content, id] of Object.entries(
			older(addedTokensSchema, files.addedTokens, "added_tokens.json") ?? {},
		))
			list(tokenFields.parse({ content, special: names.has(content) }), id);
		for (const [id, token] of Object.entries(decoder ?? {}))
			list({ special: false, ...token }, Number(id));
	};
	if ("tokenizerJson" in files) {
		const file = `${name}/tokenizer.json`;
		const json = parseJson(
			tokenizerJsonSchema,
			files.tokenizerJson,
			file,
			kind,
		);
		for (const token of json.added_tokens) list(token, token.id);
		addListed();
		return assemble({
			encoder,
			name: file,
			vocabulary: {
				ids: parseVocab(json.model.vocab, `${file} (model.vocab)`),
				merges: json.model.merges.map((pair, i) =>
					typeof pair === "string"
						? splitPair(pair, `${file}, merge ${i + 1}`)
						: ([pair[0], pair[1]] as const),
				),
			},
			listed,
			special: [],
			bos: special.bos_token?.content ?? json.post_processor?.cls?.[0] ?? BEGIN,
			eos: special.eos_token?.content ?? json.post_processor?.sep?.[0] ?? END,
			unknown: json.model.unk_token ?? undefined,
			pad: special.pad_token?.content ?? json.padding?.pad_token,
			maxLength: config?.model_max_length ?? json.truncation?.max_length,
			lengthFile: config?.model_max_length == null ? file : configFile,
		});
	}
	const vocabFile = `${name}/vocab.json`;
	addListed();
	const [bos, eos, unknown, pad] = namedTokens(special);
	return assemble({
		encoder,
		name: vocabFile,
		vocabulary: {
			ids: parseVocab(readJsonText(files.vocab, vocabFile), vocabFile),
			merges: parseMerges(files.merges, `${name}/merges.txt`),
		},
		listed,
		special: [
			bos,
			eos,
			unknown,
			pad,
			...(special.additional_special_tokens ?? []),
		],
		bos: bos.content,
		eos: eos.content,
		unknown: unknown.content,
		pad: pad.content,
		maxLength: config?.model_max_length ?? undefined,
		lengthFile: configFile,
	});
}

/** The begin, end, unknown and padding tokens, CLIP's own where the files name none. */
function namedTokens(special: z.infer<typeof specialTokensSchema>) {
	const { bos_token, eos_token, unk_token, pad_token } = special;
	const end = tokenFields.parse({ content: END });
	return [
		bos_token ?? tokenFields.parse({ content: BEGIN }),
		eos_token ?? end,
		unk_token ?? end,
		pad_token ?? end,
	] as const;
}

interface Parts {
	encoder: TextEncoderLimits | undefined;
	name: string;
	vocabulary: Vocabulary;
	/** Tokens beside the vocabulary, with their ids, by content. */
	listed: ReadonlyMap<string, AddedToken>;
	/** Tokens with a role; those that are neither in the vocabulary nor listed, begin and end apart, get the next ids. */
	special: readonly z.infer<typeof tokenFields>[];
	bos: string;
	eos: string;
	unknown: string | undefined;
	pad: string | undefined;
	maxLength: number | undefined;
	/** The file that says it. */
	lengthFile: string;
}

function assemble(parts: Parts): Tokenizer {
	const added = new Map(parts.listed);
	const ids = new Map(parts.vocabulary.ids);
	for (const { content, id } of added.values()) ids.set(content, id);
	let size = 0;
	for (const id of ids.values()) size = Math.max(size, id + 1);
	for (const token of parts.special) {
		if (parts.listed.has(token.content)) continue;
		const mustBe = [parts.bos, parts.eos].includes(token.content);
		const id = ids.get(token.content) ?? (mustBe ? undefined : size++);
		if (id === undefined) continue;
		ids.set(token.content, id);
		// Of a token that is named twice the last description counts.
		added.set(token.content, {
			...token,
			normalized: token.normalized ?? false,
			singleWord: token.single_word,
			id,
		});
	}
	const idOf = (token: string, role: string): number => {
		const id = ids.get(token);
		if (id === undefined)
			throw new UserError(
				`${parts.name} has no ${role} token: ${JSON.stringify(token.slice(0, 40))} is not in the vocabulary`,
			);
		return id;
	};
	const bosId = idOf(parts.bos, "begin");
	const eosId = idOf(parts.eos, "end");
	const padId = parts.pad === undefined ? eosId : idOf(parts.pad, "padding");
	const maxLength = checkedLength(parts);
	if (parts.encoder && size > parts.encoder.vocabSize)
		throw new UserError(
			`${parts.name} has ids up to ${size - 1}, but the text encoder knows ${parts.encoder.vocabSize} tokens: they do not belong together`,
			{ code: "invalid_input" },
		);
	const unknownId =
		parts.unknown === undefined ? undefined : ids.get(parts.unknown);
	const split = addedTokenSplitter([...added.values()]);
	const encodeWord = bytePairs(parts.vocabulary, unknownId, parts.name);

	const tokenize = (text: string): number[] => {
		const tokens: number[] = [];
		for (const part of split(text)) {
			if (typeof part === "number") tokens.push(part);
			else
				for (const word of clipWords(part))
					for (const id of encodeWord(word)) tokens.push(id);
		}
		return tokens;
	};
	return {
		maxLength,
		vocabularySize: size,
		bosId,
		eosId,
		padId,
		tokenize,
		encode(text) {
			const tokens = [bosId, ...tokenize(text).slice(0, maxLength - 2), eosId];
			while (tokens.length < maxLength) tokens.push(padId);
			return tokens;
		},
	};
}

function checkedLength({ maxLength, lengthFile, encoder }: Parts): number {
	if (maxLength === undefined || maxLength > LONGEST)
		return Math.min(CLIP_LENGTH, encoder?.maxTokens ?? CLIP_LENGTH);
	if (!Number.isInteger(maxLength) || maxLength < 3)
		throw new UserError(
			`${lengthFile}: the maximum length is ${maxLength}, it must be a whole number of at least 3`,
		);
	if (encoder && maxLength > encoder.maxTokens)
		throw new UserError(
			`${lengthFile}: the maximum length (model_max_length) is ${maxLength} tokens, but the text encoder takes ${encoder.maxTokens}: they do not belong together`,
			{ code: "invalid_input" },
		);
	return maxLength;
}

function withoutNull<T extends object>(value: T): T {
	return Object.fromEntries(
		Object.entries(value).filter(([, entry]) => entry != null),
	) as T;
}
