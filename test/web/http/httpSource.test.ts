import { expect, test } from "vitest";
import { httpSource } from "../../../web/src/http/httpSource.js";

test("a key that no header holds is one that the server does not know", async () => {
	const source = httpSource("http://127.0.0.1:9");
	source.useKey?.("a-key-with-a-dash—and-more");
	await expect(source.capabilities()).rejects.toMatchObject({
		code: "unauthorized",
	});
	// one that a header holds is asked with
	source.useKey?.("schlüssel-0123456789");
	await expect(source.capabilities()).rejects.toMatchObject({
		code: "unreachable",
	});
});
