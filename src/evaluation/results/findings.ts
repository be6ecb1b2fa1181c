import { figureText, scaled } from "./figureText.js";
import type {
	Comparison,
	Figure,
	MethodResults,
	QualityDifferences,
	Results,
} from "./results.js";

/**
 * What a run says to the study's questions, a sentence each, with no more certainty than its intervals have: does propagation keep
 * the quality, what does noise injection bring, is it better than fewer steps and other accelerators, at what number of key
 * steps does meaning drift.
 */
export function findings(results: Results): string[] {
	const { methods, comparisons, definition } = results;
	const captions = definition.protocol.images;
	const kept = methods.flatMap((method) =>
		method.difference && method.name === `${method.difference.to}+paper`
			? [keepsQuality(method, methods, captions)]
			: [],
	);
	const against = comparisons.map((comparison) =>
		comparedWithPaper(comparison, captions),
	);
	const drift = [
		...new Set(methods.flatMap(({ difference }) => difference?.to ?? [])),
	]
		.map((reference) => meaningDrift(reference, methods, captions))
		.filter((line) => line !== undefined);
	return [...kept, ...against, ...drift];
}

function keepsQuality(
	method: MethodResults,
	methods: readonly MethodResults[],
	captions: number,
): string {
	const { difference, timing, flops, name } = method;
	const plain = methods.find((other) => other.name === difference?.to);
	const saved = plain ? 100 * (1 - flops / plain.flops) : 0;
	return `Propagation with the paper's key steps (${name}) against plain sampling (${difference?.to}): ${sentence(difference ?? {}, captions)}; ${speed(timing.speedup)}, with ${saved.toFixed(0)} % fewer FLOPs.`;
}

function comparedWithPaper(comparison: Comparison, captions: number): string {
	const { method, to, timing } = comparison;
	return `${method} against ${to}: ${sentence(comparison, captions)}; ${speed(timing.speedup)}.`;
}

function meaningDrift(
	reference: string,
	methods: readonly MethodResults[],
	captions: number,
): string | undefined {
	const uniform = methods
		.filter(
			({ name, difference }) =>
				name.startsWith(`${reference}+uniform:`) && difference?.clipScore,
		)
		.sort((a, b) => b.encoderRuns - a.encoderRuns);
	if (uniform.length < 2) return undefined;
	const rows = uniform.map(
		({ encoderRuns, difference, fidelity }) =>
			`${encoderRuns} key steps: CLIP score ${difference?.clipScore ? figureText(difference.clipScore, 4, true) : "–"}, SSIM ${fidelity?.ssim.value.toFixed(3) ?? "–"}`,
	);
	const lost = uniform.find(
		({ difference }) => (difference?.clipScore?.high ?? 0) < 0,
	);
	return `Evenly spread key steps (${reference}): ${rows.join("; ")}. ${
		lost
			? `The CLIP score is lower than that of plain sampling from ${lost.encoderRuns} key steps on.`
			: `At none of them can a loss of CLIP score be told at ${captions} captions.`
	}`;
}

function sentence(
	{ fid, kid, clipFrechet, clipMmd, clipScore }: QualityDifferences,
	captions: number,
): string {
	return [
		...(clipScore
			? [
					`CLIP score ${figureText(clipScore, 4, true)}, ${verdict(clipScore, captions)}`,
				]
			: []),
		...(fid
			? [`FID ${figureText(fid, 2, true)}, ${verdict(fid, captions)}`]
			: []),
		...(clipFrechet
			? [
					`Fréchet distance of CLIP features ${figureText(clipFrechet, 2, true)}, ${verdict(clipFrechet, captions)}`,
				]
			: []),
		...(kid
			? [
					`KID x 1000 ${figureText(scaled(kid, 1000), 2, true)}, ${verdict(kid, captions)}`,
				]
			: []),
		// Inception's figures say the same of the whole set
		...(clipMmd && !fid
			? [
					`MMD of CLIP features ${figureText(clipMmd, 3, true)}, ${verdict(clipMmd, captions)}`,
				]
			: []),
	].join("; ");
}

function verdict({ value, low, high }: Figure, captions: number): string {
	if (low === undefined || high === undefined) return "without an interval";
	if (value === 0 && low === 0 && high === 0) return "the same";
	if (low > 0) return "higher";
	if (high < 0) return "lower";
	return `no difference can be told at ${captions} captions`;
}

function speed(speedup: Figure | undefined): string {
	return speedup ? `${figureText(speedup, 2)} times as fast` : "speed unknown";
}
