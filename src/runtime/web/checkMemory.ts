import type { CheckMemory } from "./webEngine.js";

const CACHE = "faster-diffusion-checks";

/** Remembers checks in the browser's cache, where it has one for this page. */
export const cachedChecks: CheckMemory = {
	async recall(key) {
		try {
			const cache = await caches.open(CACHE);
			return await (await cache.match(addressOf(key)))?.text();
		} catch {
			return undefined;
		}
	},
	async remember(key, value) {
		try {
			const cache = await caches.open(CACHE);
			await cache.put(addressOf(key), new Response(value));
		} catch {
			// a private window: it is checked again
		}
	},
};

/** The cache is one of addresses; this one is never asked of a server. */
function addressOf(key: string): string {
	return `/faster-diffusion-check?${encodeURIComponent(key)}`;
}
