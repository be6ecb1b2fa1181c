/** Keys for files that come beside others: their own, or, where one is taken, that with a number before it. */
export function freeKeys(
	keys: Iterable<string>,
	taken: { has(key: string): boolean },
	from: number,
): Map<string, string> {
	const found = new Map<string, string>();
	const given = new Set<string>();
	for (const key of keys) {
		let free = key;
		for (let n = from; taken.has(free) || given.has(free); n++)
			free = `${n}.${key}`;
		given.add(free);
		found.set(key, free);
	}
	return found;
}
