/** A safetensors file from its header's text and its data. */
export function safetensorsBytes(
	header: string,
	data: Uint8Array | number = 0,
	headerLength?: bigint,
): Uint8Array {
	const json = new TextEncoder().encode(header);
	const body = typeof data === "number" ? new Uint8Array(data) : data;
	const bytes = new Uint8Array(8 + json.length + body.length);
	new DataView(bytes.buffer).setBigUint64(
		0,
		headerLength ?? BigInt(json.length),
		true,
	);
	bytes.set(json, 8);
	bytes.set(body, 8 + json.length);
	return bytes;
}

/** A valid file of zeros with these tensors, one after another. */
export function zeros(
	tensors: Readonly<Record<string, readonly number[]>>,
	dtype: "F32" | "F16" = "F32",
): Uint8Array {
	let end = 0;
	const header: Record<string, unknown> = {};
	for (const [name, shape] of Object.entries(tensors)) {
		const begin = end;
		end += shape.reduce((a, b) => a * b, dtype === "F32" ? 4 : 2);
		header[name] = { dtype, shape, data_offsets: [begin, end] };
	}
	return safetensorsBytes(JSON.stringify(header), end);
}
