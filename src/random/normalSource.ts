/** A stream of standard normal numbers that a seed decides. */
export interface NormalSource {
	/**
	 * The next `count` values: what `torch.randn(count, generator=g)` returns for the generator that this source stands
	 * for. Successive calls continue the stream, exactly as successive calls to torch do (the split into calls matters:
	 * two calls of 8 are not one call of 16).
	 */
	normal(count: number): Float32Array;
}
