import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "./random.js";

/** Something that reads what strangers write. */
export interface Target<Input = unknown> {
	readonly name: string;
	/** Made once. */
	prepare(): Promise<{
		/** An input, from nothing but the random numbers. */
		make(random: Random): Input;
		/** Reads it. Whatever is thrown but a UserError, and whatever is not finite or not as promised, is a fault. */
		run(input: Input): unknown;
	}>;
}

/** A target, with its input's type seen where it is written only. */
export const target = <Input>(
	name: string,
	prepare: Target<Input>["prepare"],
): Target => ({ name, prepare }) as Target;

/** The package's root: the bundle lies in `dist-fuzz/`. */
export const root = join(import.meta.dirname, "..");
const models = join(root, "test", "models");
export const tinySd = join(models, "tiny-sd");
export const bytesOf = (...path: string[]): Buffer =>
	readFileSync(join(models, ...path));
export const jsonOf = (...path: string[]): unknown =>
	JSON.parse(bytesOf(...path).toString());

/** The files of the small pipeline folder, by path. */
export function tinyFiles(): Map<string, Uint8Array> {
	const files = new Map<string, Uint8Array>();
	for (const entry of readdirSync(tinySd, {
		recursive: true,
		withFileTypes: true,
	})) {
		if (!entry.isFile() || entry.name.includes("fp16")) continue;
		const path = join(entry.parentPath, entry.name);
		files.set(
			path.slice(tinySd.length + 1).replaceAll("\\", "/"),
			new Uint8Array(readFileSync(path)),
		);
	}
	return files;
}

/** A safetensors file of a header that was changed. */
export function withHeader(header: string, data: Uint8Array): Uint8Array {
	const text = Buffer.from(header);
	const length = Buffer.alloc(8);
	length.writeBigUInt64LE(BigInt(text.length));
	return Uint8Array.from(Buffer.concat([length, text, data]));
}

/** The header of a safetensors file, and the bytes behind it. */
export function headerOf(file: Buffer): {
	header: Record<string, { dtype: string; shape: number[] }>;
	data: Uint8Array;
} {
	const length = Number(file.readBigUInt64LE(0));
	return {
		header: JSON.parse(file.subarray(8, 8 + length).toString()),
		data: file.subarray(8 + length),
	};
}

/** Thrown by a target where a reader gives back what it must not. */
export class BrokenPromise extends Error {
	override readonly name = "BrokenPromise";
}

export function promise(kept: boolean, words: string): void {
	if (!kept) throw new BrokenPromise(words);
}
