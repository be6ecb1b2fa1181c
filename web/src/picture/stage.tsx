import type { Progress } from "../state/drawing.js";
import { secondsOf } from "../state/shownPicture.js";
import type { Studio } from "../state/studio.js";
import { Comparison } from "./comparison.js";
import { Facts } from "./facts.js";
import { MaskPainter } from "./maskPainter.js";

/** What is predicted in the first steps is a haze: a picture that is there already stays until then. */
const WORTH_SEEING = 0.45;

/** The one big picture. */
export function Stage({ studio }: { readonly studio: Studio }) {
	const { pen, outline, painting, compares, isPlain } = studio;
	const { width, height } = outline.value?.options ??
		pen.drawn.value.asked ?? {
			width: 1,
			height: 1,
		};
	return (
		<section class="stage" aria-label="Picture">
			<figure
				class="frame"
				style={{ "--ratio": String(Number(width) / Number(height)) }}
				data-busy={pen.busy.value}
			>
				{painting.value ? (
					<MaskPainter studio={studio} />
				) : (
					<Shown studio={studio} />
				)}
				{!painting.value && <ProgressLine progress={pen.progress.value} />}
			</figure>
			<Announcement studio={studio} />
			<div class="beside">
				<Facts studio={studio} />
				<label class="switch compare" data-off={isPlain.value}>
					<input
						type="checkbox"
						class="toggle"
						checked={compares.value}
						onChange={studio.toggleComparison}
					/>
					<span>Compare with plain</span>
				</label>
				<Trouble studio={studio} />
			</div>
		</section>
	);
}

function Shown({ studio }: { readonly studio: Studio }) {
	const { pen, lookedAt, compares, outline } = studio;
	const { asked, plain } = pen.drawn.value;
	const progress = pen.progress.value;
	const start = outline.value?.start ?? 0;
	const step = lookedAt.value;
	const looked =
		step === undefined
			? undefined
			: (progress?.side === "asked" && progress.previews[step - start]) ||
				asked?.previews[step - start];
	if (looked && step !== undefined)
		return (
			<>
				<img
					class="predicted"
					src={looked}
					alt={`What step ${step + 1} predicted`}
				/>
				<figcaption class="name left">
					Step {step + 1} predicted this
				</figcaption>
			</>
		);
	const coming = latestPreview(progress);
	if (
		progress?.side === "asked" &&
		coming &&
		(!asked || progress.step >= progress.steps * WORTH_SEEING)
	)
		return (
			<img class="predicted" src={coming} alt="The picture, being drawn" />
		);
	if (asked && plain && compares.value)
		return (
			<Comparison
				left={plain}
				right={asked}
				leftName="Plain"
				rightName="Accelerated"
			/>
		);
	if (asked) return <img src={asked.url} alt={String(asked.options.prompt)} />;
	return <div class="blank" role="img" aria-label="No picture yet" />;
}

function latestPreview(progress: Progress | undefined): string | undefined {
	return progress?.previews.findLast((preview) => preview !== undefined);
}

function ProgressLine({ progress }: { readonly progress?: Progress }) {
	if (!progress)
		return <div class="progress" data-off="true" aria-hidden="true" />;
	const { phase, position, network, step, steps, side } = progress;
	const words =
		phase === "waiting"
			? position > 0
				? `${position} in front of it`
				: "Waiting"
			: phase === "loading"
				? `Loading the ${network?.replaceAll("_", " ")}`
				: `${side === "plain" ? "Plain: step" : "Step"} ${step} of ${steps}`;
	return (
		<div class="progress">
			<progress max={Math.max(1, steps)} value={step} aria-label="Drawing" />
			<span>{words}</span>
		</div>
	);
}

/** What is told to those who do not see the picture: that it is there, and what it took. */
function Announcement({ studio }: { readonly studio: Studio }) {
	const { asked, plain } = studio.pen.drawn.value;
	const busy = studio.pen.busy.value;
	const faster =
		asked && plain
			? `, ${(secondsOf(plain) / secondsOf(asked)).toFixed(2)} times faster than plain`
			: "";
	return (
		<p class="visually-hidden" role="status">
			{asked &&
				!busy &&
				`Drawn: ${String(asked.options.prompt)}, in ${secondsOf(asked).toFixed(2)} seconds${faster}`}
		</p>
	);
}

/** What was refused, what failed, and what may surprise. */
function Trouble({ studio }: { readonly studio: Studio }) {
	const { pen, problem } = studio;
	const error = problem.value ?? pen.failure.value;
	return (
		<div class="trouble" role="status">
			{error && <p class="error">{error.message}</p>}
			{pen.warnings.value.map((warning) => (
				<p key={warning}>{warning}</p>
			))}
		</div>
	);
}
