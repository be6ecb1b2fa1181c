import { expect, test } from "vitest";
import type {
	Capabilities,
	FinishedPicture,
	PictureOptions,
	PictureParameters,
	PictureSource,
	RunEvent,
} from "../../../web/src/pictureSource.js";
import { studio } from "../../../web/src/state/studio.js";

const states = ["full", "decoder", "full", "decoder"];
const defaults = { width: 64, height: 64, steps: 4 };
const capabilities: Capabilities = {
	models: ["first", "second"].map((name) => ({
		name,
		hash: `hash of ${name}`,
		controlNets: 0,
		defaults,
	})),
	options: ["prompt", "seed", "steps", "keySteps", "initImage"].map((name) => ({
		name,
		group: "Picture",
		help: "",
		expected: "",
	})),
	schema: { properties: {} },
	limits: { pixels: 1e6, steps: 100, images: 4 },
};

/** A source that draws nothing: its runs end at once, each with another seed where none is asked for. */
function source(parameters: Partial<PictureParameters> = {}) {
	const drawn: PictureOptions[] = [];
	const held: (() => void)[] = [];
	let seeds = 100;
	const told: PictureSource & {
		readonly drawn: PictureOptions[];
		hold: boolean;
		release(): void;
	} = {
		drawn,
		hold: false,
		release() {
			for (const go of held.splice(0)) go();
		},
		capabilities: async () => capabilities,
		outline: async (options) => ({
			options: { ...defaults, ...options },
			start: 0,
			evaluations: 4,
			states: options.keySteps === "all" ? states.map(() => "full") : states,
			timesteps: [900, 600, 300, 0],
			costs: { full: 1, decoder: 0.6 },
			warnings: [],
		}),
		submit(options) {
			const made = { ...options, seed: options.seed ?? seeds++ };
			drawn.push(made);
			return {
				events: (async function* (): AsyncGenerator<RunEvent> {
					if (told.hold) await new Promise<void>((go) => held.push(go));
					yield { type: "image", picture: finished(made) };
					yield { type: "done", seconds: 1 };
				})(),
				cancel: async () => undefined,
			};
		},
		parameters: async () => ({
			text: "",
			options: {},
			warnings: [],
			...parameters,
		}),
	};
	return told;
}

function finished(options: PictureOptions): FinishedPicture {
	const { flops, ...cost } = {
		flops: 1,
		encoderRuns: 2,
		evaluations: 4,
		denoisingSeconds: 1,
		decodingSeconds: 0.1,
	};
	return {
		index: 0,
		seed: Number(options.seed),
		width: 64,
		height: 64,
		png: new Blob([JSON.stringify(options)]),
		parameters: JSON.stringify(options),
		options,
		cost: { ...cost, flops } as FinishedPicture["cost"],
		model: { label: "first", hash: "hash of first" },
	};
}

test("the plain picture beside one of a random seed is of that seed, each time", async () => {
	const desk = studio(source(), capabilities);
	await desk.open();
	desk.put({ prompt: "a pear", seed: undefined });
	for (let times = 0; times < 3; times++) {
		await desk.draw();
		const { asked, plain } = desk.pen.drawn.peek();
		expect(asked?.seed).toBeTypeOf("number");
		expect(plain?.seed).toBe(asked?.seed);
	}
});

test("the plain picture of the same seed is not drawn twice", async () => {
	const draws = source();
	const desk = studio(draws, capabilities);
	await desk.open();
	const before = draws.drawn.length;
	await desk.draw();
	expect(draws.drawn.slice(before).map(({ keySteps }) => keySteps)).toEqual([
		"deepcache:3",
	]);
});

test("a picture's settings are taken over with the model that drew it; of one that is not there the model stays", async () => {
	const draws = source({
		options: { prompt: "a plum", seed: 3 },
		modelHash: "hash of second",
	});
	const desk = studio(draws, capabilities);
	await desk.open();
	draws.hold = true;
	// it does not wait for the picture
	await desk.adopt(new Blob());
	expect(desk.given.peek()).toEqual({
		prompt: "a plum",
		seed: 3,
		model: "second",
	});
	expect(draws.drawn.at(-1)).toMatchObject({ model: "second" });
	draws.release();

	const foreign = source({ options: { prompt: "a fig" }, modelHash: "none" });
	const other = studio(foreign, capabilities);
	await other.open();
	other.put({ model: "second" });
	await other.adopt(new Blob());
	expect(other.given.peek()).toMatchObject({
		prompt: "a fig",
		model: "second",
	});
});

test("nothing is painted on once there is no picture to begin with", async () => {
	const desk = studio(source(), capabilities);
	await desk.open();
	desk.put({ initImage: "data:image/png;base64,AAAA" });
	desk.painting.value = true;
	desk.put({ seed: 8 });
	expect(desk.painting.peek()).toBe(true);
	desk.replace({ prompt: "a fig" });
	expect(desk.painting.peek()).toBe(false);
});
