/** A LoRA that a prompt asks for. */
export interface LoraTag {
	readonly name: string;
	/** Of the UNet and of the text encoder. */
	readonly weight: number;
	readonly textWeight: number;
}

const TAG = /<(?:lora|lyco):([^<>:]{1,200})((?::[^<>:]{0,40}){0,4})>/g;

/**
 * Takes A1111's tags out of a prompt: `<lora:NAME>`, `<lora:NAME:WEIGHT>`, `<lora:NAME:TEXT WEIGHT:UNET WEIGHT>`, also with `te=` and `unet=`
 * before the numbers. What is no number counts as 1.
 * @param takes whether there is a LoRA of this name: the tags of others stay in the text
 * @returns the text without the tags that were taken, these, and those that stay in it
 */
export function loraTags(
	prompt: string,
	takes: (name: string) => boolean = () => true,
): {
	readonly text: string;
	readonly tags: readonly LoraTag[];
	readonly others: readonly LoraTag[];
} {
	const tags: LoraTag[] = [];
	const others: LoraTag[] = [];
	const text = prompt.replace(TAG, (whole, name: string, rest: string) => {
		const words = rest.split(":").slice(1);
		const named = (key: string) =>
			words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
		const [first, second] = words.filter((word) => !word.includes("="));
		const textWeight = number(named("te") ?? first) ?? 1;
		const weight = number(named("unet") ?? second) ?? textWeight;
		const tag = { name: name.trim(), weight, textWeight };
		const taken = takes(tag.name);
		(taken ? tags : others).push(tag);
		return taken ? "" : whole;
	});
	return { text, tags, others };
}

function number(word: string | undefined): number | undefined {
	if (word === undefined || word.trim() === "") return undefined;
	const value = Number(word);
	return Number.isFinite(value) ? value : undefined;
}
