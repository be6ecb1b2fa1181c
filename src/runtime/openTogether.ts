/** What holds memory, files or connections until it is released. */
export interface Releasable {
	release(): unknown;
}

/**
 * Opens several things that live and end together: what `open` hands to `keep` is released, the newest first, by the `release` of
 * the result, and at once where `open` throws.
 */
export async function openTogether<T extends object>(
	open: (keep: <R extends Releasable>(thing: R) => R) => Promise<T>,
): Promise<T & { release(): Promise<void> }> {
	const kept: Releasable[] = [];
	const release = async () => {
		for (let thing = kept.pop(); thing; thing = kept.pop())
			await thing.release();
	};
	try {
		const opened = await open((thing) => {
			kept.push(thing);
			return thing;
		});
		return { ...opened, release };
	} catch (error) {
		// the reason stands, whatever goes wrong while tidying up
		await release().catch(() => undefined);
		throw error;
	}
}
