import type { Session } from "../runtime/session.js";
import { concat, rows, type Tensor } from "../tensor/tensor.js";

type Inputs = Readonly<Record<string, Tensor>>;
type Outputs = Record<string, Tensor>;

/** One run's call of the UNet: all its inputs have one row a sample. */
export interface SharedCall<Caller extends object = object> {
	/** Who calls: one call after another, each with what came of the one before. */
	readonly caller: Caller;
	readonly session: Session;
	readonly inputs: Inputs;
	/** Floating-point operations that it takes. */
	readonly flops: number;
	readonly signal?: AbortSignal;
}

/** Where runs that go on at the same time call a network. */
export type ShareCalls<Caller extends object> = (
	call: SharedCall<Caller>,
) => Promise<Outputs>;

interface WaitingCall<Caller extends object> extends SharedCall<Caller> {
	readonly answer: (outputs: Outputs) => void;
	readonly fail: (error: unknown) => void;
}

/** A caller that was just answered is waited for this share of what a call takes, but not longer than so many milliseconds. */
const PATIENCE = 0.2;
const MOST_PATIENCE_MS = 25;

/**
 * Joins the calls that several runs make of a network into one, as its rows: that takes less time as long as the calls are small. A run has its
 * own schedule, plan, seed and signal; runs need not be at the same step, and come and go. A call that cannot be joined waits for its turn.
 * @param mostFlops floating-point operations of a joined call, at most; larger ones go alone
 * @param run a network's run for some callers, which are told what they wait for
 */
export function sharedCalls<Caller extends object>(
	mostFlops: number,
	run: (
		session: Session,
		inputs: Inputs,
		callers: readonly Caller[],
	) => Promise<Outputs>,
): ShareCalls<Caller> {
	const waiting: WaitingCall<Caller>[] = [];
	/** Callers that were answered a moment ago, and are likely to call again. */
	const expected = new Set<Caller>();
	let patience: ReturnType<typeof setTimeout> | undefined;
	let busy = false;

	function goOn(): void {
		const [first] = waiting;
		if (busy || !first) return;
		const joined: WaitingCall<Caller>[] = [];
		let flops = 0;
		for (const call of waiting) {
			if (call !== first && !fits(first, call)) continue;
			if (joined.length > 0 && flops + call.flops > mostFlops) break;
			joined.push(call);
			flops += call.flops;
		}
		if (expected.size > 0 && flops + first.flops <= mostFlops) return;
		for (const call of joined) waiting.splice(waiting.indexOf(call), 1);
		void answer(joined);
	}

	async function answer(joined: readonly WaitingCall<Caller>[]): Promise<void> {
		busy = true;
		const started = performance.now();
		await runJoined(joined);
		busy = false;
		for (const { caller } of joined) expected.add(caller);
		clearTimeout(patience);
		patience = setTimeout(
			() => {
				expected.clear();
				goOn();
			},
			Math.min(MOST_PATIENCE_MS, PATIENCE * (performance.now() - started)),
		);
		goOn();
	}

	/** Answers every call, never throws. */
	async function runJoined(
		joined: readonly WaitingCall<Caller>[],
	): Promise<void> {
		const [first, ...others] = joined;
		try {
			const outputs = await run(
				first.session,
				others.length === 0 ? first.inputs : joinedInputs(joined),
				joined.map(({ caller }) => caller),
			);
			if (others.length === 0) return first.answer(outputs);
			let from = 0;
			for (const call of joined) {
				const to = from + rowsOf(call);
				call.answer(rowsOfAll(outputs, from, to));
				from = to;
			}
		} catch (error) {
			if (others.length === 0) return first.fail(error);
			// it may be one of them alone, or too little memory for all
			for (const call of joined) await runJoined([call]);
		}
	}

	return (call) => {
		expected.delete(call.caller);
		return new Promise((resolve, reject) => {
			const { signal } = call;
			const abort = () => {
				const place = waiting.indexOf(entry);
				if (place < 0) return;
				waiting.splice(place, 1);
				reject(signal?.reason);
				goOn();
			};
			const settled =
				<Value>(settle: (value: Value) => void) =>
				(value: Value) => {
					signal?.removeEventListener("abort", abort);
					settle(value);
				};
			const entry: WaitingCall<Caller> = {
				...call,
				answer: settled(resolve),
				fail: settled(reject),
			};
			signal?.addEventListener("abort", abort, { once: true });
			waiting.push(entry);
			goOn();
		});
	};
}

/** Whether two calls are of the same network on samples of the same size. */
function fits(first: SharedCall, { session, inputs }: SharedCall): boolean {
	return (
		session === first.session &&
		session.inputs.every((name) => {
			const [dims, others] = [inputs[name]?.dims, first.inputs[name]?.dims];
			return dims?.slice(1).join() === others?.slice(1).join();
		})
	);
}

const rowsOf = ({ inputs }: SharedCall) => inputs.timestep.dims[0];

function joinedInputs(joined: readonly SharedCall[]): Inputs {
	return Object.fromEntries(
		joined[0].session.inputs.map((name) => [
			name,
			concat(joined.map(({ inputs }) => inputs[name])),
		]),
	);
}

const rowsOfAll = (outputs: Outputs, from: number, to: number): Outputs =>
	Object.fromEntries(
		Object.entries(outputs).map(([name, value]) => [
			name,
			rows(value, from, to),
		]),
	);
