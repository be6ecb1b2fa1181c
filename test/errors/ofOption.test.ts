import { expect, test } from "vitest";
import { ofOption } from "../../src/errors/ofOption.js";
import { OptionError } from "../../src/errors/optionError.js";
import { UserError } from "../../src/errors/userError.js";

test("what is wrong with a file is said of the option that names it", async () => {
	const missing = new UserError("a.safetensors does not exist");
	const opening = ofOption("vae", () => Promise.reject(missing));
	await expect(opening).rejects.toMatchObject({
		...{ option: "vae", what: "a.safetensors does not exist" },
		...{ code: "invalid_option", cause: missing },
	});
});

test("a file's error that names another option says no option twice", async () => {
	const opening = ofOption("vae", () => {
		throw new OptionError("variant", "vae has several: choose one");
	});
	await expect(opening).rejects.toMatchObject({
		message: "vae: vae has several: choose one",
	});
});

test.each([
	new TypeError("undefined is not a function"),
	new RangeError("too long"),
	new DOMException("stopped", "AbortError"),
])("%s is no fault of the option", async (fault) => {
	const opening = ofOption("loras", () => {
		throw fault;
	});
	await expect(opening).rejects.toBe(fault);
});
