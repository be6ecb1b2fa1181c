import { InvalidArgumentError } from "commander";

/** A number on the command line; ranges are checked where the flag is used. */
export function parseNumber(word: string): number {
	const value = Number(word);
	if (word.trim() === "" || !Number.isFinite(value))
		throw new InvalidArgumentError(`"${word}" is no number.`);
	return value;
}

/** A whole number on the command line. */
export function parseWhole(word: string): number {
	if (!/^[+-]?\d{1,15}$/.test(word.trim()))
		throw new InvalidArgumentError(`"${word}" is no whole number.`);
	return Number(word);
}

/** A size on the command line, in bytes: "6GB", "512MiB", "1000000". */
export function parseBytes(word: string): number {
	const [, digits, unit = "", binary] =
		/^(\d{1,15}(?:\.\d{1,3})?) ?([kmgt]?)(i?)b?$/i.exec(word.trim()) ?? [];
	const power = " kmgt".indexOf(unit.toLowerCase() || " ");
	const bytes = Math.round(Number(digits) * (binary ? 1024 : 1000) ** power);
	if (!(bytes > 0))
		throw new InvalidArgumentError(
			`"${word}" is no size; use one such as 6GB or 512MiB.`,
		);
	return bytes;
}

/** A seed of any size on the command line. */
export function parseSeed(word: string): bigint {
	if (!/^[+-]?\d{1,20}$/.test(word.trim()))
		throw new InvalidArgumentError(
			`"${word}" is no integer; use a whole number such as 42.`,
		);
	return BigInt(word);
}
