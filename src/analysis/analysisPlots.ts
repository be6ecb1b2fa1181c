import { type PlotSpec, vegaSvg } from "../plots/vegaSvg.js";
import { changeRows, type Measure, meanMatrix } from "./analysisTables.js";
import type { Analysis } from "./analyzePrompts.js";

/** A plot with the name its file gets. */
export interface NamedPlot {
	readonly name: string;
	readonly title: string;
	readonly svg: string;
}

const TITLES: Record<Measure, string> = {
	relativeChange: "relative change ‖f(i) − f(i−1)‖ / ‖f(i−1)‖",
	meanSquaredDifference: "mean squared difference to the step before",
	cosine: "cosine similarity to the step before",
	norm: "Frobenius norm",
};

/** Every plot of the report, in its order. */
export async function analysisPlots(analysis: Analysis): Promise<NamedPlot[]> {
	const draw = async (
		name: string,
		title: string,
		spec: PlotSpec,
	): Promise<NamedPlot> => ({ name, title, svg: await vegaSvg(spec) });
	const plots: NamedPlot[] = [];
	for (const measure of [
		"relativeChange",
		"meanSquaredDifference",
		"norm",
		"cosine",
	] as const)
		plots.push(
			await draw(
				`blocks-${measure}`,
				`Whole blocks: ${TITLES[measure]}`,
				changePlot(analysis, measure, "block"),
			),
		);
	plots.push(
		await draw(
			"layers-relativeChange",
			`Skip by skip, layer by layer: ${TITLES.relativeChange}`,
			changePlot(analysis, "relativeChange", "layer"),
		),
		await draw(
			"similarity",
			"Cosine similarity of all pairs of steps (conditional, mean over prompts)",
			similarityPlot(analysis),
		),
		await draw(
			"feature-spectra",
			"Radial power spectra of feature maps",
			featureSpectra(analysis),
		),
		await draw(
			"image-spectra",
			"Radial power spectra of the images, relative to plain sampling",
			imageSpectra(analysis),
		),
		await draw(
			"scree",
			"Variance explained by the first principal components",
			screePlot(analysis),
		),
	);
	return plots;
}

const timestepAxis = {
	field: "timestep",
	type: "quantitative",
	scale: { reverse: true },
	title: "timestep (noise to image)",
} as const;

function changePlot(
	analysis: Analysis,
	measure: Measure,
	kind: "block" | "layer",
): PlotSpec {
	const values = changeRows(analysis)
		.filter((row) => row.measure === measure && row.kind === kind)
		.map(({ mean, deviation, ...row }) => ({
			...row,
			mean,
			low: mean - deviation,
			high: mean + deviation,
		}));
	const logarithmic = measure === "meanSquaredDifference" || measure === "norm";
	const y = (field: string) =>
		({
			field,
			type: "quantitative",
			title: null,
			scale: logarithmic
				? ({ type: "log" } as const)
				: { zero: measure !== "cosine" },
		}) as const;
	const color = {
		field: "block",
		type: "nominal",
		sort: analysis.blocks.map(({ name }) => name),
		scale: { scheme: "tableau20" },
		// the bands' opacity is not the lines'
		legend: { title: null, symbolOpacity: 1, symbolType: "stroke" },
	} as const;
	return {
		data: { values },
		facet: {
			row: { field: "guidance", type: "nominal", title: null },
			column: {
				field: "half",
				type: "nominal",
				title: null,
				sort: ["encoder", "decoder"],
			},
		},
		spec: {
			width: 330,
			height: 190,
			layer: [
				// a band below zero cannot be drawn on a logarithmic axis
				...(logarithmic
					? []
					: [
							{
								mark: { type: "area", opacity: 0.15 } as const,
								encoding: {
									x: timestepAxis,
									y: y("low"),
									y2: { field: "high" },
									color,
								},
							},
						]),
				{
					mark: { type: "line", strokeWidth: 1.6 },
					encoding: { x: timestepAxis, y: y("mean"), color },
				},
			],
		},
	};
}

function similarityPlot(analysis: Analysis): PlotSpec {
	const count = analysis.timesteps.length;
	const values = analysis.blocks
		.filter(({ kind }) => kind === "block")
		.flatMap((block) => {
			const matrix = meanMatrix(block, "conditional", "similarity");
			return Array.from(matrix, (cosine, i) => ({
				block: block.name,
				step: Math.floor(i / count),
				other: i % count,
				cosine,
			}));
		});
	const band = (field: string, title: string) => ({
		field,
		type: "ordinal" as const,
		title,
		axis: { values: [0, Math.floor(count / 2), count - 1], labelAngle: 0 },
	});
	return {
		data: { values },
		...plotOfEachBlock(analysis),
		spec: {
			width: 150,
			height: 150,
			mark: "rect",
			encoding: {
				x: band("other", "step"),
				y: band("step", "step"),
				color: {
					field: "cosine",
					type: "quantitative",
					scale: { scheme: "viridis" },
				},
			},
		},
	};
}

/** A small plot a block, in the order of the blocks. */
const plotOfEachBlock = (analysis: Analysis) => ({
	facet: {
		field: "block",
		type: "nominal" as const,
		title: null,
		sort: analysis.blocks.map(({ name }) => name),
	},
	columns: 4,
});

function featureSpectra(analysis: Analysis): PlotSpec {
	const values = analysis.blocks.flatMap(({ name, spectra }) =>
		spectra.flatMap(({ frequencies, power }, n) =>
			Array.from(frequencies, (frequency, ring) => ({
				block: name,
				timestep: analysis.timesteps[analysis.shownEvaluations[n]],
				frequency,
				power: power[ring],
			})).slice(1),
		),
	);
	return {
		data: { values },
		...plotOfEachBlock(analysis),
		spec: {
			width: 150,
			height: 130,
			mark: { type: "line", strokeWidth: 1.2 },
			encoding: {
				x: {
					field: "frequency",
					type: "quantitative",
					title: "cycles per pixel",
				},
				y: {
					field: "power",
					type: "quantitative",
					title: null,
					scale: { type: "log" },
				},
				color: {
					field: "timestep",
					type: "quantitative",
					scale: { scheme: "viridis" },
				},
				detail: { field: "timestep" },
			},
		},
	};
}

function imageSpectra({ imageSpectra: spectra }: Analysis): PlotSpec {
	const names = {
		propagated: "paper's plan, no injection",
		injected: "paper's plan, injection 0.003",
	};
	const values = (["propagated", "injected"] as const).flatMap((kind) =>
		Array.from(spectra[kind].frequencies, (frequency, ring) => ({
			images: names[kind],
			frequency,
			decibel:
				10 * Math.log10(spectra[kind].power[ring] / spectra.plain.power[ring]),
		})).slice(1),
	);
	return {
		width: 480,
		height: 240,
		data: { values },
		layer: [
			{
				mark: { type: "rule", strokeDash: [4, 4] },
				encoding: { y: { datum: 0 } },
			},
			{
				mark: "line",
				encoding: {
					x: {
						field: "frequency",
						type: "quantitative",
						title: "cycles per pixel",
					},
					y: {
						field: "decibel",
						type: "quantitative",
						title: "power relative to plain, dB",
					},
					color: {
						field: "images",
						type: "nominal",
						legend: { title: null, labelLimit: 300 },
					},
				},
			},
		],
	};
}

function screePlot(analysis: Analysis): PlotSpec {
	const values = analysis.blocks.flatMap(({ name, pca }) =>
		(pca?.explained ?? []).map((share, n) => ({
			block: name,
			component: n + 1,
			share,
		})),
	);
	return {
		width: 420,
		height: 240,
		data: { values },
		mark: { type: "line", point: true },
		encoding: {
			x: { field: "component", type: "ordinal", axis: { labelAngle: 0 } },
			y: {
				field: "share",
				type: "quantitative",
				title: "share of variance",
				axis: { format: "%" },
			},
			color: {
				field: "block",
				type: "nominal",
				title: null,
				sort: analysis.blocks.map(({ name }) => name),
			},
		},
	};
}
