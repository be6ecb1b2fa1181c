import type { Studio } from "../state/studio.js";

/** What each step predicted, under the step; pointed at, it is seen large. */
export function PredictionStrip({
	studio: { pen, lookedAt, outline },
	count,
}: {
	readonly studio: Studio;
	readonly count: number;
}) {
	const { asked } = pen.drawn.value;
	const running = pen.progress.value;
	const start = outline.value?.start ?? 0;
	const fresh = running?.side === "asked" ? running.previews : [];
	// those of the run before stay until there are new ones
	const previews = Array.from(
		{ length: count - start },
		(_, index) =>
			fresh[index] ??
			// the last step's is the picture itself
			(index === count - start - 1 ? asked?.url : asked?.previews[index]),
	);
	const present = previews.flatMap((preview, index) =>
		preview ? [start + index] : [],
	);
	const seen = lookedAt.value;
	const nearest = (index: number) =>
		present.reduce(
			(best, one) =>
				Math.abs(one - index) < Math.abs(best - index) ? one : best,
			present[0],
		);
	const lookAt = (index: number | undefined) => {
		lookedAt.value =
			index === undefined || present.length === 0 ? undefined : nearest(index);
	};
	const indexAt = ({ clientX, currentTarget }: PointerEvent) => {
		const { left, width } = (
			currentTarget as HTMLElement
		).getBoundingClientRect();
		return Math.floor(((clientX - left) / width) * count);
	};
	const onKeyDown = (event: KeyboardEvent) => {
		const place = present.indexOf(seen ?? -1);
		const last = present.length - 1;
		const move: Record<string, number | undefined> = {
			ArrowRight: Math.min(last, place + 1),
			ArrowLeft: place < 0 ? last : Math.max(0, place - 1),
			Home: 0,
			End: last,
		};
		if (event.key === "Escape") lookedAt.value = undefined;
		else if (event.key in move) lookAt(present[move[event.key] ?? 0]);
		else return;
		event.preventDefault();
	};
	if (present.length === 0)
		return <div class="strip" data-empty="true" aria-hidden="true" />;
	return (
		<div
			class="strip"
			role="slider"
			tabIndex={0}
			aria-label="What each step predicted"
			aria-valuemin={1}
			aria-valuemax={count}
			aria-valuenow={(seen ?? count - 1) + 1}
			aria-valuetext={
				seen === undefined ? "The finished picture" : `Step ${seen + 1}`
			}
			onPointerMove={(event) => {
				if (event.pointerType === "mouse" || event.buttons > 0)
					lookAt(indexAt(event));
			}}
			onPointerDown={(event) => lookAt(indexAt(event))}
			onPointerLeave={(event) => {
				if (event.pointerType === "mouse") lookAt(undefined);
			}}
			onBlur={() => lookAt(undefined)}
			onKeyDown={onKeyDown}
		>
			{Array.from({ length: count }, (_, index) => {
				const preview = previews[index - start];
				return (
					<span key={index} class="prediction" data-seen={index === seen}>
						{preview && <img src={preview} alt="" draggable={false} />}
					</span>
				);
			})}
		</div>
	);
}
