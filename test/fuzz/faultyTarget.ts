import { target } from "./target.js";

/** What the fuzzer must see: run only where it is asked for by name. */
export const faultyTarget = target("faulty", async () => ({
	make: (random) => random.whole(4),
	run: async (kind) => {
		const held: unknown[] = [];
		switch (kind) {
			case 0:
				throw new TypeError("raw");
			case 1:
				void Promise.reject(new RangeError("nobody hears this"));
				await new Promise((resolve) => setImmediate(resolve));
				return;
			case 2:
				for (;;) held.push(Buffer.alloc(2 ** 22, 1));
			default:
				for (;;) held.length = 0;
		}
	},
}));
