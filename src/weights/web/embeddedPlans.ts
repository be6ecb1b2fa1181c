/** Plans that were tuned for the embedded model, in the order of their names: written by `npm run docs` from models/emoji/plans. */
export const embeddedPlanUrls: readonly URL[] = [
	new URL(
		"../../../models/emoji/plans/ddim-50-g5-balanced-13768a4f31.json",
		import.meta.url,
	),
	new URL(
		"../../../models/emoji/plans/ddim-50-g5-fast-13768a4f31.json",
		import.meta.url,
	),
	new URL(
		"../../../models/emoji/plans/ddim-50-g5-high-13768a4f31.json",
		import.meta.url,
	),
	new URL(
		"../../../models/emoji/plans/dpm-solver++-20-g5-balanced-13768a4f31.json",
		import.meta.url,
	),
	new URL(
		"../../../models/emoji/plans/dpm-solver++-20-g5-fast-13768a4f31.json",
		import.meta.url,
	),
	new URL(
		"../../../models/emoji/plans/dpm-solver++-20-g5-high-13768a4f31.json",
		import.meta.url,
	),
	new URL(
		"../../../models/emoji/plans/dpm-solver-20-g5-fast-13768a4f31.json",
		import.meta.url,
	),
	new URL(
		"../../../models/emoji/plans/euler-20-g5-balanced-13768a4f31.json",
		import.meta.url,
	),
	new URL(
		"../../../models/emoji/plans/euler-20-g5-fast-13768a4f31.json",
		import.meta.url,
	),
	new URL(
		"../../../models/emoji/plans/euler-20-g5-high-13768a4f31.json",
		import.meta.url,
	),
	new URL(
		"../../../models/emoji/plans/unipc-20-g5-balanced-13768a4f31.json",
		import.meta.url,
	),
	new URL(
		"../../../models/emoji/plans/unipc-20-g5-fast-13768a4f31.json",
		import.meta.url,
	),
];
