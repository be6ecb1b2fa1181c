import { expect, test } from "vitest";
import { serverEvents } from "../../../web/src/http/serverEvents.js";

const heard = async (parts: readonly (string | Uint8Array)[]) => {
	const body = new ReadableStream<Uint8Array>({
		start(controller) {
			for (const part of parts)
				controller.enqueue(
					typeof part === "string" ? new TextEncoder().encode(part) : part,
				);
			controller.close();
		},
	});
	const events: unknown[] = [];
	for await (const event of serverEvents(body)) events.push(event);
	return events;
};

test("events are read however they are cut, comments and the end of a broken stream aside", async () => {
	const text =
		'id: 4\nevent: step\ndata: {"word": "Äpfel"}\n\n: \n\nid: 5\ndata: 1\n\nid: 6\nda';
	const events = [
		{ id: 4, type: "step", data: { word: "Äpfel" } },
		{ id: 5, type: "message", data: 1 },
	];
	expect(await heard([text])).toEqual(events);
	const bytes = new TextEncoder().encode(text);
	expect(
		await heard(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))),
	).toEqual(events);
});
