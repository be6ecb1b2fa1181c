import { loadKoffi } from "./nodeKoffi.js";

/** Asks the system's allocator to give back what is free; undefined where it cannot be asked. */
let trim: Promise<((done: () => void) => void) | undefined> | undefined;

/**
 * Gives memory that engines have freed back to the system. glibc keeps much of it for allocations to come: 1.8 GB of the 4.6 GB that a model
 * of Stable Diffusion 1.5's size takes. Elsewhere nothing needs to be done, and nothing is.
 * @returns whether the allocator was asked
 */
export async function trimMemory(): Promise<boolean> {
	trim ??= findTrim();
	const ask = await trim;
	if (!ask) return false;
	// in another thread: it takes a while
	await new Promise<void>((resolve) => ask(resolve));
	return true;
}

async function findTrim(): Promise<((done: () => void) => void) | undefined> {
	if (process.platform !== "linux") return undefined;
	try {
		const koffi = await loadKoffi();
		const mallocTrim = koffi
			.load("libc.so.6")
			.func("int malloc_trim(size_t pad)");
		return (done) => mallocTrim.async(0, () => done());
	} catch {
		// another C library than glibc
		return undefined;
	}
}
