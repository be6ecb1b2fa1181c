import type { Signal } from "@preact/signals";
import type { Studio } from "../state/studio.js";
import { namedPlans, planName } from "./planNames.js";
import { KINDS, stateLabel } from "./stateWords.js";
import { kindOf, STEP_KINDS, type StateWord } from "./stepCosts.js";

/** What a brush of each kind paints. */
const BRUSHES: Readonly<Record<string, StateWord>> = {
	full: "full",
	decoder: "decoder",
	outer: "outer:1",
	nothing: "nothing:0",
};

/** Plans to choose, and what a stroke over the steps paints. */
export function PlanChoice({
	studio: { words, outline, set, plainSteps, isShortened },
	brush,
}: {
	readonly studio: Studio;
	readonly brush: Signal<StateWord>;
}) {
	const plans = namedPlans(
		outline.value,
		isShortened.value ? plainSteps.value : undefined,
	);
	const chosen = words.value;
	const depths = Object.keys(outline.value?.costs ?? {}).filter((state) =>
		/^outer:\d+$/.test(state),
	);
	const own = planName(chosen, plans) === undefined;
	return (
		<div class="plan-choice">
			{/* biome-ignore lint/a11y/useSemanticElements: a fieldset would be a form's */}
			<div class="chips" role="group" aria-label="Plans">
				{plans.map(({ label, options, help }) => (
					<button
						type="button"
						key={label}
						class="chip"
						aria-pressed={options.keySteps === chosen}
						title={`${label}: ${help}`}
						onClick={() =>
							set({
								injectNoise: undefined,
								injectUntil: undefined,
								...options,
							})
						}
					>
						{label.replace(/ of \d+$/, "")}
					</button>
				))}
				{own && (
					<span class="chip own" title={chosen}>
						Your own
					</span>
				)}
			</div>
			<fieldset class="brushes">
				<legend>Paint</legend>
				{STEP_KINDS.map((kind) => (
					<label key={kind} data-kind={kind} title={KINDS[kind].help}>
						<input
							type="radio"
							name="brush"
							checked={kindOf(brush.value) === kind}
							onChange={() => {
								brush.value = BRUSHES[kind];
							}}
						/>
						<i class="swatch" aria-hidden="true" />
						{KINDS[kind].label}
					</label>
				))}
				{kindOf(brush.value) === "outer" && (
					<select
						aria-label="Layers of an outer step"
						value={brush.value}
						onChange={({ currentTarget }) => {
							brush.value = currentTarget.value;
						}}
					>
						{depths.map((state) => (
							<option key={state} value={state}>
								{stateLabel(state)}
							</option>
						))}
					</select>
				)}
			</fieldset>
		</div>
	);
}
