import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { apiPage } from "../scripts/api-page.mjs";
import { root } from "./cli/runProgram.js";

const page = apiPage();

test("docs/api.md has what the package exports, as it is (npm run docs writes it)", () => {
	expect(readFileSync(join(root, "docs", "api.md"), "utf8")).toBe(page);
});

/** Of the language and its platform, and names that stand for parts of another declaration. */
const KNOWN =
	/^(AbortSignal|ArrayBuffer|ArrayBufferLike|ArrayLike|AsyncGenerator|Blob|Error|ErrorOptions|Exclude|Float(32|64)Array|Int32Array|Omit|Partial|Pick|Promise|Readonly|ReadonlyMap|Record|Symbol|Uint8Array|Uint8ClampedArray|FILE_KEYS|Input|Key|Name|Table|Value)$/;

test("every type in an exported declaration is exported too", () => {
	const exported = new Set(
		[...page.matchAll(/^### (\w+)$/gm)].map(([, name]) => name),
	);
	const missing = new Set<string>();
	for (const [, block] of page.matchAll(/```ts\n([\s\S]*?)```/g)) {
		const code = block.replace(/\/\*[\s\S]*?\*\//g, "").replace(/"[^"]*"/g, "");
		const parameters = new Set(
			[
				...code.matchAll(/[<,]\s*(?:const )?([A-Z]\w*)(?: extends| =|>\()/g),
			].map(([, name]) => name),
		);
		for (const [, name] of code.matchAll(/(?<![.\w])([A-Z]\w*)\b/g))
			if (!exported.has(name) && !parameters.has(name) && !KNOWN.test(name))
				missing.add(name);
	}
	expect([...missing]).toEqual([]);
});

const { exports } = JSON.parse(
	readFileSync(join(root, "package.json"), "utf8"),
) as {
	exports: Record<string, Entry & { node?: Entry; browser?: Entry }>;
};
interface Entry {
	default: string;
}

test.each(
	Object.entries(exports).flatMap(([name, { node, browser, ...entry }]) =>
		node && browser
			? [[name, node] as const, [`${name} in a browser`, browser] as const]
			: entry.default
				? [[name, entry] as const]
				: [],
	),
)("%s is there", async (_, entry) => {
	const module = (await import(join(root, entry.default))) as object;
	expect(
		Object.values(module).filter((value) => typeof value === "function").length,
	).toBeGreaterThan(1);
});
