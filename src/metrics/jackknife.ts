/** Groups that the jackknife leaves out in turn. */
const GROUPS = 20;

/** 97.5 % points of Student's t with 1, 2, … 19 degrees of freedom. */
const STUDENT = [
	12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201,
	2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101, 2.093,
];

/**
 * Into how many groups `count` samples are dealt (sample n goes to group n mod groups): 20, or one a sample where they are fewer.
 * @returns undefined where fewer than 2 samples would be left without a group
 */
export function jackknifeGroups(count: number): number | undefined {
	const groups = Math.min(GROUPS, count);
	return count - Math.ceil(count / groups) >= 2 ? groups : undefined;
}

/**
 * The 95 % interval of a figure by the delete-a-group jackknife (Kott 2001): the figure is computed anew without each group in
 * turn, its variance is (g − 1) / g Σ (θ₋ⱼ − θ̄)², and the interval is Student's with g − 1 degrees of freedom. Of two runs over
 * the same samples, give the differences of their replicates to keep pairs together. Replicates may be off by a constant.
 * @param value the figure of all samples
 * @param replicates the figure without group 0, 1, …; at most 20
 */
export function jackknifeInterval(
	value: number,
	replicates: Float64Array,
): { value: number; low: number; high: number } {
	const groups = replicates.length;
	const mean = replicates.reduce((sum, one) => sum + one, 0) / groups;
	const squares = replicates.reduce((sum, one) => sum + (one - mean) ** 2, 0);
	const reach =
		STUDENT[groups - 2] * Math.sqrt(((groups - 1) / groups) * squares);
	return { value, low: value - reach, high: value + reach };
}
