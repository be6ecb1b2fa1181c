import type { FinishedPicture, PictureOptions } from "../pictureSource.js";

/** A picture that is kept in the browser. */
export interface KeptPicture extends FinishedPicture {
	/** Counts up. */
	readonly id: number;
	/** Milliseconds since 1970. */
	readonly keptAt: number;
	/** The options that were asked for, without pictures. */
	readonly asked: PictureOptions;
}

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
const MOST = 300;

/** Pictures in IndexedDB: they outlive the page. In memory where the browser keeps nothing. */
export function galleryStore(): GalleryStore {
	const database = openDatabase().catch(() => undefined);
	const memory = new Map<number, KeptPicture>();
	let nextId = 1;

	async function inStore<Result>(
		mode: IDBTransactionMode,
		work: (store: IDBObjectStore) => IDBRequest<Result>,
	): Promise<Result | undefined> {
		const db = await database;
		if (!db) return undefined;
		return answer(work(db.transaction(STORE, mode).objectStore(STORE)));
	}

	return {
		async all() {
			const kept = await inStore<KeptPicture[]>("readonly", (store) =>
				store.getAll(),
			);
			return (kept ?? [...memory.values()]).toSorted((a, b) => b.id - a.id);
		},
		async keep(picture) {
			const kept = { ...picture, keptAt: Date.now() };
			const id = await inStore("readwrite", (store) => store.add(kept));
			if (id === undefined) {
				const own = { ...kept, id: nextId++ };
				memory.set(own.id, own);
				return own;
			}
			const keys = await inStore("readonly", (store) => store.getAllKeys());
			for (const key of (keys ?? []).slice(0, -MOST))
				await inStore("readwrite", (store) => store.delete(key));
			return { ...kept, id: Number(id) };
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

const answer = <Result>(request: IDBRequest<Result>): Promise<Result> =>
	new Promise((resolve, reject) => {
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
	});
