/**
 * What samplers share whose latents are α x_0 + σ · noise with α² + σ² = 1: they begin with unit noise, and the network and
 * injected noise need no scaling.
 */
export const variancePreservingSpace = {
	initNoiseSigma: 1,
	scaleModelInput: (latents: Float32Array) => latents,
	injectionScale: () => 1,
} as const;
