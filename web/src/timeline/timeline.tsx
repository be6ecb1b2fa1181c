import { useSignal } from "@preact/signals";
import type { Studio } from "../state/studio.js";
import { PlanChoice } from "./planChoice.js";
import { nextState, painted, wordsOfStates } from "./planEditing.js";
import { PredictionStrip } from "./predictionStrip.js";
import { KINDS, stateLabel } from "./stateWords.js";
import { costOf, kindOf, planCost, type StateWord } from "./stepCosts.js";

/** Keys that set a step's state at once. */
const KEYS: Readonly<Record<string, StateWord>> = {
	f: "full",
	d: "decoder",
	o: "outer:1",
	n: "nothing:0",
};

/** What runs at each step: looked at, chosen and painted; its height is what it costs. */
export function Timeline({ studio }: { readonly studio: Studio }) {
	const { states, outline, words, spoken, tuned, set, pen, plainSteps } =
		studio;
	const brush = useSignal<StateWord>("decoder");
	/** The plan while it is being painted. */
	const draft = useSignal<readonly StateWord[] | undefined>(undefined);
	const stroke = useSignal<StateWord | undefined>(undefined);
	const focused = useSignal(0);
	const shown = draft.value ?? states.value;
	const known = outline.value;
	if (!known || shown.length === 0)
		return <section class="timeline" aria-label="Steps" aria-busy="true" />;

	const { costs, start } = known;
	const { share, speedup, counts } = planCost(
		shown,
		costs,
		start,
		plainSteps.value,
	);
	const seconds = studio.times.costs(
		known.options,
		studio.model.value.name,
		shown.slice(start),
	);
	const expected = seconds
		? planCost(shown, seconds, start, plainSteps.value).speedup
		: speedup;
	const running = pen.progress.value;
	// a plan may have become shorter
	const current = Math.min(focused.value, shown.length - 1);
	const taken = running?.side === "asked" ? start + running.step : shown.length;

	// of a plan that `auto` found the grid, the steps and the noise stay
	const commit = (next: readonly StateWord[]) =>
		set({
			...(words.peek() === "auto" && tuned.peek()?.options),
			keySteps: wordsOfStates(next, spoken.peek()),
		});

	const indexAt = ({ clientX, currentTarget }: PointerEvent) => {
		const { left, width } = (
			currentTarget as HTMLElement
		).getBoundingClientRect();
		const index = Math.floor(((clientX - left) / width) * shown.length);
		return Math.min(shown.length - 1, Math.max(0, index));
	};
	const paint = (index: number, state: StateWord) => {
		draft.value = painted(draft.peek() ?? states.peek(), index, state);
	};
	const onPointerDown = (event: PointerEvent) => {
		if (event.button !== 0) return;
		const index = indexAt(event);
		(event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
		stroke.value = shown[index] === brush.value ? "full" : brush.value;
		focused.value = index;
		paint(index, stroke.value);
	};
	const onPointerMove = (event: PointerEvent) => {
		if (stroke.value) paint(indexAt(event), stroke.value);
	};
	const forget = () => {
		draft.value = undefined;
		stroke.value = undefined;
	};
	const onPointerUp = () => {
		if (draft.value) commit(draft.value);
		forget();
	};
	const onKeyDown = (event: KeyboardEvent) => {
		const index = current;
		const move: Record<string, number> = {
			ArrowLeft: index - 1,
			ArrowRight: index + 1,
			Home: 0,
			End: shown.length - 1,
		};
		const state =
			KEYS[event.key] ??
			(event.key === " " || event.key === "Enter"
				? nextState(shown[index])
				: undefined);
		if (event.ctrlKey || event.metaKey || event.altKey) return;
		if (event.key in move) {
			const next = Math.min(shown.length - 1, Math.max(0, move[event.key]));
			focused.value = next;
			const cells = (event.currentTarget as HTMLElement).querySelectorAll(
				"button",
			);
			cells[next]?.focus();
		} else if (state) commit(painted(shown, index, state));
		else return;
		event.preventDefault();
	};

	return (
		<section class="timeline" aria-labelledby="steps-title">
			<header class="timeline-top">
				<h2 id="steps-title">Steps</h2>
				<p class="counts">
					{(["full", "decoder", "outer", "nothing"] as const)
						.filter((kind) => counts[kind] > 0)
						.map((kind) => (
							<span key={kind} data-kind={kind}>
								<i class="swatch" aria-hidden="true" />
								{counts[kind]} {KINDS[kind].label.toLowerCase()}
							</span>
						))}
				</p>
				<p
					class="expected"
					aria-live="polite"
					title={
						seconds
							? "By the seconds that such steps took here"
							: "By the operations of the network"
					}
				>
					<b>{expected.toFixed(2)}×</b> expected
					<span class="muted"> · {Math.round(share * 100)} % of the work</span>
				</p>
			</header>
			<PlanChoice studio={studio} brush={brush} />
			<p class="visually-hidden" id="steps-help">
				Left and right move between steps. Space changes what runs; F, D, O and
				N set full, decoder, outer and nothing. The first step is always full.
			</p>
			<div class="steps-scroll">
				<div class="steps" style={{ "--count": String(shown.length) }}>
					{/* biome-ignore lint/a11y/useSemanticElements: a fieldset would be a form's */}
					<div
						class="bars"
						role="group"
						aria-label="What runs at each step"
						aria-describedby="steps-help"
						onPointerDown={onPointerDown}
						onPointerMove={onPointerMove}
						onPointerUp={onPointerUp}
						// a finger that scrolls the page paints nothing
						onPointerCancel={forget}
						onKeyDown={onKeyDown}
					>
						{shown.map((state, index) => (
							<button
								type="button"
								key={index}
								class="cell"
								data-kind={kindOf(state)}
								data-taken={index < taken}
								data-left-out={index < start}
								data-now={running?.side === "asked" && index === taken}
								tabIndex={index === current ? 0 : -1}
								style={{
									"--level": String(costOf(state, costs) / costs.full),
								}}
								onFocus={() => {
									focused.value = index;
								}}
								onClick={(event) => {
									// what a screen reader presses; pointers paint
									if (event.detail === 0)
										commit(painted(shown, index, nextState(state)));
								}}
								aria-label={`Step ${index + 1}: ${stateLabel(state)}${index === 0 ? ", always" : ""}`}
								title={`Step ${index + 1} · t ${Math.round(known.timesteps[index])} · ${stateLabel(state)}`}
							>
								<span class="bar" />
							</button>
						))}
					</div>
					<PredictionStrip studio={studio} count={shown.length} />
				</div>
			</div>
		</section>
	);
}
