import { UserError } from "../../errors/userError.js";
import { openZip } from "../../zip/nodeZipArchive.js";
import { dtypeBits } from "./safetensorsHeader.js";
import { PickleEnd, readTorchPickle } from "./torchPickle.js";
import type { PickleValue, TorchTensor } from "./torchPickleValues.js";
import type { ReadableFile } from "./weightFile.js";
import type { TensorEntry, WeightFile, Weights } from "./weights.js";

/** Pickles of state dicts take a few hundred bytes a tensor. */
const maxPickleLength = 64 * 2 ** 20;
/** What may be copied because it is compressed or not contiguous. */
const maxCopiedBytes = 2 ** 30;
const legacyMagic = 0x1950a86a20f9469cfc6cn;

/** Where a storage lies: in the file or, where it was compressed, unpacked in memory. */
interface Place {
	readonly file: string;
	readonly offset: number;
	/** Bytes. */
	readonly length: number;
}

/**
 * The state dict of a file of `torch.save` (.pth, .pt, .bin), zip or legacy (before torch 1.6), without executing what
 * it holds and without reading its data: tensors point into the file. Only what is compressed or not contiguous is
 * copied to memory. A dict that holds the state dict as "state_dict" is understood, and A1111's of a textual inversion.
 * @throws UserError, one line that names the file, for anything that is no plain state dict or is damaged.
 */
export async function readTorchArchive(file: ReadableFile): Promise<Weights> {
	const start = await file.read(0, Math.min(4, file.size));
	const isZip = start.length === 4 && start[0] === 0x50 && start[1] === 0x4b;
	return isZip ? readZipArchive(file) : readLegacyArchive(file);
}

async function readZipArchive(file: ReadableFile): Promise<Weights> {
	const source =
		"path" in file.file ? file.file.path : await file.read(0, file.size);
	const zip = await openZip(source, file.label);
	try {
		const pickle = [...zip.entries.keys()].find((name) =>
			/^[^/]*\/data\.pkl$/.test(name),
		);
		if (!pickle)
			throw new UserError(
				`${file.label} is no file of torch.save: it holds no data.pkl`,
			);
		const root = pickle.slice(0, -"data.pkl".length);
		if (zip.entries.has(`${root}byteorder`)) {
			const order = await zip.read(`${root}byteorder`, 16);
			if (new TextDecoder().decode(order) !== "little")
				throw new UserError(`${file.label} was not written in little-endian`);
		}
		const bytes = await zip.read(pickle, maxPickleLength);
		const state = parsed(bytes, 0, file.label);
		const unpacked = new Map<string, WeightFile>();
		let total = 0;
		const place = async (key: string): Promise<Place> => {
			const name = `${root}data/${key}`;
			const entry = zip.entries.get(name);
			if (!entry) throw new UserError(`${file.label} has no ${name}`);
			if (entry.stored) {
				const offset = await zip.dataOffset(name);
				return { file: file.key, offset, length: entry.size };
			}
			const unpackedKey = `${file.key}.${key}`;
			total += entry.size;
			if (total > maxCopiedBytes)
				throw new UserError(
					`${file.label} is compressed and too large to unpack; save it again with torch.save`,
				);
			unpacked.set(unpackedKey, {
				bytes: await zip.read(name, maxCopiedBytes),
			});
			return { file: unpackedKey, offset: 0, length: entry.size };
		};
		return await weightsOf(state.value, place, unpacked, file);
	} finally {
		zip.close();
	}
}

/** Magic number, version, facts about the system, the state dict and the storages' keys as pickles; then the storages. */
async function readLegacyArchive(file: ReadableFile): Promise<Weights> {
	let length = Math.min(file.size, 2 ** 20);
	for (;;) {
		const bytes = await file.read(0, length);
		try {
			return await legacyWeights(file, bytes);
		} catch (error) {
			if (!(error instanceof PickleEnd)) throw error;
			if (length === file.size || length === maxPickleLength)
				throw new UserError(
					`${file.label} is no file of torch.save, or it is cut off`,
				);
			length = Math.min(file.size, maxPickleLength, 8 * length);
		}
	}
}

async function legacyWeights(
	file: ReadableFile,
	bytes: Uint8Array,
): Promise<Weights> {
	const magic = bytes[0] === 0x80 && readTorchPickle(bytes, 0, file.label);
	if (!magic || magic.value !== legacyMagic)
		throw new UserError(
			`${file.label} is neither a safetensors file nor one that torch.save wrote`,
		);
	const version = readTorchPickle(bytes, magic.end, file.label);
	if (version.value !== 1001)
		throw new UserError(`${file.label} is of an unknown version of torch.save`);
	const system = readTorchPickle(bytes, version.end, file.label);
	const state = readTorchPickle(bytes, system.end, file.label);
	const keys = readTorchPickle(bytes, state.end, file.label);
	const sizes = new Map<string, number>();
	for (const { storage } of tensorsIn(state.value, file.label).values())
		sizes.set(storage.key, dtypeBits[storage.dtype] / 8);
	const places = new Map<string, Place>();
	let at = keys.end;
	if (typeof keys.value !== "object" || keys.value?.kind !== "list")
		throw new UserError(`${file.label} has no list of storages`);
	for (const key of keys.value.items) {
		const size = typeof key === "string" ? sizes.get(key) : undefined;
		if (typeof key !== "string" || size === undefined)
			throw new UserError(`${file.label} has a storage that no tensor uses`);
		const head = await file.read(at, 8);
		if (head.length < 8) throw new UserError(`${file.label} is cut off`);
		const view = new DataView(head.buffer, head.byteOffset, 8);
		const length = Number(view.getBigInt64(0, true)) * size;
		if (!(length >= 0) || at + 8 + length > file.size)
			throw new UserError(`${file.label} is cut off`);
		places.set(key, { file: file.key, offset: at + 8, length });
		at += 8 + length;
	}
	const place = async (key: string): Promise<Place> => {
		const found = places.get(key);
		if (!found) throw new UserError(`${file.label} lacks storage ${key}`);
		return found;
	};
	return weightsOf(state.value, place, new Map(), file);
}

/** As `readTorchPickle`, where the bytes are all there are. */
function parsed(bytes: Uint8Array, start: number, label: string) {
	try {
		return readTorchPickle(bytes, start, label);
	} catch (error) {
		if (error instanceof PickleEnd)
			throw new UserError(`${label} is damaged: its pickle is cut off`);
		throw error;
	}
}

/** The named tensors of a state dict, or of the one under "state_dict". */
function tensorsIn(
	value: PickleValue,
	label: string,
	depth = 0,
): Map<string, TorchTensor> {
	if (depth > 4)
		throw new UserError(`${label} is damaged: its state dict holds itself`);
	const tensors = new Map<string, TorchTensor>();
	if (typeof value !== "object" || value?.kind !== "dict")
		throw new UserError(`${label} holds no state dict`);
	for (const [name, item] of value.entries) {
		if (typeof name !== "string" || typeof item !== "object" || item === null)
			continue;
		if (item.kind === "dict" && name === "state_dict")
			return tensorsIn(item, label, depth + 1);
		// a textual inversion of A1111: its only tensors
		if (item.kind === "dict" && name === "string_to_param")
			return new Map(
				[...tensorsIn(item, label, depth + 1)].map(([key, tensor]) => [
					`${name}.${key}`,
					tensor,
				]),
			);
		if (item.kind === "tensor") tensors.set(name, item);
	}
	if (tensors.size === 0)
		throw new UserError(`${label} holds no tensors by name`);
	return tensors;
}

async function weightsOf(
	state: PickleValue,
	place: (key: string) => Promise<Place>,
	unpacked: Map<string, WeightFile>,
	file: ReadableFile,
): Promise<Weights> {
	const tensors = new Map<string, TensorEntry>();
	const places = new Map<string, Place>();
	let copied = 0;
	for (const [name, tensor] of tensorsIn(state, file.label)) {
		const { storage, shape } = tensor;
		const size = dtypeBits[storage.dtype] / 8;
		const found = places.get(storage.key) ?? (await place(storage.key));
		places.set(storage.key, found);
		const damaged = (): never => {
			throw new UserError(
				`${file.label} is damaged: ${name.slice(0, 80)} reaches beyond its storage`,
			);
		};
		if ((storage.start + storage.count) * size > found.length) damaged();
		const count = shape.reduce((product, dim) => product * dim, 1);
		const last = shape.reduce(
			(sum, dim, i) => sum + (dim - 1) * tensor.strides[i],
			tensor.offset,
		);
		if (!Number.isSafeInteger(count)) damaged();
		if (count > 0 && !(last < storage.count)) damaged();
		const first = storage.start + tensor.offset;
		const entry = { name, dtype: storage.dtype, shape, length: count * size };
		if (isContiguous(tensor)) {
			const offset = count > 0 ? found.offset + first * size : found.offset;
			tensors.set(name, { ...entry, file: found.file, offset });
			continue;
		}
		copied += entry.length;
		if (copied > maxCopiedBytes)
			throw new UserError(
				`${file.label} holds too much that is not contiguous; save it again with contiguous tensors`,
			);
		const offset = found.offset + first * size;
		const length = (last - tensor.offset + 1) * size;
		const memory = unpacked.get(found.file);
		const bytes =
			memory && "bytes" in memory
				? memory.bytes.subarray(offset, offset + length)
				: await file.read(offset, length);
		const key = `${file.key}.${name}`;
		unpacked.set(key, { bytes: gathered(bytes, tensor, size) });
		tensors.set(name, { ...entry, file: key, offset: 0 });
	}
	const used = new Set([...tensors.values()].map((entry) => entry.file));
	const files = new Map<string, WeightFile>([
		[file.key, file.file],
		...unpacked,
	]);
	for (const key of files.keys()) if (!used.has(key)) files.delete(key);
	return { label: file.label, files, tensors };
}

function isContiguous({ shape, strides }: TorchTensor): boolean {
	let expected = 1;
	for (let i = shape.length - 1; i >= 0; i--) {
		if (shape[i] === 0) return true;
		if (shape[i] !== 1 && strides[i] !== expected) return false;
		expected *= shape[i];
	}
	return true;
}

/** The elements of a strided tensor in row-major order; `bytes` begin at its first element. */
function gathered(
	bytes: Uint8Array,
	{ shape, strides }: TorchTensor,
	size: number,
): Uint8Array {
	const count = shape.reduce((product, dim) => product * dim, 1);
	const result = new Uint8Array(count * size);
	const position = new Array<number>(shape.length).fill(0);
	let from = 0;
	for (let i = 0; i < count; i++) {
		for (let b = 0; b < size; b++)
			result[i * size + b] = bytes[from * size + b];
		for (let axis = shape.length - 1; axis >= 0; axis--) {
			from += strides[axis];
			if (++position[axis] < shape[axis]) break;
			from -= strides[axis] * shape[axis];
			position[axis] = 0;
		}
	}
	return result;
}
