/** A resampling kernel: its weight at a distance in (scaled) pixels, and the distance at which it ends. */
export interface Filter {
	readonly support: number;
	weight(distance: number): number;
}

const box: Filter = {
	support: 0.5,
	weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0),
};

const bilinear: Filter = {
	support: 1,
	weight: (x) => Math.max(0, 1 - Math.abs(x)),
};

/** Keys' cubic convolution with a = -0.5, Pillow's choice (OpenCV and torch without antialiasing take -0.75). */
const bicubic: Filter = {
	support: 2,
	weight(distance) {
		const a = -0.5;
		const x = Math.abs(distance);
		if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
		if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
		return 0;
	},
};

const sinc = (x: number) =>
	x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);

const lanczos: Filter = {
	support: 3,
	weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0),
};

export type FilterName = "box" | "bilinear" | "bicubic" | "lanczos";

/** The kernels by Pillow's names. */
export const filters: Readonly<Record<FilterName, Filter>> = {
	box,
	bilinear,
	bicubic,
	lanczos,
};
