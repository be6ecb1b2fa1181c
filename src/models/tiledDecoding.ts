import { type Tensor, tensor } from "../tensor/tensor.js";
import type { AutoencoderConfig } from "./vaeConfig.js";

/** How an image is cut into tiles, each decoded alone. */
export interface Tiling {
	/** Height and width of a tile, in latents. */
	readonly tile: number;
	/** Share of a tile that overlaps the next. */
	readonly overlap: number;
	/** Pixels a latent stands for, each way. */
	readonly factor: number;
}

/** The tiling that diffusers' enable_vae_tiling uses: tiles of the size the VAE was trained for, a quarter of them overlapping. */
export function defaultTiling({
	sampleSize,
	factor,
}: AutoencoderConfig): Tiling {
	return {
		tile: Math.max(1, Math.floor(sampleSize / factor)),
		overlap: 0.25,
		factor,
	};
}

/** Whether latents of this height and width are larger than a tile, so that tiles save memory. */
export function needsTiling(
	[height, width]: readonly number[],
	{ tile }: Tiling,
): boolean {
	return Math.max(height, width) > tile;
}

/**
 * Latents `[batch, channels, height, width]` to an image, tile by tile: `decode` gets one tile at a time, so memory stays what one tile
 * needs. Neighbours are blended linearly over the overlap, first with the tile above, then with the tile to the left (which are blended
 * themselves), as in diffusers' AutoencoderKL.tiled_decode. A decoder whose group norms see a tile alone, as diffusers' do, gives each tile
 * colours of its own.
 */
export function decodeTiled(
	decode: (tile: Tensor) => Promise<Tensor>,
	latents: Tensor,
	{ tile, overlap, factor }: Tiling,
): Promise<Tensor> {
	const stride = Math.max(1, Math.floor(tile * (1 - overlap)));
	return runTiled(decode, latents, { tile, stride, scale: factor });
}

/**
 * A picture `[batch, 3, height, width]` to the moments of its latents, tile by tile, as in diffusers' AutoencoderKL.tiled_encode, whose group
 * norms see a tile alone too.
 */
export async function encodeTiled<Name extends string>(
	encode: (tile: Tensor) => Promise<Readonly<Record<Name, Tensor>>>,
	image: Tensor,
	{ tile, overlap, factor }: Tiling,
): Promise<Record<Name, Tensor>> {
	const stride = Math.max(1, Math.floor(tile * (1 - overlap)));
	const names: Name[] = [];
	const joined = await runTiled(
		async (part) => {
			const outputs = await encode(part);
			if (names.length === 0) names.push(...(Object.keys(outputs) as Name[]));
			return joinChannels(names.map((name) => outputs[name]));
		},
		image,
		{ tile: tile * factor, stride: stride * factor, scale: 1 / factor },
	);
	const channels = joined.dims[1] / names.length;
	return Object.fromEntries(
		names.map((name, n) => [name, channelsOf(joined, n * channels, channels)]),
	) as Record<Name, Tensor>;
}

/** Latents or a picture at no more than `size` each way, in their shape, by their nearest values: smoothing would change how much they vary. */
export function nearestSample(latents: Tensor, size: number): Tensor {
	const [batch, channels, height, width] = latents.dims;
	const scale = Math.min(1, size / Math.max(height, width));
	const rows = Math.max(1, Math.round(height * scale));
	const columns = Math.max(1, Math.round(width * scale));
	const sample = tensor([batch, channels, rows, columns]);
	for (let plane = 0; plane < batch * channels; plane++)
		for (let y = 0; y < rows; y++)
			for (let x = 0; x < columns; x++) {
				const fromY = Math.floor(((y + 0.5) * height) / rows);
				const fromX = Math.floor(((x + 0.5) * width) / columns);
				sample.data[(plane * rows + y) * columns + x] =
					latents.data[(plane * height + fromY) * width + fromX];
			}
	return sample;
}

/** Runs a network on overlapping tiles of its input, whose outputs are `scale` times as high and wide. */
async function runTiled(
	run: (tile: Tensor) => Promise<Tensor>,
	input: Tensor,
	{
		tile,
		stride,
		scale,
	}: { readonly tile: number; readonly stride: number; readonly scale: number },
): Promise<Tensor> {
	const [batch, , height, width] = input.dims;
	// none that lies in the one before it: it would know less of what is around
	const begins = (size: number) =>
		Array.from(
			{ length: Math.max(1, Math.ceil((size - tile) / stride) + 1) },
			(_, n) => n * stride,
		);
	const blend = Math.max(0, (tile - stride) * scale);
	let image: Tensor | undefined;
	let above: Tensor[] = [];
	const columns = begins(width);
	for (const top of begins(height)) {
		const current: Tensor[] = [];
		for (const [column, left] of columns.entries()) {
			const output = await run(crop(input, top, left, tile));
			if (top > 0) blendInto(output, above[column], blend, "rows");
			if (column > 0) blendInto(output, current[column - 1], blend, "columns");
			current.push(output);
			image ??= tensor([batch, output.dims[1], height * scale, width * scale]);
			paste(image, output, top * scale, left * scale);
		}
		above = current;
	}
	if (!image) throw new RangeError("there is nothing to run tile by tile");
	return image;
}

/** Tensors of one image each side by side along the channels. */
function joinChannels(parts: readonly Tensor[]): Tensor {
	const [batch, channels, height, width] = parts[0].dims;
	const joined = tensor([batch, channels * parts.length, height, width]);
	const size = channels * height * width;
	for (let n = 0; n < batch; n++)
		for (const [i, { data }] of parts.entries())
			joined.data.set(
				data.subarray(n * size, (n + 1) * size),
				(n * parts.length + i) * size,
			);
	return joined;
}

function channelsOf(source: Tensor, from: number, count: number): Tensor {
	const [batch, channels, height, width] = source.dims;
	const plane = height * width;
	const result = tensor([batch, count, height, width]);
	for (let n = 0; n < batch; n++) {
		const at = (n * channels + from) * plane;
		result.data.set(
			source.data.subarray(at, at + count * plane),
			n * count * plane,
		);
	}
	return result;
}

/** Planes of `[batch, channels, height, width]`, from a row and a column on, at most `size` high and wide. */
function crop(source: Tensor, top: number, left: number, size: number): Tensor {
	const [batch, channels, height, width] = source.dims;
	const rows = Math.min(size, height - top);
	const columns = Math.min(size, width - left);
	const result = tensor([batch, channels, rows, columns]);
	for (let plane = 0; plane < batch * channels; plane++)
		for (let y = 0; y < rows; y++) {
			const from = (plane * height + top + y) * width + left;
			result.data.set(
				source.data.subarray(from, from + columns),
				(plane * rows + y) * columns,
			);
		}
	return result;
}

/** Copies `part` into `image` at a place; what would lie outside is left out. */
function paste(image: Tensor, part: Tensor, top: number, left: number): void {
	const [batch, channels, height, width] = image.dims;
	const [, , rows, columns] = part.dims;
	const visible = Math.min(columns, width - left);
	if (visible <= 0) return;
	for (let plane = 0; plane < batch * channels; plane++)
		for (let y = 0; y < Math.min(rows, height - top); y++) {
			const from = (plane * rows + y) * columns;
			image.data.set(
				part.data.subarray(from, from + visible),
				(plane * height + top + y) * width + left,
			);
		}
}

/** Fades the first `extent` rows or columns of `tile` in over the last ones of `neighbour`, in place. */
function blendInto(
	tile: Tensor,
	neighbour: Tensor,
	extent: number,
	axis: "rows" | "columns",
): void {
	const [batch, channels, height, width] = tile.dims;
	const [, , otherHeight, otherWidth] = neighbour.dims;
	const along = axis === "rows" ? 2 : 3;
	const length = Math.min(extent, tile.dims[along], neighbour.dims[along]);
	const rows = axis === "rows" ? length : Math.min(height, otherHeight);
	const columns = axis === "rows" ? Math.min(width, otherWidth) : length;
	const down = axis === "rows" ? otherHeight - length : 0;
	const right = axis === "rows" ? 0 : otherWidth - length;
	for (let plane = 0; plane < batch * channels; plane++)
		for (let y = 0; y < rows; y++)
			for (let x = 0; x < columns; x++) {
				const share = (axis === "rows" ? y : x) / length;
				const at = (plane * height + y) * width + x;
				const other = (plane * otherHeight + down + y) * otherWidth + right + x;
				tile.data[at] =
					neighbour.data[other] * (1 - share) + tile.data[at] * share;
			}
}
