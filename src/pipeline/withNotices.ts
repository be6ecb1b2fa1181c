/**
 * An async generator that also gives out what is told while it waits.
 * @param make the generator; it is handed the function that tells
 */
export async function* withNotices<Item, Notice>(
	make: (tell: (notice: Notice) => void) => AsyncGenerator<Item, void>,
): AsyncGenerator<Item | Notice, void> {
	const told: Notice[] = [];
	let wake = () => {};
	const source = make((notice) => {
		told.push(notice);
		wake();
	});
	let finished = false;
	try {
		while (!finished) {
			const next = source.next();
			// a reader may take its time over a notice, or leave at it: a failure is told when it is asked for, or never
			next.catch(() => undefined);
			for (let answered = false; !answered; ) {
				const woken = new Promise<void>((resolve) => {
					wake = resolve;
				});
				if (told.length === 0)
					await Promise.race([next.catch(() => undefined), woken]);
				// what was told before the answer comes before it
				if (told.length > 0) {
					yield told.shift() as Notice;
					continue;
				}
				answered = true;
				const { value, done } = await next;
				if (done) finished = true;
				else yield value;
			}
		}
	} finally {
		await source.return();
	}
}
