import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { withNotices } from "../../src/pipeline/withNotices.js";

/** Tells a notice, then fails. */
const failing = () =>
	withNotices<number, string>(async function* (tell) {
		tell("notice");
		yield 1;
		tell("another");
		throw new Error("failed");
	});

// a rejection that nobody handles fails vitest's run, as it would end a program
test("a reader may take its time over a notice, and hears of the failure then", async () => {
	const heard: unknown[] = [];
	const reading = async () => {
		for await (const item of failing()) {
			heard.push(item);
			await delay(5);
		}
	};
	await expect(reading()).rejects.toThrow("failed");
	expect(heard).toEqual(["notice", 1, "another"]);
});

test("a reader that leaves at a notice hears nothing more", async () => {
	for await (const item of failing()) if (item === "another") break;
	await delay(5);
});
