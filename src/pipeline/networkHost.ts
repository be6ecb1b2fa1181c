import type { Graph } from "../graph/graph.js";
import type { GraphFlavour } from "../graph/graphFlavour.js";
import type { Engine } from "../runtime/engine.js";
import type { Session, SessionOptions } from "../runtime/session.js";
import type { OpenWeightFile } from "../weights/formats/weightFile.js";

/** A network that a host can load. */
export interface HostedNetwork {
	/** Tells its sessions from those of other networks. */
	readonly key: string;
	/** As it is called in events and messages: "unet". */
	readonly name: string;
	/**
	 * Tells apart what adapters made of the network; nothing for what they left as it was. Of each network only the variants and parts used
	 * last stay loaded.
	 */
	readonly variant?: string;
	/** Makes the graph as the engine wants it written; called once for each loading. */
	readonly build: (flavour: GraphFlavour) => Graph;
	readonly options: SessionOptions;
}

/** Loading of a network begins (without `seconds`) or is done. */
export interface LoadingNotice {
	readonly network: string;
	readonly seconds?: number;
}

/** Who uses networks: what it hears, and how it is stopped. */
export interface NetworkUser {
	/** Heard while it waits, and before every network call. */
	readonly signal?: AbortSignal;
	readonly onLoading?: (notice: LoadingNotice) => void;
	/** Told the seconds it spent waiting: for other users' networks to be freed, and for its own to be loaded. */
	readonly onWaited?: (seconds: number) => void;
}

/** What networks are hosted with. */
export interface Hosting {
	readonly host: NetworkHost;
	readonly options: SessionOptions;
	/** Opens a file of weights that is to blame for a number that is not finite. */
	readonly open?: OpenWeightFile;
}

/** The session of a network, loaded now if it is not loaded yet. */
export type SessionOf = (network: HostedNetwork) => Promise<Session>;

/** Loads networks when they are needed and shares them among all who use them at the same time. */
export interface NetworkHost {
	/**
	 * Runs `work` with networks of one group. They are not released before `work` is done. Of a host that does not keep networks
	 * resident, only one group is loaded at a time: who needs another waits until nobody works with this one, in the order of asking.
	 * `work` must not use the host itself.
	 */
	use<Result>(
		group: string,
		user: NetworkUser,
		work: (sessionOf: SessionOf) => Promise<Result>,
	): Promise<Result>;
	/**
	 * A run begins, which uses networks several times; the function returned ends it. Where networks are not kept resident, the end of
	 * the last run frees all of them.
	 */
	begin(): () => Promise<void>;
	/** Frees all networks once nobody works with them. Later uses load them anew. */
	release(): Promise<void>;
}

const NOTHING_LOADED = "";
/** Variants of a network that stay loaded where networks are kept resident. */
const KEPT_VARIANTS = 2;
/**
 * Parts of a network that stay loaded: halves, cuts, levels of optimization. A plan uses two or three; all that plans can name would take
 * many times the memory of the model.
 */
const KEPT_PARTS = 8;

export function networkHost(
	engine: Engine,
	{ keepResident }: { readonly keepResident: boolean },
): NetworkHost {
	const sessions = new Map<string, Promise<Session>>();
	/** The networks of the sessions, those used last at the end. */
	const used = new Map<string, HostedNetwork>();
	const waiting: { readonly group: string; readonly enter: () => void }[] = [];
	/** Sessions that failed, or that adapters have made superfluous, to be freed when nobody is in a network. */
	const failed: Promise<Session>[] = [];
	let open = NOTHING_LOADED;
	let inside = 0;
	let runs = 0;
	/** Settles once all networks of other groups are freed. */
	let cleared: Promise<unknown> = Promise.resolve();

	/** Lets in who waits, in the order of asking, as long as they want the same group. */
	function admit(): void {
		for (;;) {
			const [next] = waiting;
			if (!next || (inside > 0 && next.group !== open)) return;
			waiting.shift();
			if (next.group !== open) cleared = Promise.all([cleared, freeAll()]);
			open = next.group;
			inside++;
			next.enter();
		}
	}

	function enter(group: string, signal?: AbortSignal): Promise<void> {
		return new Promise((resolve, reject) => {
			const entry = {
				group,
				enter: () => {
					signal?.removeEventListener("abort", leaveQueue);
					resolve();
				},
			};
			const leaveQueue = () => {
				waiting.splice(waiting.indexOf(entry), 1);
				reject(signal?.reason);
				// who wanted another group may have held up those behind
				admit();
			};
			signal?.addEventListener("abort", leaveQueue, { once: true });
			waiting.push(entry);
			admit();
		});
	}

	function leave(): void {
		inside--;
		if (inside === 0)
			for (const session of failed.splice(0)) void free(session);
		admit();
	}

	/** A session that could not be made, or whose engine is gone, has nothing to free: its error went to whoever asked for it. */
	async function free(session: Promise<Session>): Promise<void> {
		await session.then((loaded) => loaded.release()).catch(() => {});
	}

	/** Frees what is loaded now. */
	async function freeAll(): Promise<void> {
		const loaded = [...sessions.values()];
		sessions.clear();
		await Promise.all(loaded.map(free));
	}

	/** Forgets the variants and parts of a network that were not used for longest; they are freed when nobody is in a network. */
	function keepUsedLast(network: HostedNetwork): void {
		used.delete(network.key);
		used.set(network.key, network);
		const kept = new Set<string>();
		let parts = 0;
		for (const { key, name, variant = "" } of [...used.values()].reverse()) {
			if (name !== network.name) continue;
			if (kept.size < (keepResident ? KEPT_VARIANTS : 1)) kept.add(variant);
			if (kept.has(variant) && ++parts <= KEPT_PARTS) continue;
			used.delete(key);
			const session = sessions.get(key);
			sessions.delete(key);
			if (session) failed.push(session);
		}
	}

	async function session(
		network: HostedNetwork,
		onLoading: NetworkUser["onLoading"],
	): Promise<Session> {
		keepUsedLast(network);
		const known = sessions.get(network.key);
		if (known) return known;
		const { name, build, options } = network;
		const started = performance.now();
		onLoading?.({ network: name });
		const forget = () => {
			if (sessions.get(network.key) !== made) return;
			sessions.delete(network.key);
			failed.push(made);
		};
		const made = (async () => {
			// a graph takes some tens of milliseconds the first time
			await new Promise((resolve) => setTimeout(resolve));
			const graph = build(engine.flavour(options));
			await new Promise((resolve) => setTimeout(resolve));
			const loaded = await engine.createSession(graph, options);
			return {
				...loaded,
				run: (inputs: Parameters<Session["run"]>[0]) =>
					loaded.run(inputs).catch((error: unknown) => {
						// its engine may be gone, or its memory: not where only an input was wrong
						if (!(error instanceof RangeError)) forget();
						throw error;
					}),
			};
		})();
		sessions.set(network.key, made);
		try {
			const loaded = await made;
			const seconds = (performance.now() - started) / 1000;
			onLoading?.({ network: name, seconds });
			return loaded;
		} catch (error) {
			// a failure is forgotten: the next who asks tries anew
			forget();
			throw error;
		}
	}

	async function release(): Promise<void> {
		await enter(NOTHING_LOADED);
		try {
			await cleared;
		} finally {
			leave();
		}
	}

	return {
		async use(group, { signal, onLoading, onWaited }, work) {
			signal?.throwIfAborted();
			const waited = async <Value>(value: Promise<Value>) => {
				const started = performance.now();
				try {
					return await value;
				} finally {
					onWaited?.((performance.now() - started) / 1000);
				}
			};
			await waited(enter(keepResident ? "all" : group, signal));
			try {
				await waited(cleared);
				return await work(async (network) => {
					const loaded = await waited(session(network, onLoading));
					signal?.throwIfAborted();
					return loaded;
				});
			} finally {
				leave();
			}
		},
		begin() {
			runs++;
			let ended = false;
			return async () => {
				if (ended) return;
				ended = true;
				runs--;
				if (!keepResident && runs === 0) await release();
			};
		},
		release,
	};
}
