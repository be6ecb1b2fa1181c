import type { FinishedPicture, PictureOptions } from "../pictureSource.js";

/** A picture that is kept in the browser. */
export interface KeptPicture extends FinishedPicture {
	/** Counts up. */
	readonly id: number;
	/** Milliseconds since 1970. */
	readonly keptAt: number;
	/** The options that were asked for, with the pictures that it began with. */
	readonly asked: PictureOptions;
}

/** As the browser keeps it: Safari's private windows keep bytes, but no blobs. */
type StoredPicture = Omit<KeptPicture, "png"> & {
	readonly png: ArrayBuffer | Blob;
};

export interface GalleryStore {
	/** The newest first. */
	all(): Promise<KeptPicture[]>;
	/** Keeps a picture; the oldest make room. */
	keep(picture: Omit<KeptPicture, "id" | "keptAt">): Promise<KeptPicture>;
	remove(id: number): Promise<void>;
	clear(): Promise<void>;
}

const DATABASE = "faster-diffusion";
const STORE = "pictures";
/** Of more the oldest are let go. */
export const MOST_KEPT = 300;

/** Pictures in IndexedDB: they outlive the page. In memory where the browser keeps nothing. */
export function galleryStore(): GalleryStore {
	const database = openDatabase().catch(() => undefined);
	const memory = new Map<number, KeptPicture>();
	/** Counts down: kept ones count up. */
	let nextId = -1;

	async function inStore<Result>(
		mode: IDBTransactionMode,
		work: (store: IDBObjectStore) => IDBRequest<Result>,
	): Promise<Result | undefined> {
		const db = await database;
		if (!db) return undefined;
		const transaction = db.transaction(STORE, mode);
		const [result] = await Promise.all([
			answer(work(transaction.objectStore(STORE))),
			// that there is no room is told after the answer
			mode === "readwrite" && written(transaction),
		]);
		return result;
	}

	/** The number of a picture that is kept now; undefined where there is no room for it. */
	async function add(
		picture: Omit<KeptPicture, "id">,
	): Promise<number | undefined> {
		const stored = { ...picture, png: await picture.png.arrayBuffer() };
		const id = await inStore("readwrite", (store) => store.add(stored)).catch(
			() => undefined,
		);
		return id === undefined ? undefined : Number(id);
	}

	/** Lets go of the oldest, so that so many are left. */
	async function leave(most: (count: number) => number): Promise<void> {
		const keys =
			(await inStore("readonly", (store) => store.getAllKeys())) ?? [];
		for (const key of keys.slice(0, keys.length - most(keys.length)))
			await inStore("readwrite", (store) => store.delete(key));
	}

	/** Those that can still be read: browsers lose the bytes of one, and then refuse to give them all. */
	async function readable(): Promise<StoredPicture[]> {
		const keys =
			(await inStore("readonly", (store) => store.getAllKeys())) ?? [];
		const found = keys.map((key) =>
			inStore<StoredPicture | undefined>("readonly", (store) =>
				store.get(key),
			).catch(() => undefined),
		);
		return (await Promise.all(found)).filter(
			(picture) => picture !== undefined,
		);
	}

	return {
		async all() {
			const kept = await inStore<StoredPicture[]>("readonly", (store) =>
				store.getAll(),
			)
				.catch(readable)
				.catch(() => []);
			const pictures =
				kept?.map((picture) => ({
					...picture,
					png: new Blob([picture.png], { type: "image/png" }),
				})) ?? [];
			return [...pictures, ...memory.values()].toSorted(
				(a, b) => b.keptAt - a.keptAt || b.id - a.id,
			);
		},
		async keep(picture) {
			const kept = { ...picture, keptAt: Date.now() };
			let id = await add(kept);
			if (id === undefined) {
				// a store that was taken away has nothing to let go
				await leave((count) => Math.floor(count / 2)).catch(() => undefined);
				id = await add(kept);
			}
			if (id === undefined) {
				const own = { ...kept, id: nextId-- };
				memory.set(own.id, own);
				return own;
			}
			await leave((count) => Math.min(count, MOST_KEPT));
			return { ...kept, id };
		},
		async remove(id) {
			memory.delete(id);
			await inStore("readwrite", (store) => store.delete(id));
		},
		async clear() {
			memory.clear();
			await inStore("readwrite", (store) => store.clear());
		},
	};
}

async function openDatabase(): Promise<IDBDatabase> {
	const request = indexedDB.open(DATABASE, 1);
	request.onupgradeneeded = () => {
		request.result.createObjectStore(STORE, {
			keyPath: "id",
			autoIncrement: true,
		});
	};
	return answer(request);
}

const written = (transaction: IDBTransaction): Promise<void> =>
	new Promise((resolve, reject) => {
		transaction.oncomplete = () => resolve();
		transaction.onabort = () => reject(transaction.error);
	});

const answer = <Result>(request: IDBRequest<Result>): Promise<Result> =>
	new Promise((resolve, reject) => {
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
	});
