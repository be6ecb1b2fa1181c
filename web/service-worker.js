// Keeps the site's files for use without network, and adds the headers that let WebAssembly use several threads. `FILES` and `VERSION` are
// put in front by scripts/build-site.mjs: the site's files and a hash of them all.

const CACHE = `faster-diffusion-site-${VERSION}`;

self.addEventListener("install", (event) => {
	event.waitUntil(
		(async () => {
			const cache = await caches.open(CACHE);
			// the model and the runtime are kept as they are asked for
			await cache.addAll(
				FILES.filter((file) => !/\.(safetensors|wasm)$/.test(file)).map(
					// not what the browser has of the version before
					(file) => new Request(file, { cache: "reload" }),
				),
			);
			await self.skipWaiting();
		})(),
	);
});

self.addEventListener("activate", (event) => {
	event.waitUntil(
		(async () => {
			const old = (await caches.keys()).filter(
				(name) => name.startsWith("faster-diffusion-site-") && name !== CACHE,
			);
			// the version before stays: its pages may still be open, and what has not changed since is not fetched again
			for (const name of old.slice(0, -1)) await caches.delete(name);
			await self.clients.claim();
		})(),
	);
});

self.addEventListener("fetch", (event) => {
	const { request } = event;
	const url = new URL(request.url);
	if (request.method !== "GET" && request.method !== "HEAD") return;
	if (url.origin !== self.location.origin) return;
	event.respondWith(answer(request, url));
});

async function answer(request, url) {
	const cache = await caches.open(CACHE);
	const known = await kept(cache, url);
	if (known) return isolated(request, await part(request, known));
	const response = await fetch(
		request.mode === "navigate" ? url.href : request,
	);
	if (response.status === 200 && request.method === "GET")
		await cache.put(url.href, response.clone()).catch(() => undefined);
	return isolated(request, response);
}

/** What is kept under an address: of this version, or of the one before where the name says the content. */
async function kept(cache, { href, pathname }) {
	const own = await cache.match(href, { ignoreSearch: true });
	if (own || !pathname.includes("/assets/")) return own;
	const before = await caches.match(href, { ignoreSearch: true });
	if (before && FILES.some((file) => pathname.endsWith(`/${file}`)))
		await cache.put(href, before.clone()).catch(() => undefined);
	return before;
}

/** The part of a kept file that is asked for. */
async function part(request, response) {
	const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "");
	if (!range) return response;
	const blob = await response.blob();
	const from = Number(range[1]);
	const to = range[2] ? Math.min(Number(range[2]) + 1, blob.size) : blob.size;
	return new Response(blob.slice(from, to), {
		status: 206,
		headers: {
			"content-type":
				response.headers.get("content-type") ?? "application/octet-stream",
			"content-range": `bytes ${from}-${to - 1}/${blob.size}`,
			"content-length": String(to - from),
		},
	});
}

function isolated(request, response) {
	if (response.type === "opaque" || response.status === 0) return response;
	const headers = new Headers(response.headers);
	headers.set("cross-origin-opener-policy", "same-origin");
	headers.set("cross-origin-embedder-policy", "require-corp");
	headers.set("cross-origin-resource-policy", "same-origin");
	// a body that nobody reads would keep this worker at work, and the next version waiting
	return new Response(request.method === "HEAD" ? null : response.body, {
		status: response.status,
		statusText: response.statusText,
		headers,
	});
}
