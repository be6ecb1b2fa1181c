/** A browser's `navigator`, as far as models are kept with it: its private files, in memory, and its locks. */
export function privateFiles() {
	const root = directory();
	const held = new Map<string, Promise<unknown>>();
	return {
		storage: {
			getDirectory: async () => root,
			estimate: async () => ({ quota: 2 ** 40, usage: 0 }),
		},
		locks: {
			async request<Result>(
				name: string,
				{ signal }: { readonly signal?: AbortSignal },
				work: () => Promise<Result>,
			): Promise<Result> {
				const before = held.get(name);
				const turn = (before ?? Promise.resolve()).then(() => {
					signal?.throwIfAborted();
					return work();
				});
				held.set(
					name,
					turn.catch(() => undefined),
				);
				if (!signal) return turn;
				return Promise.race([
					turn,
					new Promise<never>((_, reject) => {
						signal.addEventListener("abort", () => reject(signal.reason));
					}),
				]);
			},
		},
	};
}

const missing = () => new DOMException("it is not there", "NotFoundError");

function directory() {
	const entries = new Map<string, ReturnType<typeof directory | typeof file>>();
	return {
		kind: "directory" as const,
		async getDirectoryHandle(name: string) {
			const found = entries.get(name) ?? directory();
			entries.set(name, found);
			return found;
		},
		async getFileHandle(name: string, { create = false } = {}) {
			const found = entries.get(name) ?? (create ? file(name) : undefined);
			if (!found) throw missing();
			entries.set(name, found);
			return found;
		},
		async removeEntry(name: string) {
			if (!entries.delete(name)) throw missing();
		},
		values: () => entries.values(),
	};
}

function file(name: string) {
	let content = new Uint8Array(0);
	return {
		kind: "file" as const,
		getFile: async () => new File([content], name),
		async createWritable() {
			let written = new Uint8Array(0);
			return {
				async write(bytes: Uint8Array<ArrayBuffer>) {
					written = bytes.slice();
				},
				async close() {
					content = written;
				},
			};
		},
	};
}
