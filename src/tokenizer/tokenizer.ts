/** Turns prompts into the ids that a CLIP text encoder reads. */
export interface Tokenizer {
	/** Ids of an encoded prompt, begin and end tokens included: 77 for every CLIP of Stable Diffusion. */
	readonly maxLength: number;
	/** Every id that it gives is below this. */
	readonly vocabularySize: number;
	/** Id of the token before every prompt. */
	readonly bosId: number;
	/** Id of the token after every prompt. */
	readonly eosId: number;
	/** Id that fills up to `maxLength` (the end token in SD 1.x, "!" in SD 2.x). */
	readonly padId: number;
	/** The ids of a text alone: no begin, end or padding, and not truncated. */
	tokenize(text: string): number[];
	/** The ids of a prompt for the text encoder: begin, at most `maxLength - 2` of its tokens, end, padding; `maxLength` ids in all. */
	encode(text: string): number[];
}
