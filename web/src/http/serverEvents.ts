/** A server-sent event; its data is JSON. */
export interface ServerEvent {
	readonly id: number;
	readonly type: string;
	readonly data: unknown;
}

/** The server-sent events of an answer's body, as they come. What is left of one that was cut off is dropped. */
export async function* serverEvents(
	body: ReadableStream<Uint8Array>,
): AsyncGenerator<ServerEvent> {
	const reader = body.getReader();
	const decoder = new TextDecoder();
	let text = "";
	try {
		for (;;) {
			const { value, done } = await reader.read();
			if (done) return;
			text += decoder.decode(value, { stream: true });
			const blocks = text.split("\n\n");
			text = blocks.pop() ?? "";
			for (const block of blocks) {
				const event = parseBlock(block);
				if (event) yield event;
			}
		}
	} finally {
		await reader.cancel().catch(() => undefined);
	}
}

function parseBlock(block: string): ServerEvent | undefined {
	let id = 0;
	let type = "message";
	const data: string[] = [];
	for (const line of block.split("\n")) {
		const colon = line.indexOf(":");
		const value = line.slice(colon + 1).replace(/^ /, "");
		switch (line.slice(0, colon)) {
			case "id":
				id = Number(value);
				break;
			case "event":
				type = value;
				break;
			case "data":
				data.push(value);
		}
	}
	// comments keep connections open
	return data.length > 0
		? { id, type, data: JSON.parse(data.join("\n")) }
		: undefined;
}
