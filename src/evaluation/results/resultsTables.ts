import { figureText, scaled } from "./figureText.js";
import { clipMmdName } from "./measureWords.js";
import { studyFigures } from "./publishedFigures.js";
import type {
	Comparison,
	Figure,
	MethodResults,
	QualityDifferences,
	Results,
} from "./results.js";
import { type Column, type Table, tableOf } from "./table.js";

/** The tables of a run: the study's form first, then what stands behind it. */
export function resultsTables(results: Results): Table[] {
	const { methods, comparisons } = results;
	return [
		...tableOf("Quality and time", methods, qualityAndTime(methods)),
		...tableOf(
			"Against plain sampling with the same seeds",
			methods.filter(({ difference, fidelity }) => difference ?? fidelity),
			againstPlain(methods),
		),
		...tableOf(
			"Against propagation with the paper's key steps",
			comparisons,
			againstPaper(methods),
		),
		...tableOf("Other measures of quality", methods, otherMeasures(results)),
		...tableOf("Costs", methods, costs),
	];
}

type Methods = readonly MethodResults[];

/** The distance of the main table: FID, or of CLIP's features where there is none. */
function mainDistance(methods: Methods) {
	return methods.some(({ fid }) => fid)
		? ({ key: "fid", name: "FID", digits: 2 } as const)
		: ({
				key: "clipFrechet",
				name: "Fréchet distance (CLIP features)",
				digits: 3,
			} as const);
}

const shown = (figure: Figure | undefined, digits: number, signed = false) =>
	figure && figureText(figure, digits, signed);

/** How many times as fast, where that is known. */
const faster = ({ speedup }: { readonly speedup?: Figure }) =>
	speedup && `${figureText(speedup, 2)} ×`;

const name: Column<MethodResults> = ["Method", ({ name }) => name];

function qualityAndTime(methods: Methods): Column<MethodResults>[] {
	const { key, name: distance, digits } = mainDistance(methods);
	const known = (method: MethodResults) => studyFigures[method.name];
	return [
		name,
		["Steps", ({ steps }) => String(steps)],
		[distance, (method) => shown(method[key], digits)],
		["CLIP score", ({ clipScore }) => shown(clipScore, 4)],
		[
			"s/image",
			({ timing: { seconds } }) =>
				`${seconds.median.toFixed(2)} (${seconds.lowQuartile.toFixed(2)} to ${seconds.highQuartile.toFixed(2)})`,
		],
		["FID, study", (method) => known(method)?.fid.toFixed(2)],
		["CLIP score, study", (method) => known(method)?.clipScore.toFixed(4)],
		["s/image, study", (method) => known(method)?.seconds.toFixed(2)],
	];
}

/** Paired differences of the main figures. */
function differences<Row>(
	methods: Methods,
	of: (row: Row) => QualityDifferences | undefined,
): Column<Row>[] {
	const { key, name: distance, digits } = mainDistance(methods);
	return [
		[`${distance}, difference`, (row) => shown(of(row)?.[key], digits, true)],
		["CLIP score, difference", (row) => shown(of(row)?.clipScore, 4, true)],
	];
}

function againstPlain(methods: Methods): Column<MethodResults>[] {
	return [
		name,
		["against", ({ difference, fidelity }) => difference?.to ?? fidelity?.to],
		...differences<MethodResults>(methods, ({ difference }) => difference),
		["faster by", ({ timing }) => faster(timing)],
		["PSNR to plain, dB", ({ fidelity }) => fidelity?.psnr?.toFixed(1)],
		["SSIM to plain", ({ fidelity }) => shown(fidelity?.ssim, 3)],
		["LPIPS to plain", ({ fidelity }) => shown(fidelity?.lpips, 3)],
	];
}

function againstPaper(methods: Methods): Column<Comparison>[] {
	return [
		["Method", ({ method }) => method],
		["against", ({ to }) => to],
		...differences<Comparison>(methods, (comparison) => comparison),
		["faster by", ({ timing }) => faster(timing)],
	];
}

/** KID, Inception score and the measures of CLIP features that are not in the main table, with paired differences. */
function otherMeasures({
	methods,
	definition,
}: Results): Column<MethodResults>[] {
	const mmd = clipMmdName(definition.scoring);
	const withFid = mainDistance(methods).key === "fid";
	return [
		name,
		[
			"KID x 1000",
			({ kid }) =>
				kid &&
				`${figureText(scaled(kid, 1000), 2)} ± ${(1000 * kid.deviation).toFixed(2)}`,
		],
		[
			"KID x 1000, difference",
			({ difference }) =>
				difference?.kid && shown(scaled(difference.kid, 1000), 2, true),
		],
		[
			"Inception score",
			({ inceptionScore: score }) =>
				score && `${score.value.toFixed(2)} ± ${score.deviation.toFixed(2)}`,
		],
		[
			"Fréchet distance (CLIP features)",
			({ clipFrechet }) => (withFid ? shown(clipFrechet, 3) : undefined),
		],
		[mmd, ({ clipMmd }) => shown(clipMmd, 3)],
		[
			`${mmd}, difference`,
			({ difference }) => shown(difference?.clipMmd, 3, true),
		],
	];
}

const costs: readonly Column<MethodResults>[] = [
	name,
	["GFLOPs/image", ({ flops }) => (flops / 1e9).toFixed(1)],
	[
		"encoder runs / evaluations",
		({ encoderRuns, evaluations }) => `${encoderRuns} / ${evaluations}`,
	],
	["network s/image", ({ timing }) => timing.networkSeconds.median.toFixed(3)],
	[
		"decoder (VAE) s/image",
		({ timing }) => timing.decodingSeconds.median.toFixed(3),
	],
	["CLIP 100 cos", ({ clipCosine }) => shown(clipCosine, 2)],
];
