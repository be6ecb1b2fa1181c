/** The paper's key steps for 50 steps (Faster Diffusion, section 4 and the official code's `50ls`). */
const PAPER_50 = [0, 1, 2, 3, 5, 10, 15, 25, 35];

/**
 * For 20 DPM-Solver(++) steps the paper's GFLOPs (11743 of 14821, an encoder of 32 %) imply seven key steps: the list for
 * 50 steps, cut at 20.
 */
const PAPER_20 = [0, 1, 2, 3, 5, 10, 15];

const indices = (count: number, chosen: (index: number) => boolean) =>
	Array.from({ length: count }, (_, index) => index).filter(chosen);

/**
 * Key steps as the study published them: for 20 and 50 steps the paper's lists, for 75 and 100 those of the official code;
 * for any other number the list for 50 steps rescaled (dense early, sparse late), step 0 always among them.
 * @param evaluations number of network evaluations of the run, >= 1
 */
export function publishedKeySteps(evaluations: number): number[] {
	switch (evaluations) {
		case 20:
			return PAPER_20;
		case 50:
			return PAPER_50;
		case 75:
			return indices(75, (i) => i > 65 || i < 10 || i % 5 === 0);
		case 100:
			return indices(100, (i) => i > 85 || i < 10 || i % 5 === 0);
		default: {
			const rescaled = PAPER_50.map((i) => Math.round((i * evaluations) / 50));
			return [...new Set(rescaled)].filter((i) => i < evaluations);
		}
	}
}
