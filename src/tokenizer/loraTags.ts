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
 */
export function loraTags(prompt: string): {
	readonly text: string;
	readonly tags: readonly LoraTag[];
} {
	const tags: LoraTag[] = [];
	const text = prompt.replace(TAG, (_, name: string, rest: string) => {
		const words = rest.split(":").slice(1);
		const named = (key: string) =>
			words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
		const [first, second] = words.filter((word) => !word.includes("="));
		const textWeight = number(named("te") ?? first) ?? 1;
		const weight = number(named("unet") ?? second) ?? textWeight;
		tags.push({ name: name.trim(), weight, textWeight });
		return "";
	});
	return { text, tags };
}

function number(word: string | undefined): number | undefined {
	if (word === undefined || word.trim() === "") return undefined;
	const value = Number(word);
	return Number.isFinite(value) ? value : undefined;
}
