import { open } from "node:fs/promises";
import type { KoffiFunc } from "koffi";
import { UserError } from "../../errors/userError.js";
import { reasonOf } from "../../files/fileFault.js";
import { fileBytes } from "../nodeGraphFiles.js";
import { loadKoffi } from "../nodeKoffi.js";

/** A file's bytes at an address. */
export interface MappedFile {
	readonly address: bigint;
	readonly length: number;
	/** Ends the mapping: nothing may read at the address afterwards. A second call does nothing. */
	unmap(): void;
}

/** Of POSIX's sys/mman.h; the same on Linux and macOS. */
const PROT_READ = 1;
const MAP_SHARED = 1;

/**
 * Maps a file read-only into memory, so that nothing of it is read before it is needed. Where the system has no `mmap` it is read instead.
 * @throws UserError when it cannot be.
 */
export async function mapFile(path: string): Promise<MappedFile> {
	const koffi = await loadKoffi();
	if (process.platform === "win32") {
		let bytes: Uint8Array | undefined = await fileBytes({ path, size: 0 });
		return {
			address: koffi.address(bytes),
			length: bytes.length,
			unmap: () => {
				bytes = undefined;
			},
		};
	}
	const system = koffi.load(null);
	const mmap = system.func(
		"void *mmap(void *at, size_t length, int protection, int flags, int file, int64_t offset)",
	) as KoffiFunc<(...values: (bigint | number)[]) => bigint | null>;
	const munmap = system.func("int munmap(void *at, size_t length)");
	try {
		await using file = await open(path);
		const { size } = await file.stat();
		const address = mmap(0n, size, PROT_READ, MAP_SHARED, file.fd, 0);
		if (!address || BigInt.asIntN(64, address) === -1n)
			throw new Error("it cannot be mapped into memory");
		let mapped = true;
		return {
			address,
			length: size,
			unmap() {
				if (mapped) munmap(address, size);
				mapped = false;
			},
		};
	} catch (cause) {
		throw new UserError(`${path} cannot be read: ${reasonOf(cause)}`, {
			cause,
		});
	}
}
