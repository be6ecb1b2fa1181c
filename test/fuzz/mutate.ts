import type { Random } from "./random.js";

/** Values that a careless or hostile writer may put where another is wanted. */
const ODD: readonly unknown[] = [
	...[null, true, false, 0, -1, 1, 2, 3, 77, 4096, 65536, 1e6, 0.5, -0.5],
	...[1e308, -1e308, 1e-320, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 53 + 2, 1e21],
	...["", "a", "0", "-1", "NaN", "__proto__", "constructor", "a".repeat(500)],
	...["\0", "\ud800", "a\nb", "../../a", "silu", "linear", "v_prediction"],
	...[[], [0], [-1], [1, 2, 3], [[[]]], [null], [1e9], Array(50).fill(1)],
	...[{}, { a: 1 }, { length: 5 }, Array(2000).fill("a")],
];

/** What JSON cannot say, and a JavaScript caller can. */
const ODD_IN_MEMORY: readonly unknown[] = [
	...[Number.NaN, Number.POSITIVE_INFINITY, -0, 5n, 2n ** 64n, -(2n ** 63n)],
	...[undefined, () => 1, Symbol("a"), new Date(0), new Map(), new Set([1])],
	...[new Float32Array(3), new Uint8Array(0), new Proxy({}, {}), /a/, NaN],
	...[Object.create(null), { toString: 5 }, new AbortController().signal],
];

type Container = Record<string, unknown>;
const isContainer = (value: unknown): value is Container =>
	typeof value === "object" && value !== null && !ArrayBuffer.isView(value);

function pathsOf(value: unknown, path: readonly string[] = []): string[][] {
	const below = isContainer(value)
		? Object.keys(value)
				.slice(0, 200)
				.flatMap((key) => pathsOf(value[key], [...path, key]))
		: [];
	return [[...path], ...below];
}

/** A copy of a JSON value with some of its parts left out, put elsewhere, scaled or replaced. */
export function mutatedJson(value: unknown, random: Random): unknown {
	const copy: unknown = structuredClone(value);
	for (let left = 1 + random.whole(3); left > 0; left--) {
		const path = random.pick(pathsOf(copy));
		const odd: unknown = structuredClone(random.pick(ODD));
		const key = path.at(-1);
		if (key === undefined) {
			if (random.chance(0.1)) return odd;
			continue;
		}
		const parent = path
			.slice(0, -1)
			.reduce<unknown>(
				(inside, name) => (isContainer(inside) ? inside[name] : undefined),
				copy,
			);
		if (!isContainer(parent)) continue;
		const old = parent[key];
		const kind = random.next();
		if (kind < 0.2) {
			if (Array.isArray(parent)) parent.splice(Number(key), 1);
			else delete parent[key];
		} else if (kind < 0.3 && !Array.isArray(parent))
			parent[random.pick(["__proto__", "constructor", "a", "0", `${key}2`])] =
				old;
		else if (kind < 0.45 && typeof old === "number")
			parent[key] =
				old * random.pick([-1, 0, 0.5, 1, 2, 1000, 1e9]) +
				random.pick([0, 1, -1]);
		else if (kind < 0.5) parent[key] = [old];
		else parent[key] = odd;
	}
	return copy;
}

/** JSON text, at times with what Python or an attacker writes in it. */
export function jsonText(value: unknown, random: Random): string {
	let text = JSON.stringify(value) ?? "null";
	if (random.chance(0.1)) {
		const numbers = [...text.matchAll(/[:,[](-?\d[\d.e+-]*)/g)];
		const place = numbers.length > 0 ? random.pick(numbers) : undefined;
		if (place)
			text = `${text.slice(0, place.index + 1)}${random.pick(["1e999", "-Infinity", "NaN", "Infinity", "01", "-0", "9".repeat(400), "0x1"])}${text.slice(place.index + place[0].length)}`;
	}
	if (random.chance(0.02)) {
		const [open, close] = [50_000, random.pick([0, 50_000])];
		const deep = `${"[".repeat(open)}1${"]".repeat(close)}`;
		text = random.pick([
			deep,
			text.replace(/^\{/, () => `{"a": ${deep},`),
			text.replace(/:[^:,{}[\]]+/, () => `: ${deep}`),
		]);
	}
	if (random.chance(0.02)) text = `\ufeff${text}`;
	return random.chance(0.05) ? mutatedText(text, random) : text;
}

const SIGNS = [
	...'():,\n"\\{}[]\r\t\0é/+@=;<> '.split(""),
	...["-1", "1e9", "NaN", "9".repeat(40), "a".repeat(3000), "\ud800"],
	...["Steps: ", "Seed: ", "Size: 0x0", "@2", "BREAK", " AND ", "日本"],
	...["<|endoftext|>", "<lora:a:1>", "\u2028", "\u202e", "__proto__"],
];

/** A text with signs put in, pieces left out, doubled or cut off. */
export function mutatedText(text: string, random: Random): string {
	let changed = text;
	for (let left = 1 + random.whole(5); left > 0; left--) {
		const at = random.whole(changed.length + 1);
		const kind = random.next();
		if (kind < 0.6)
			changed = `${changed.slice(0, at)}${random.pick(SIGNS)}${changed.slice(at)}`;
		else if (kind < 0.8)
			changed = `${changed.slice(0, at)}${changed.slice(at + random.whole(30))}`;
		else if (kind < 0.9) changed = changed.slice(0, at);
		else changed += changed.slice(at, at + 200);
	}
	return changed;
}

const LENGTHS = [0, 1, 2 ** 32 - 1, 2 ** 31 - 1, 2 ** 31, 65536, 255, 256];

/** Bytes with some flipped, replaced, left out or doubled, and lengths that lie. */
export function mutatedBytes(
	bytes: Uint8Array,
	random: Random,
): Uint8Array<ArrayBuffer> {
	let changed = Uint8Array.from(bytes);
	const joined = (...parts: readonly Uint8Array[]) =>
		Uint8Array.from(Buffer.concat(parts));
	for (let left = 1 + random.whole(6); left > 0; left--) {
		const at = random.whole(changed.length || 1);
		const kind = random.next();
		if (kind < 0.35) changed[at] ^= 1 << random.whole(8);
		else if (kind < 0.55)
			changed[at] = random.pick([0, 255, 127, 128, 10, 34, 123, 93, 46]);
		else if (kind < 0.62) changed = changed.slice(0, at);
		else if (kind < 0.74)
			changed = joined(
				changed.subarray(0, at),
				changed.subarray(at + random.whole(20)),
			);
		else if (kind < 0.85)
			changed = joined(
				changed.subarray(0, at + random.whole(40)),
				changed.subarray(at),
			);
		else if (at + 4 <= changed.length)
			new DataView(changed.buffer).setUint32(
				at,
				random.pick(LENGTHS),
				random.chance(0.5),
			);
	}
	return changed;
}

/** Options as a careless JavaScript caller gives them. */
export function mutatedOptions(
	options: Readonly<Record<string, unknown>>,
	random: Random,
): unknown {
	const copy: Record<string, unknown> = { ...options };
	for (let left = 1 + random.whole(3); left > 0; left--) {
		const key = random.pick(Object.keys(options));
		const kind = random.next();
		if (kind < 0.3) copy[key] = structuredClone(random.pick(ODD));
		else if (kind < 0.6) copy[key] = random.pick(ODD_IN_MEMORY);
		else if (kind < 0.7) delete copy[key];
		else if (kind < 0.75) copy[`${key}s`] = copy[key];
		else if (typeof copy[key] === "string")
			copy[key] = mutatedText(copy[key], random);
		else if (typeof copy[key] === "number")
			copy[key] =
				copy[key] * random.pick([-1, 0, 0.5, 1000]) + random.pick([0, 1, 0.1]);
		else if (isContainer(options[key]) && copy[key] === options[key])
			copy[key] = mutatedJson(copy[key], random);
	}
	return random.chance(0.01) ? random.pick(ODD_IN_MEMORY) : copy;
}
