import type { Tensor } from "../../tensor/tensor.js";
import type { IntTensor } from "../session.js";
import type { SentTensor } from "./threadMessages.js";

/** Bytes that are copied at once: some milliseconds of the event loop. */
const PIECE = 2 ** 25;

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
	const sent: Record<string, SentTensor> = {};
	const moved: ArrayBuffer[] = [];
	let copied = 0;
	for (const name of names) {
		const value = inputs[name];
		if (!value) throw new RangeError(`${label}: input ${name} is missing`);
		const data = value.data.slice();
		sent[name] = { dims: value.dims, data };
		moved.push(data.buffer as ArrayBuffer);
		copied += data.byteLength;
		if (copied < PIECE) continue;
		copied = 0;
		await new Promise((resolve) => setTimeout(resolve));
	}
	return { sent, moved };
}
