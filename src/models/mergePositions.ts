/** Height and width of a feature map. */
export interface MergeSize {
	readonly height: number;
	readonly width: number;
}

/** Pixels of a feature map, by position (row · width + column), as token merging wants them. */
export interface MergePositions {
	readonly sources: readonly number[];
	readonly targets: readonly number[];
}

/** One target in every whole square of 2 x 2 pixels. */
export function mergeTargetCount({ height, width }: MergeSize): number {
	return Math.floor(height / 2) * Math.floor(width / 2);
}

/**
 * Splits the pixels of a feature map into targets, one in every whole square of 2 x 2 pixels (tomesd's default strides), and sources, all
 * others.
 * @param choose which pixel of a square is its target, 0 to 3 as one reads; asked square by square, as one reads
 */
export function mergePositions(
	{ height, width }: MergeSize,
	choose: () => number,
): MergePositions {
	const targets: number[] = [];
	for (let row = 0; row + 1 < height; row += 2)
		for (let column = 0; column + 1 < width; column += 2) {
			const chosen = choose();
			targets.push(
				(row + Math.floor(chosen / 2)) * width + column + (chosen % 2),
			);
		}
	const isTarget = new Set(targets);
	return {
		sources: Array.from({ length: height * width }, (_, at) => at).filter(
			(at) => !isTarget.has(at),
		),
		targets,
	};
}
