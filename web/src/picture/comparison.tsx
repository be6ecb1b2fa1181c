import { useSignal } from "@preact/signals";
import type { ShownPicture } from "../state/shownPicture.js";

/** Two pictures in one frame, with a line between them that is dragged, or moved by the arrow keys. */
export function Comparison({
	left,
	right,
	leftName,
	rightName,
}: {
	readonly left: ShownPicture;
	readonly right: ShownPicture;
	readonly leftName: string;
	readonly rightName: string;
}) {
	const split = useSignal(50);
	return (
		<div class="comparison" style={{ "--split": `${split.value}%` }}>
			<img src={right.url} alt={altOf(right, rightName)} />
			<img class="left" src={left.url} alt={altOf(left, leftName)} />
			<span class="name left" aria-hidden="true">
				{leftName}
			</span>
			<span class="name right" aria-hidden="true">
				{rightName}
			</span>
			<span class="divider" aria-hidden="true" />
			<input
				type="range"
				min="0"
				max="100"
				value={split.value}
				aria-label={`Line between ${leftName} and ${rightName}`}
				onInput={({ currentTarget }) => {
					split.value = Number(currentTarget.value);
				}}
			/>
		</div>
	);
}

const altOf = ({ options }: ShownPicture, name: string) =>
	`${String(options.prompt)}, drawn ${name.toLowerCase() === "plain" ? "plainly" : "with the plan"}`;
