import type { Graph } from "../graph/graph.js";
import type { GraphFlavour } from "../graph/graphFlavour.js";
import type { Device, Precision, Session, SessionOptions } from "./session.js";

/** The engines that there are: their names, as the option `engine` has them. */
export const engineNames = ["onnxruntime", "openvino"] as const;
export type EngineName = (typeof engineNames)[number];

/** What runs networks: a way to make sessions, and what it can do. Nothing above this room knows which one it has. */
export interface Engine {
	/** One of `engineNames`, or a name of its own that an engine passed in has. */
	readonly name: string;
	/** The library's version. */
	readonly version: string;
	/** What it can run on here, the default first. */
	devices(): Promise<readonly Device[]>;
	/** The types it computes in natively on a device, the most exact first. */
	precisions(device: Device): Promise<readonly Precision[]>;
	/** How graphs for these options must be written. To be asked before a graph is built. */
	flavour(options?: SessionOptions): GraphFlavour;
	/** Whether several images in one run take less time than one after another. */
	gainsFromBatches(device: Device): boolean;
	/**
	 * Loads a graph. Neither loading nor running blocks the event loop.
	 * @throws OptionError when this machine lacks the device or precision; UserError when weights cannot be read, or there is not enough memory.
	 */
	createSession(graph: Graph, options?: SessionOptions): Promise<Session>;
}
