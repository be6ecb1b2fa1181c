import { once } from "node:events";
import { connect } from "node:net";
import fastify from "fastify";
import { expect, test } from "vitest";
import { sendEvents } from "../../src/server/sendEvents.js";

test("a client that has left before the first event holds nothing up", async () => {
	const app = fastify();
	const sent: number[] = [];
	const over = new Promise<boolean>((resolve, reject) => {
		app.get("/", async (request, reply) => {
			const left = once(request.raw.socket, "close");
			client.destroy();
			await left;
			let told = false;
			await sendEvents(reply, async function* (signal) {
				told = signal.aborted;
				for (let n = 0; n < 3; n++) {
					sent.push(n);
					// more than a connection takes at once
					yield { data: "x".repeat(2 ** 22) };
				}
			}).then(() => resolve(told), reject);
		});
	});
	const { port } = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
	const client = connect(Number(port), "127.0.0.1");
	client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(await over).toBe(true);
	expect(sent).toEqual([0]);
	await app.close();
});
