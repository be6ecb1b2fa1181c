/** Values by a formula of their flat index: what test/reference/samplers.py computes too, so that nothing need be stored. */
export const fill = (count: number, value: (i: number) => number) =>
	Float32Array.from({ length: count }, (_, i) => value(i));

/** The analytic stand-in for a network. */
export const network = (input: Float32Array, t: number) =>
	input.map((x, i) => (t / 1000) * x + 0.2 * Math.sin(0.7 * i + t / 150));

/** Standard normal noise's stand-in for the initial latents. */
export const initialNoise = (count: number) =>
	fill(count, (i) => Math.fround(1.3 * Math.sin(1.7 * i + 0.5)));

/** The stand-in for fresh noise, and how often it was drawn. */
export function countedNoise(count: number) {
	let draws = 0;
	return {
		draws: () => draws,
		noise: () => {
			draws++;
			return fill(count, (i) => 1.4 * Math.sin(12.9898 * (i + 1) * draws));
		},
	};
}
