import { expect, test } from "vitest";
import { openWebModel } from "../../../src/weights/web/openWebModel.js";

test("a model that nobody waits for any more is not called missing", async () => {
	await expect(
		openWebModel(undefined, { signal: AbortSignal.abort() }),
	).rejects.toMatchObject({ name: "AbortError" });
});
