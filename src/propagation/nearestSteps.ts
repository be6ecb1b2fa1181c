/**
 * For each wanted place the own step that lies nearest to it, each step once and in order, the first step among them.
 * @param wanted descending, at most as many as `own`
 * @param own where the steps begin, descending
 * @returns indices into `own`
 */
export function nearestSteps(
	wanted: readonly number[],
	own: readonly number[],
): number[] {
	const steps: number[] = [];
	for (const [n, place] of wanted.entries()) {
		const least = n === 0 ? 0 : steps[n - 1] + 1;
		const most = n === 0 ? 0 : own.length - (wanted.length - n);
		let nearest = least;
		for (let step = least; step <= most; step++)
			if (Math.abs(own[step] - place) < Math.abs(own[nearest] - place))
				nearest = step;
		steps.push(nearest);
	}
	return steps;
}
