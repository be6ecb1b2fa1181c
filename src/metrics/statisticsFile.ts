import { unzipSync, zipSync } from "fflate";
import { UserError } from "../errors/userError.js";
import {
	type DoubleArray,
	decodeNpyDoubles,
	encodeNpyDoubles,
} from "../tensor/npy.js";
import type { FeatureStatistics } from "./featureStatistics.js";

/** The widest features a file may hold; a covariance of this size takes 2 GB. */
const maxWidth = 16_384;

/** Statistics of a feature extractor, with what they were made with where the file says so. */
export interface StoredStatistics {
	readonly statistics: FeatureStatistics;
	/** How the features were made (extractor, resize, weights), as a line to compare; other tools' files have none. */
	readonly madeWith?: string;
}

/**
 * An uncompressed .npz with `mu` and `sigma` in float64, which pytorch-fid and numpy read; `count` and `made_with`
 * (UTF-8 bytes as numbers) are beside them.
 */
export function encodeStatistics({
	statistics,
	madeWith,
}: StoredStatistics): Uint8Array {
	const { mean, covariance, count } = statistics;
	const width = mean.length;
	const arrays: Record<string, DoubleArray> = {
		mu: { dims: [width], data: mean },
		sigma: { dims: [width, width], data: covariance },
	};
	if (count !== undefined)
		arrays.count = { dims: [], data: Float64Array.of(count) };
	if (madeWith !== undefined) {
		const data = Float64Array.from(new TextEncoder().encode(madeWith));
		arrays.made_with = { dims: [data.length], data };
	}
	const files = Object.entries(arrays).map(
		([name, array]) => [`${name}.npy`, encodeNpyDoubles(array)] as const,
	);
	// A fixed date: the same statistics make the same bytes.
	return zipSync(Object.fromEntries(files), {
		level: 0,
		mtime: new Date(1980, 0, 1),
	});
}

/**
 * Reads the .npz files of this program, pytorch-fid and clean-fid (stored or deflated).
 * @param name what to call the file in an error
 * @throws UserError for anything that holds no usable `mu` and `sigma`.
 */
export function decodeStatistics(
	bytes: Uint8Array,
	name: string,
): StoredStatistics {
	const limit = 8 * maxWidth ** 2 + 65_536;
	const wanted = ["mu.npy", "sigma.npy", "count.npy", "made_with.npy"];
	let files: Record<string, Uint8Array>;
	try {
		files = unzipSync(bytes, {
			filter: (file) =>
				wanted.includes(file.name) && file.originalSize <= limit,
		});
	} catch (error) {
		throw new UserError(`${name} is no .npz archive of statistics`, {
			cause: error,
		});
	}
	const array = (key: string): DoubleArray | undefined => {
		const file = files[`${key}.npy`];
		return file && decodeNpyDoubles(file, `${name} (${key})`);
	};
	const mu = array("mu");
	const sigma = array("sigma");
	if (!mu || !sigma)
		throw new UserError(
			`${name} has no "mu" and "sigma": it is no file of feature statistics`,
		);
	const [width] = mu.dims;
	if (
		mu.dims.length !== 1 ||
		width < 1 ||
		sigma.dims.join() !== [width, width].join()
	)
		throw new UserError(
			`${name} holds a mean of [${mu.dims.join(", ")}] and a covariance of [${sigma.dims.join(", ")}], which do not belong together`,
		);
	if (![mu, sigma].every(({ data }) => data.every(Number.isFinite)))
		throw new UserError(`${name} holds values that are not finite`);
	const count = array("count")?.data[0];
	const madeWith = array("made_with")?.data;
	return {
		statistics: {
			mean: mu.data,
			covariance: sigma.data,
			...(Number.isSafeInteger(count) ? { count } : {}),
		},
		...(madeWith
			? { madeWith: new TextDecoder().decode(Uint8Array.from(madeWith)) }
			: {}),
	};
}
