/** A file of a model that is kept. */
export interface StoredFile {
	readonly path: string;
	readonly size: number;
	/** SHA-256 of its content, in hexadecimal. */
	readonly sha256?: string;
}

/** Where the files of one model are kept while they come and afterwards. A file is kept in parts, so that a break costs no more than one. */
export interface ModelShelf {
	/** Whether it outlives the page. */
	readonly lasting: boolean;
	/** The parts of a file that are there, in order. */
	parts(file: number): Promise<Blob[]>;
	/** Adds the next part of a file. @throws UserError when there is no room. */
	add(file: number, part: number, bytes: Uint8Array): Promise<void>;
	/** Forgets the parts of a file. */
	drop(file: number): Promise<void>;
	/** Writes down what the model is made of. */
	describe(model: Manifest): Promise<void>;
	described(): Promise<Manifest | undefined>;
}

/** What is written down of a model. */
export interface Manifest {
	readonly version: 1;
	readonly name: string;
	readonly files: readonly StoredFile[];
	readonly complete: boolean;
}

/** A shelf that ends with the page. */
export function memoryShelf(): ModelShelf {
	const files = new Map<number, Blob[]>();
	let manifest: Manifest | undefined;
	return {
		lasting: false,
		parts: async (file) => files.get(file) ?? [],
		async add(file, _, bytes) {
			// a Blob may lie on the disk, other than an array
			const part = new Blob([bytes as Uint8Array<ArrayBuffer>]);
			files.set(file, [...(files.get(file) ?? []), part]);
		},
		async drop(file) {
			files.delete(file);
		},
		async describe(model) {
			manifest = model;
		},
		described: async () => manifest,
	};
}
