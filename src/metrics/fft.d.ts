/** fft.js: a radix-4 FFT over interleaved complex arrays; sizes are powers of two. */
declare module "fft.js" {
	class FFT {
		constructor(size: number);
		createComplexArray(): number[];
		transform(output: number[], input: ArrayLike<number>): void;
	}
	export = FFT;
}
