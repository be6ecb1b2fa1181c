import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { pixelsOf } from "../parts/fileData.js";
import { type ShownPicture, secondsOf } from "../state/shownPicture.js";
import type { Studio } from "../state/studio.js";
import { namedPlans, planName } from "../timeline/planNames.js";
import { decibels, likeness } from "./likeness.js";

/** What a picture took, and beside the plain one what was gained and lost. */
export function Facts({ studio }: { readonly studio: Studio }) {
	const { pen, compares } = studio;
	const plain = useComputed(() =>
		compares.value ? pen.drawn.value.plain : undefined,
	);
	const ratio = useSignal<number | undefined>(undefined);
	useSignalEffect(() => {
		const { asked } = pen.drawn.value;
		const beside = plain.value;
		ratio.value = undefined;
		if (!asked || !beside) return;
		let stale = false;
		void Promise.all([pixelsOf(asked.png), pixelsOf(beside.png)]).then(
			([a, b]) => {
				if (!stale) ratio.value = likeness(a, b);
			},
		);
		return () => {
			stale = true;
		};
	});
	const { asked } = pen.drawn.value;
	if (!asked) return <div class="facts" />;
	const beside = plain.value;
	return (
		<dl class="facts">
			{beside && <Fact name="Plain" {...taken(beside)} />}
			<Fact
				name={
					planName(asked.options.keySteps, namedPlans(studio.outline.value)) ??
					"Your plan"
				}
				{...taken(asked)}
				accent
			/>
			{beside && (
				<>
					<Fact
						name="Faster"
						value={`${(secondsOf(beside) / secondsOf(asked)).toFixed(2)}×`}
						note="as measured here"
					/>
					<Fact
						name="Likeness"
						value={ratio.value === undefined ? "…" : decibels(ratio.value)}
						note="PSNR to the plain picture"
					/>
				</>
			)}
			{!beside && (
				<Fact
					name="Picture"
					value={`${asked.width} × ${asked.height}`}
					note={`seed ${asked.seed}`}
				/>
			)}
		</dl>
	);
}

function Fact({
	name,
	value,
	note,
	accent,
}: {
	readonly name: string;
	readonly value: string;
	readonly note: string;
	readonly accent?: boolean;
}) {
	return (
		<div class="fact" data-accent={accent}>
			<dt>{name}</dt>
			<dd class="value">{value}</dd>
			<dd class="note">{note}</dd>
		</div>
	);
}

function taken({ cost, ...picture }: ShownPicture) {
	const seconds = secondsOf({ ...picture, cost });
	return {
		value: `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1)} s`,
		note: `encoder at ${cost.encoderRuns} of ${cost.evaluations} steps`,
	};
}
