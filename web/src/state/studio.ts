import { computed, effect, signal } from "@preact/signals";
import type {
	Capabilities,
	PictureOptions,
	PictureSource,
	RunOutline,
} from "../pictureSource.js";
import { kindOf, type StateWord } from "../timeline/stepCosts.js";
import { debounced } from "./debounced.js";
import { drawing } from "./drawing.js";
import { gallery, type HungPicture } from "./gallery.js";
import { modelSwitch, QUICK_PIXELS } from "./modelSwitch.js";
import { pictureRequest } from "./request.js";
import type { ShownPicture } from "./shownPicture.js";
import { stepTimes } from "./stepTimes.js";

/** A picture is kept once nothing was asked for in its place for this long. */
const KEPT_AFTER_MS = 1500;
/** How long a note is shown. */
const NOTE_MS = 12_000;
/** Larger pictures are decoded for previews this often. */
const PREVIEWS = 10;

/** Everything that the page shows and does, without how it looks. */
export type Studio = ReturnType<typeof studio>;

export function studio(source: PictureSource, capabilities: Capabilities) {
	const [{ defaults }] = capabilities.models;
	const kept = gallery();
	/** The step whose prediction is looked at (from 0); undefined: the finished picture. */
	const lookedAt = signal<number | undefined>(undefined);
	const painting = signal(false);
	const note = signal("");
	const tell = (words: string) => {
		note.value = words;
		forget.ask();
	};
	const forget = debounced(() => {
		note.value = "";
	}, NOTE_MS);

	const request = pictureRequest(source, capabilities, () => {
		if (live.on.peek()) void draw();
	});
	effect(() => {
		// there is nothing left to paint on
		if (request.given.value.initImage === undefined) painting.value = false;
	});
	const live = modelSwitch("live", request.model);
	const comparison = modelSwitch("comparison", request.model);

	const times = stepTimes();
	let settled: ShownPicture[] = [];
	const keepSettled = debounced(() => {
		for (const picture of settled) void kept.keep(picture);
		settled = [];
	}, KEPT_AFTER_MS);

	const pen = drawing({
		source,
		onPicture(picture, side) {
			times.learn(picture);
			if (side === "plain") return;
			settled.push(picture);
			keepSettled.ask();
		},
	});

	const isPlain = computed(() =>
		isPlainPlan(request.spoken.value, request.states.value),
	);

	async function draw(): Promise<void> {
		if (!String(request.given.peek().prompt ?? "").trim()) return;
		settled = [];
		keepSettled.cancel();
		lookedAt.value = undefined;
		const { width, height } = request.outline.peek()?.options ?? defaults;
		const steps = request.states.peek().length;
		const small = Number(width) * Number(height) <= QUICK_PIXELS;
		await pen.start(request.given.peek(), {
			previewEvery: small ? 1 : Math.max(1, Math.ceil(steps / PREVIEWS)),
			compare: comparison.on.peek() && !isPlain.peek(),
			plainSteps: request.plainSteps.peek(),
		});
	}

	return {
		source,
		capabilities,
		...request,
		pen,
		times,
		kept,
		/** Whether the picture follows the typing. */
		live: live.on,
		toggleLive: live.toggle,
		/** Whether the plain picture is drawn beside it. */
		compares: comparison.on,
		isPlain,
		lookedAt,
		painting,
		/** What is told to those who do not see the page, and shown for a moment. */
		note,
		tell,
		draw,
		stop: () => pen.stop(),
		/** Shows the newest picture, and draws. */
		async open(): Promise<void> {
			await kept.open();
			const [newest] = kept.pictures.peek();
			if (newest) {
				pen.show(shownOf(newest));
				request.takeUp(newest.asked);
			}
			await request.ask();
			if (request.given.peek().keySteps === undefined) {
				request.put(firstPlan(request.outline.peek()));
				await request.ask();
			}
			if (live.on.peek() || !newest) await draw();
		},
		toggleComparison() {
			comparison.toggle();
			const { asked, plain } = pen.drawn.peek();
			if (comparison.on.peek() && asked && !plain && !isPlain.peek())
				void draw();
		},
		/** Shows a kept picture, and takes its settings over. */
		async show(picture: HungPicture): Promise<void> {
			pen.show(shownOf(picture));
			lookedAt.value = undefined;
			request.replace(picture.asked);
			await request.ask();
		},
		/** Takes over the settings that a picture's file carries. */
		async adopt(file: Blob): Promise<void> {
			const { options, warnings, modelHash } = await source.parameters(file);
			const made = capabilities.models.find(({ hash }) => hash === modelHash);
			request.replace({
				...options,
				model: made?.name ?? request.given.peek().model,
			});
			tell(warnings[0]?.message ?? "The picture's settings are taken over.");
			await request.ask();
			void draw();
		},
		/** Begins with a picture. */
		beginWith(initImage: string) {
			request.set({ initImage, mask: undefined });
		},
		newSeed() {
			const [seed] = crypto.getRandomValues(new Uint32Array(1));
			request.set({ seed });
		},
	};
}

const shownOf = (picture: HungPicture): ShownPicture => ({
	...picture,
	// of its own: the gallery's goes when it is removed there
	url: URL.createObjectURL(picture.png),
	previews: [],
	stepStates: [],
	stepSeconds: [],
});

/** The plan that the page opens with: a tuned one that has something to show on the steps, or the preset that is nearest to plain sampling. */
function firstPlan(outline: RunOutline | undefined): PictureOptions {
	const tuned = (outline?.tunedPlans ?? []).filter(({ states }) =>
		states.some((state) => kindOf(state) !== "full"),
	);
	return (
		tuned[Math.floor(tuned.length / 2)]?.options ?? { keySteps: "deepcache:3" }
	);
}

/** Whether a plan is plain sampling: the whole network at every step of the sampler's own grid. */
const isPlainPlan = (words: string, states: readonly StateWord[]) =>
	!words.includes("+") && states.every((state) => kindOf(state) === "full");
