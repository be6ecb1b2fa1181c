import * as z from "zod";
import { number, picture, several } from "./optionKinds.js";
import type { OptionEntry } from "./options.js";

/** Control nets in one run, at most. */
export const MOST_CONTROLS = 8;

const needsPicture = {
	needs: ["controlImage", "there is no picture for a control net"],
} as const;
const ofControls = { ...needsPicture, group: "Control nets" } as const;
const numbers = (metavar: string, least: number, most: number) =>
	several(number(metavar, least, most), MOST_CONTROLS);

const threshold = z.number().min(0).max(10_000);

/**
 * The options of control nets. Each is one value, for every net, or a list with one value for each net in their order.
 * In parameters they stand together, a key a net (see `controlParameters`).
 */
export const CONTROL_OPTIONS = {
	controlImage: {
		...several(picture("file"), MOST_CONTROLS),
		json: false,
		group: "Control nets",
		help: "what a control net is shown: edges, a depth map, a pose … as it was trained on; once for each net, in their order",
	},
	controlScale: {
		...numbers("x", 0, 10),
		...ofControls,
		help: "how strongly a control net steers (default: 1)",
	},
	controlStart: {
		...numbers("x", 0, 1),
		...ofControls,
		help: "share of the steps after which it begins to steer (default: 0)",
	},
	controlEnd: {
		...numbers("x", 0, 1),
		...ofControls,
		help: "share of the steps after which it steers no more (default: 1)",
	},
	controlEdges: {
		...several(
			{
				schema: z.union([z.literal("none"), z.tuple([threshold, threshold])]),
				expected:
					'two thresholds such as 100,200 (in the library [100, 200]) or "none"',
				metavar: "low,high",
				parse: (word: string) =>
					word === "none"
						? word
						: /^\d{1,5}(\.\d{1,6})?,\d{1,5}(\.\d{1,6})?$/.test(word.trim())
							? word.split(",").map(Number)
							: undefined,
			},
			MOST_CONTROLS,
		),
		...ofControls,
		help: "show it the edges of its picture, found by Canny's algorithm with these thresholds, as OpenCV finds them",
	},
} as const satisfies Record<string, OptionEntry>;
