/** Levenshtein's distance: the fewest insertions, deletions and substitutions from one to the other. */
export function editDistance(a: string, b: string): number {
	let row = Array.from({ length: b.length + 1 }, (_, i) => i);
	for (let i = 1; i <= a.length; i++) {
		const next = [i];
		for (let j = 1; j <= b.length; j++)
			next.push(
				Math.min(
					row[j] + 1,
					next[j - 1] + 1,
					row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1),
				),
			);
		row = next;
	}
	return row[b.length];
}

/** The word that was meant, where one is near enough: at most a third of its letters (and at least two) differ. */
export function nearestWord(
	written: string,
	words: readonly string[],
): string | undefined {
	let meant: string | undefined;
	let least = Number.POSITIVE_INFINITY;
	for (const word of words) {
		const distance = editDistance(
			written.slice(0, 100).toLowerCase(),
			word.toLowerCase(),
		);
		if (distance <= Math.max(2, word.length / 3) && distance < least) {
			least = distance;
			meant = word;
		}
	}
	return meant;
}
