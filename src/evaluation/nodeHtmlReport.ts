import type { ResolvedProtocol } from "../datasets/protocol.js";
import type { Results } from "./results.js";

export async function htmlReport(
	_out: string,
	_results: Results,
	_captions: ResolvedProtocol,
): Promise<string> {
	return "";
}
