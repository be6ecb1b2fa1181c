import { expect, test } from "vitest";
import { commandLine } from "../../web/src/commandLine.js";

const defaults = { width: 128, height: 128, negativePrompt: "", steps: 20 };

test("a picture's command says what was asked for, in flags, quoted for a shell", () => {
	expect(
		commandLine(
			{
				prompt: "it's a red apple",
				seed: 7,
				guidanceScale: 5.5,
				keySteps: "paper+tome:0.5",
				promptWeighting: true,
				negativePrompt: "blue & green",
			},
			defaults,
		),
	).toBe(
		"fdiff 'it'\\''s a red apple' --seed 7 --guidance-scale 5.5 --key-steps paper+tome:0.5 --prompt-weighting --negative-prompt 'blue & green'",
	);
});

test("what is the model's own is left out, and what says how many", () => {
	expect(
		commandLine(
			{
				prompt: "apple",
				width: 128,
				height: 64,
				numImages: 4,
				seed: "99999999999999999999",
			},
			defaults,
			"sd/v1.5",
		),
	).toBe("fdiff apple --model sd/v1.5 --height 64 --seed 99999999999999999999");
});

test("defaults that go by other options are said: the sampler may have others", () => {
	expect(
		commandLine({ prompt: "apple", sampler: "ddim", steps: 20 }, defaults),
	).toBe("fdiff apple --sampler ddim --steps 20");
});

test("a prompt that begins like a flag stays a prompt; pictures are files", () => {
	expect(
		commandLine(
			{
				prompt: "--apple",
				initImage: "data:image/png;base64,AA",
				mask: "data:,",
			},
			defaults,
		),
	).toBe("fdiff --init-image picture.png --mask mask.png -- --apple");
	expect(commandLine({ prompt: "" }, defaults)).toBe("fdiff ''");
});
