import { givingWay } from "../../tensor/giveWay.js";
import { slowCopy } from "../../tensor/slowCopy.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { IntTensor } from "../session.js";
import type { SentTensor } from "./threadMessages.js";

/**
 * Copies of the inputs that a graph reads, to be given away with their memory (`moved`): the caller keeps its tensors, which may be views of
 * larger ones and are often read again.
 * @throws RangeError when one is missing.
 */
export async function sentInputs(
	label: string,
	names: readonly string[],
	inputs: Readonly<Record<string, Tensor | IntTensor>>,
): Promise<{
	readonly sent: Record<string, SentTensor>;
	readonly moved: ArrayBuffer[];
}> {
	const giveWay = givingWay();
	const sent: Record<string, SentTensor> = {};
	const moved: ArrayBuffer[] = [];
	for (const name of names) {
		const value = inputs[name];
		if (!value) throw new RangeError(`${label}: input ${name} is missing`);
		const data =
			value.data instanceof Float32Array
				? await slowCopy(value.data, giveWay)
				: value.data.slice();
		sent[name] = { dims: value.dims, data };
		moved.push(data.buffer as ArrayBuffer);
	}
	return { sent, moved };
}
