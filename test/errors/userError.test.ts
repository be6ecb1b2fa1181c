import { expect, test } from "vitest";
import { OptionError } from "../../src/errors/optionError.js";
import { UserError } from "../../src/errors/userError.js";

test.each([
	["a\nb", "a; b"],
	["a \r\n\n b", "a; b"],
	["tensor \u001b[2J\u001b]0;title\u0007 in f", "tensor �[2J�]0;title� in f"],
	["a\0b", "a�b"],
	["\u202egnp.exe", "�gnp.exe"],
	["a\u2028b", "a; b"],
	["é日本👩‍🚀 stays", "é日本👩‍🚀 stays"],
])(
	"a message with what a file says is one line that a terminal only shows: %j",
	(text, shown) => {
		expect(new UserError(text).message).toBe(shown);
		const error = new OptionError("width", text);
		expect(error.what).toBe(shown);
		expect(error.message).toBe(`width: ${shown}`);
	},
);

test("a message that quotes too much is cut in its middle", () => {
	const { message } = new UserError(`${"a".repeat(5000)}; use another file`);
	expect(message.length).toBeLessThan(1300);
	expect(message).toMatch(/^a+ … a+; use another file$/);
});
