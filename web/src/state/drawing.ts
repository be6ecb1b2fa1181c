import { computed, signal } from "@preact/signals";
import type {
	FinishedPicture,
	PictureOptions,
	PictureRun,
	PictureSource,
	SourceError,
} from "../pictureSource.js";
import type { StateWord } from "../timeline/stepCosts.js";
import type { ShownPicture } from "./shownPicture.js";

/** How far the run is that is drawn now. */
export interface Progress {
	readonly phase: "waiting" | "loading" | "drawing";
	/** The picture that was asked for, or the plain one beside it. */
	readonly side: "asked" | "plain";
	readonly position: number;
	readonly network?: string;
	/** Steps that are taken, and how many there are. */
	readonly step: number;
	readonly steps: number;
	readonly previews: readonly (string | undefined)[];
}

/** What was drawn: the picture that was asked for, and the plain one beside it. */
export interface Drawn {
	readonly asked?: ShownPicture;
	readonly plain?: ShownPicture;
}

export type Drawing = ReturnType<typeof drawing>;

interface DrawingOptions {
	readonly source: PictureSource;
	/** Every picture that is finished. */
	readonly onPicture: (picture: ShownPicture, side: Progress["side"]) => void;
}

/** What is left out of a plan to sample plainly. */
const PLAN_OPTIONS = ["keySteps", "quality", "injectNoise", "injectUntil"];

/** Draws one picture after another: whoever asks for a new one stops the one before. */
export function drawing({ source, onPicture }: DrawingOptions) {
	const progress = signal<Progress | undefined>(undefined);
	const drawn = signal<Drawn>({});
	const failure = signal<SourceError | undefined>(undefined);
	const warnings = signal<readonly string[]>([]);
	/** The plain picture of these options is not drawn twice. */
	let plainKey = "";
	/** Addresses that were made for pictures, to be given back. */
	const urls = new Set<string>();
	let turn = 0;
	let run: PictureRun | undefined;

	function hang(next: Drawn): void {
		drawn.value = next;
		for (const url of urls)
			if (url !== next.asked?.url && url !== next.plain?.url) {
				URL.revokeObjectURL(url);
				urls.delete(url);
			}
	}

	/** Draws, and tells how far it is; undefined where it was stopped or failed. */
	async function draw(
		options: PictureOptions,
		side: Progress["side"],
		previewEvery: number,
		mine: number,
	): Promise<ShownPicture | undefined> {
		const current = source.submit(options, { previewEvery });
		run = current;
		const previews: (string | undefined)[] = [];
		const stepStates: StateWord[] = [];
		const stepSeconds: number[] = [];
		let finished: ShownPicture | undefined;
		const tell = (change: Partial<Progress>) => {
			progress.value = {
				...(progress.peek() ?? { position: 0, step: 0, steps: 0 }),
				phase: "drawing",
				previews: [...previews],
				side,
				...change,
			};
		};
		tell({ phase: "waiting", step: 0, previews: [] });
		for await (const event of current.events) {
			if (turn !== mine) return undefined;
			switch (event.type) {
				case "queued":
					tell({ phase: "waiting", position: event.position });
					break;
				case "started":
					tell({ phase: "drawing", step: 0, steps: event.steps });
					break;
				case "loading":
					tell({
						phase: event.seconds === undefined ? "loading" : "drawing",
						network: event.network,
					});
					break;
				case "warning":
					if (side === "asked")
						warnings.value = [...warnings.peek(), event.message];
					break;
				case "step":
					previews[event.step - 1] = event.preview;
					stepStates[event.step - 1] = event.state;
					stepSeconds[event.step - 1] = event.seconds;
					tell({ step: event.step, steps: event.steps });
					break;
				case "image": {
					const picture = shown(event.picture, options, {
						previews: [...previews],
						stepStates: [...stepStates],
						stepSeconds: [...stepSeconds],
					});
					urls.add(picture.url);
					finished ??= picture;
					onPicture(picture, side);
					break;
				}
				case "failed":
					failure.value = event.error;
			}
		}
		return turn === mine ? finished : undefined;
	}

	async function start(
		options: PictureOptions,
		{
			previewEvery,
			compare,
			plainSteps,
		}: {
			readonly previewEvery: number;
			readonly compare: boolean;
			/** Steps of the plain picture. */
			readonly plainSteps: number;
		},
	): Promise<void> {
		const mine = ++turn;
		const before = run;
		failure.value = undefined;
		warnings.value = [];
		void before?.cancel();
		const key = plainOf(options, plainSteps);
		const asked = await draw(options, "asked", previewEvery, mine);
		if (turn !== mine) return;
		if (asked) {
			const { plain } = drawn.peek();
			// the seed may be one that nobody said
			const keeps = compare && plain?.seed === asked.seed && plainKey === key;
			hang({ asked, plain: keeps ? plain : undefined });
			if (compare && !keeps) {
				const drawnPlain = await draw(
					{
						...withoutPlan(options),
						keySteps: "all",
						steps: plainSteps,
						seed: asked.seed,
						numImages: 1,
					},
					"plain",
					0,
					mine,
				);
				if (turn !== mine) return;
				if (drawnPlain) {
					plainKey = key;
					hang({ asked, plain: drawnPlain });
				}
			}
		}
		progress.value = undefined;
		run = undefined;
	}

	return {
		progress,
		drawn,
		failure,
		warnings,
		busy: computed(() => progress.value !== undefined),
		start,
		async stop() {
			turn++;
			progress.value = undefined;
			const stopped = run;
			run = undefined;
			await stopped?.cancel();
		},
		/** Shows a picture that was drawn before; its address is given back when another is shown. */
		show(asked: ShownPicture) {
			urls.add(asked.url);
			turn++;
			void run?.cancel();
			run = undefined;
			progress.value = undefined;
			failure.value = undefined;
			plainKey = "";
			hang({ asked });
		},
	};
}

function shown(
	picture: FinishedPicture,
	asked: PictureOptions,
	steps: Pick<ShownPicture, "previews" | "stepStates" | "stepSeconds">,
): ShownPicture {
	return {
		...picture,
		...steps,
		asked,
		url: URL.createObjectURL(picture.png),
	};
}

const withoutPlan = (options: PictureOptions): PictureOptions =>
	Object.fromEntries(
		Object.entries(options).filter(([name]) => !PLAN_OPTIONS.includes(name)),
	);

const plainOf = (options: PictureOptions, steps: number) =>
	JSON.stringify({ ...withoutPlan(options), steps });
