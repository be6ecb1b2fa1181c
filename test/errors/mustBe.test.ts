import { expect, test } from "vitest";
import * as api from "../../src/index.js";

const odd = [undefined, null, 5, Number.NaN, {}, [], Symbol("a"), 5n, () => 1];

test("what readers and writers of the library are given is checked: no raw error reaches a caller of JavaScript", async () => {
	const given = odd as never[];
	const calls = given.flatMap((value) => [
		() => api.parseKeySteps(value, 5),
		() => api.parsePlanFile(value, "f"),
		() => api.optionsFromParameters(value),
		() => api.decodeNpy(value, "f"),
		() => api.parametersOf(value, "f"),
		() => api.encodeImage(value, "png"),
	]);
	const picture = { width: 2, height: 2, data: new Uint8Array(3) };
	calls.push(() => api.encodeImage(picture, "webp"));
	for (const call of calls)
		await expect((async () => call())(), String(call)).rejects.toThrow(
			api.UserError,
		);
});
