import * as z from "zod";
import { UserError } from "../errors/userError.js";
import { parseJson, readJsonText } from "../files/parseJson.js";
import { type AddedToken, addedTokenSplitter } from "./addedTokens.js";
import { bytePairs, END_OF_WORD, type Vocabulary } from "./bytePairs.js";
import { parseMerges, parseVocab, splitPair } from "./clipVocabulary.js";
import { clipWords } from "./clipWords.js";
import type { Tokenizer } from "./tokenizer.js";

/** The texts of a tokenizer's files. */
export type TokenizerFiles =
	| {
			/** vocab.json */
			readonly vocab: string;
			/** merges.txt */
			readonly merges: string;
			/** tokenizer_config.json */
			readonly config?: string;
			/** special_tokens_map.json */
			readonly specialTokens?: string;
	  }
	| {
			/** tokenizer.json */
			readonly tokenizerJson: string;
			readonly config?: string;
			readonly specialTokens?: string;
	  };

const CLIP_LENGTH = 77;
/** Longer than any text encoder reads; transformers writes 1e30 where it knows no limit. */
const LONGEST = 65_536;
const BEGIN = "<|startoftext|>";
const END = "<|endoftext|>";

const specialToken = z.union([
	z.string().transform((content) => ({ content })),
	z.object({
		content: z.string(),
		normalized: z.boolean().optional(),
		lstrip: z.boolean().optional(),
		rstrip: z.boolean().optional(),
	}),
]);
const specialTokensSchema = z.object({
	bos_token: specialToken.nullish(),
	eos_token: specialToken.nullish(),
	unk_token: specialToken.nullish(),
	pad_token: specialToken.nullish(),
});
const configSchema = specialTokensSchema.extend({
	model_max_length: z.number().nullish(),
});
const tokenizerJsonSchema = z.object({
	added_tokens: z
		.array(
			z.object({
				id: z.int().nonnegative(),
				content: z.string(),
				normalized: z.boolean().default(false),
				lstrip: z.boolean().default(false),
				rstrip: z.boolean().default(false),
			}),
		)
		.default([]),
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

/**
 * A CLIP tokenizer from the texts of its files: the ids are those of Hugging Face's CLIPTokenizer (transformers 5).
 * @param name what to call the tokenizer in an error, for instance its folder.
 * @throws UserError for files that make no CLIP tokenizer.
 */
export function loadTokenizer(
	files: TokenizerFiles,
	name = "tokenizer",
): Tokenizer {
	const config = files.config
		? parseJson(
				configSchema,
				files.config,
				`${name}/tokenizer_config.json`,
				kind,
			)
		: {};
	const special = files.specialTokens
		? parseJson(
				specialTokensSchema,
				files.specialTokens,
				`${name}/special_tokens_map.json`,
				kind,
			)
		: {};
	const named = { ...config, ...withoutNull(special) };
	if ("tokenizerJson" in files) {
		const file = `${name}/tokenizer.json`;
		const json = parseJson(
			tokenizerJsonSchema,
			files.tokenizerJson,
			file,
			kind,
		);
		const vocabulary = {
			ids: parseVocab(json.model.vocab, `${file} (model.vocab)`),
			merges: json.model.merges.map((pair, i) =>
				typeof pair === "string"
					? splitPair(pair, `${file}, merge ${i + 1}`)
					: ([pair[0], pair[1]] as const),
			),
		};
		const ids = new Map(vocabulary.ids);
		for (const { content, id } of json.added_tokens) ids.set(content, id);
		return assemble({
			name: file,
			vocabulary: { ids, merges: vocabulary.merges },
			added: json.added_tokens,
			bos: named.bos_token?.content ?? json.post_processor?.cls?.[0] ?? BEGIN,
			eos: named.eos_token?.content ?? json.post_processor?.sep?.[0] ?? END,
			unknown: json.model.unk_token ?? undefined,
			pad: named.pad_token?.content ?? json.padding?.pad_token,
			maxLength: config.model_max_length ?? json.truncation?.max_length,
		});
	}
	const vocabFile = `${name}/vocab.json`;
	const ids = parseVocab(readJsonText(files.vocab, vocabFile), vocabFile);
	const bos = named.bos_token ?? { content: BEGIN };
	const eos = named.eos_token ?? { content: END };
	const unknown = named.unk_token ?? { content: END };
	const pad = named.pad_token ?? { content: END };
	// Of a token that is named twice the last description counts.
	const added = new Map<string, AddedToken>();
	for (const token of [bos, eos, unknown, pad]) {
		const id = ids.get(token.content);
		if (id !== undefined)
			added.set(token.content, {
				normalized: false,
				lstrip: false,
				rstrip: false,
				...token,
				id,
			});
	}
	return assemble({
		name: vocabFile,
		vocabulary: {
			ids,
			merges: parseMerges(files.merges, `${name}/merges.txt`),
		},
		added: [...added.values()],
		bos: bos.content,
		eos: eos.content,
		unknown: unknown.content,
		pad: pad.content,
		maxLength: config.model_max_length ?? undefined,
	});
}

interface Parts {
	name: string;
	vocabulary: Vocabulary;
	added: readonly AddedToken[];
	bos: string;
	eos: string;
	unknown: string | undefined;
	pad: string | undefined;
	maxLength: number | undefined;
}

function assemble(parts: Parts): Tokenizer {
	const { ids } = parts.vocabulary;
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
	const maxLength = checkedLength(parts.maxLength, parts.name);
	const unknownId =
		parts.unknown === undefined ? undefined : ids.get(parts.unknown);
	const split = addedTokenSplitter(parts.added);
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

function checkedLength(length: number | undefined, name: string): number {
	if (length === undefined || length > LONGEST) return CLIP_LENGTH;
	if (!Number.isInteger(length) || length < 3)
		throw new UserError(
			`${name}: the maximum length is ${length}, it must be a whole number of at least 3`,
		);
	return length;
}

function withoutNull<T extends object>(value: T): T {
	return Object.fromEntries(
		Object.entries(value).filter(([, entry]) => entry != null),
	) as T;
}
