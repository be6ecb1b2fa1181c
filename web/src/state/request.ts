import { computed, effect, signal } from "@preact/signals";
import {
	type Capabilities,
	type PictureOptions,
	type PictureSource,
	type RunOutline,
	SourceError,
} from "../pictureSource.js";
import {
	refitted,
	statesOfWords,
	wordsOfStates,
} from "../timeline/planEditing.js";
import type { StateWord } from "../timeline/stepCosts.js";
import { debounced } from "./debounced.js";
import { isOptions, remembered } from "./remembered.js";

/** How long the page waits for more typing before it asks what a run would be. */
const PAUSE_MS = 180;
/** What the page opens with. */
const FIRST: PictureOptions = { prompt: "butterfly", seed: 7 };
/** Options that are pictures: too large to be remembered beside the others. */
export const PICTURES = ["initImage", "mask", "controlImage"] as const;

/** The part of a plan's words that says its grid. */
const TIMES = /\+?(times|log-snr):[^+]*/g;
const timesOf = (words: string) => words.match(TIMES)?.join("") ?? "";

/** @param onSettled told whenever somebody has changed what is asked for, and it is right */
export function pictureRequest(
	source: PictureSource,
	capabilities: Capabilities,
	onSettled: () => void,
) {
	const kept = remembered("options", FIRST, isOptions);
	const given = signal<PictureOptions>(usable(kept.peek(), capabilities));
	const outline = signal<RunOutline | undefined>(undefined);
	const problem = signal<SourceError | undefined>(undefined);
	let asking = new AbortController();

	effect(() => {
		const options = { ...given.value };
		for (const name of PICTURES) delete options[name];
		kept.value = options;
	});

	const model = computed(
		() =>
			capabilities.models.find(({ name }) => name === given.value.model) ??
			capabilities.models[0],
	);
	const words = computed(() => String(given.value.keySteps ?? "auto"));
	/** What runs at each step: at once where the plan's words say it. */
	const states = computed<readonly StateWord[]>(() => {
		const known = outline.value;
		if (!known) return [];
		return statesOfWords(words.value, known.evaluations) ?? known.states;
	});

	/** The words with what `auto` comes to in its place. */
	const spoken = computed(() =>
		words.value === "auto"
			? String(outline.value?.options.keySteps ?? "all")
			: words.value,
	);
	/** The tuned plan whose times the run takes: it has a number of steps of its own. */
	const tuned = computed(() =>
		outline.value?.tunedPlans?.find(({ options }) =>
			words.value === "auto"
				? options.keySteps === spoken.value
				: (options.steps ?? null) === (given.value.steps ?? null) &&
					timesOf(String(options.keySteps)) === timesOf(words.value),
		),
	);
	/** Steps of the plain run that the plan takes the place of. */
	const plainSteps = computed(
		() => tuned.value?.standsFor ?? Number(settingOf("steps") ?? 1),
	);
	/** Whether the run has another number of steps than the plain one. */
	const isShortened = computed(
		() =>
			tuned.value !== undefined &&
			tuned.value.standsFor !==
				Number(
					words.value === "auto"
						? outline.value?.options.steps
						: settingOf("steps"),
				),
	);

	/** The value of an option: given, or by default. */
	function settingOf(name: string): unknown {
		// a plan that was looked up may have fewer than were asked for
		if (name === "steps" && words.value === "auto" && tuned.value)
			return given.value.steps ?? tuned.value.standsFor;
		return (
			given.value[name] ??
			outline.value?.options[name] ??
			model.value.defaults[name]
		);
	}

	/** Asks what a run would be; whether it would be right. */
	async function ask(): Promise<boolean> {
		asking.abort();
		asking = new AbortController();
		const { signal: stop } = asking;
		const options = given.peek();
		try {
			const told = await source.outline(options, stop).catch((error) => {
				if (!(error instanceof SourceError) || error.option !== "keySteps")
					throw error;
				return refit(options, error, stop);
			});
			if (stop.aborted || !told) return false;
			outline.value = told;
			problem.value = undefined;
			return true;
		} catch (error) {
			if (stop.aborted) return false;
			problem.value =
				error instanceof SourceError
					? error
					: new SourceError(String(error), "internal_error");
			return false;
		}
	}

	/** A plan that was made for another number of steps is stretched to this one. */
	async function refit(
		options: PictureOptions,
		error: SourceError,
		stop: AbortSignal,
	): Promise<undefined> {
		const { states: before } = outline.peek() ?? { states: [] };
		const { evaluations } = await source.outline(
			{ ...options, keySteps: "all" },
			stop,
		);
		if (before.length === 0 || before.length === evaluations) throw error;
		set({
			keySteps: wordsOfStates(
				refitted(before, evaluations),
				// times are for the steps that they were made for
				words.peek().replace(TIMES, ""),
			),
		});
	}

	const settle = debounced(async () => {
		if (await ask()) onSettled();
	}, PAUSE_MS);

	/** Changes options, and is quiet about it; undefined takes one back to its default. */
	function put(change: PictureOptions): void {
		given.value = withoutUndefined({ ...given.peek(), ...change });
	}

	function set(change: PictureOptions): void {
		// a quality is what a tuned plan has
		if (change.quality !== undefined && !("keySteps" in change))
			put({
				keySteps: "auto",
				// the plan of before may have fewer than the run that it stands for
				...(isShortened.peek() && { steps: plainSteps.peek() }),
			});
		put(change);
		settle.ask();
	}

	/** The pictures that were given before a reload, where a kept run's other options are those that are given now. */
	function takeUp(asked: PictureOptions): void {
		const pictures: Record<string, unknown> = {};
		const others: Record<string, unknown> = { ...asked };
		for (const name of PICTURES) {
			if (asked[name] !== undefined) pictures[name] = asked[name];
			delete others[name];
		}
		if (sameOptions(others, given.peek())) put(usable(pictures, capabilities));
	}

	return {
		given,
		outline,
		problem,
		model,
		words,
		spoken,
		tuned,
		states,
		put,
		takeUp,
		/** Changes options as somebody wishes. */
		set,
		/** Takes these options in place of all that were given, and is quiet about it. */
		replace(options: PictureOptions) {
			given.value = usable(options, capabilities);
		},
		settingOf,
		plainSteps,
		isShortened,
		ask,
	};
}

/** The options without those that this source does not know. */
function usable(
	options: PictureOptions,
	{ options: known, models }: Capabilities,
): PictureOptions {
	const names = new Set(known.map(({ name }) => name));
	return withoutUndefined(
		Object.fromEntries(
			Object.entries(options).filter(
				([name, value]) =>
					names.has(name) ||
					(name === "model" && models.some((model) => model.name === value)),
			),
		),
	);
}

const sameOptions = (a: PictureOptions, b: PictureOptions) =>
	Object.keys({ ...a, ...b }).every(
		(name) => JSON.stringify(a[name]) === JSON.stringify(b[name]),
	);

const withoutUndefined = (options: PictureOptions): PictureOptions =>
	Object.fromEntries(
		Object.entries(options).filter(
			([, value]) => value !== undefined && value !== null,
		),
	);
