import type { TopLevelSpec } from "vega-lite";
import { neededPackage } from "../errors/neededPackage.js";

/** A vega-lite specification with its data inside (`data: { values: […] }`). */
export type PlotSpec = TopLevelSpec;

const refusedLoader = {
	load: () => Promise.reject(new RangeError("plots carry their own data")),
	sanitize: () => Promise.reject(new RangeError("plots carry no links")),
	http: () => Promise.reject(new RangeError("plots carry their own data")),
	file: () => Promise.reject(new RangeError("plots carry their own data")),
	fileAccess: false,
	options: {},
};

/**
 * The packages that plot. Work that ends in plots asks for them before it begins.
 * @throws UserError where they are not installed
 */
export function plottingPackages(): Promise<
	[typeof import("vega"), typeof import("vega-lite")]
> {
	return neededPackage("vega vega-lite", () =>
		Promise.all([import("vega"), import("vega-lite")]),
	);
}

/**
 * Draws a vega-lite plot as an SVG document, without a browser. Texts are escaped as XML; nothing is read from disk or net,
 * whatever the specification says.
 * @throws Error when vega-lite cannot make sense of the specification; UserError where vega is not installed
 */
export async function vegaSvg(spec: PlotSpec): Promise<string> {
	const [{ Error: ErrorsOnly, parse, View }, { compile }] =
		await plottingPackages();
	const { spec: compiled } = compile({
		background: "white",
		config: { font: "sans-serif", view: { stroke: null } },
		...spec,
	} as TopLevelSpec);
	const view = new View(parse(compiled), {
		renderer: "none",
		logLevel: ErrorsOnly,
		loader: refusedLoader,
	});
	try {
		return await view.toSVG();
	} finally {
		view.finalize();
	}
}
