import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, sep } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const page = readFileSync(join(root, "docs", "architecture.md"), "utf8");
/** The rooms of src, the highest first. */
const rooms = [
	...page.slice(page.indexOf("| room | holds |")).matchAll(/^\| `(\w+)` \| /gm),
].map(([, room]) => room);

const roomOf = (file: string) => file.split(sep)[0];
const sources = readdirSync(join(root, "src"), { recursive: true })
	.map(String)
	.filter((file) => /\.(ts|js)$/.test(file) && file.includes(sep));

test("docs/architecture.md lists every room of src", () => {
	expect([...rooms].sort()).toEqual([...new Set(sources.map(roomOf))].sort());
});

test("imports go down the list of rooms, never up", () => {
	const up = sources.flatMap((file) => {
		const text = readFileSync(join(root, "src", file), "utf8");
		return [...text.matchAll(/(?:from|import\() ?"(\.[^"]+)"/g)]
			.map(([, path]) => normalize(join(dirname(file), path)))
			.filter((target) => {
				const [here, there] = [roomOf(file), roomOf(target)];
				return here !== there && rooms.indexOf(there) <= rooms.indexOf(here);
			})
			.map((target) => `${file} -> ${target}`);
	});
	expect(up).toEqual([]);
});

test("the files that the page names are there", () => {
	const names = [...page.matchAll(/`((?:\w+\/)+\w+\.ts)`/g)].map(
		([, name]) => name,
	);
	expect(names.length).toBeGreaterThan(10);
	for (const name of names.filter((name) => !existsSync(join(root, name))))
		expect(
			sources.some(
				(file) =>
					file === normalize(name) || file.endsWith(normalize(`/${name}`)),
			),
			name,
		).toBe(true);
});
