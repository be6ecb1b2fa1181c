/** Set while the page is loaded again for the headers of its service worker: it is done once. */
const RELOADED = "faster-diffusion.isolated";
const PATIENCE_MS = 3000;

/**
 * Has a service worker keep the site for use without network and add the headers that let WebAssembly use several threads, which static
 * hosts do not send. The first visit loads the page once more for them.
 * @returns whether the page may go on: not while it is being loaded again
 */
export async function keepOffline(): Promise<boolean> {
	if (!("serviceWorker" in navigator)) return true;
	try {
		await navigator.serviceWorker.register("./service-worker.js");
		if (crossOriginIsolated || sessionStorage.getItem(RELOADED)) return true;
		const ready = await Promise.race([
			navigator.serviceWorker.ready.then(() => true),
			new Promise<boolean>((resolve) =>
				setTimeout(resolve, PATIENCE_MS, false),
			),
		]);
		if (!ready) return true;
		sessionStorage.setItem(RELOADED, "1");
		location.reload();
		return false;
	} catch {
		// storage is denied: it draws with one thread, and not offline
		return true;
	}
}
