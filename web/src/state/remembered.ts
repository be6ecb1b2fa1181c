import { effect, type Signal, signal } from "@preact/signals";

/** A signal whose value is there again after a reload. `fits` says whether what was found can be used. */
export function remembered<Value>(
	name: string,
	initial: Value,
	fits: (value: unknown) => value is Value,
): Signal<Value> {
	const key = `faster-diffusion.${name}`;
	const value = signal(found(key, fits) ?? initial);
	effect(() => {
		const text = JSON.stringify(value.value);
		try {
			localStorage.setItem(key, text);
		} catch {
			// a browser that keeps nothing
		}
	});
	return value;
}

function found<Value>(
	key: string,
	fits: (value: unknown) => value is Value,
): Value | undefined {
	try {
		const value: unknown = JSON.parse(localStorage.getItem(key) ?? "null");
		return fits(value) ? value : undefined;
	} catch {
		return undefined;
	}
}

/** Texts that are there until the tab is closed; none where the browser keeps nothing. */
export const ofTab = {
	get(key: string): string | null {
		try {
			return sessionStorage.getItem(key);
		} catch {
			return null;
		}
	},
	set(key: string, text: string): void {
		try {
			sessionStorage.setItem(key, text);
		} catch {
			// it is asked for again
		}
	},
};

export const isOptions = (value: unknown): value is Record<string, unknown> =>
	typeof value === "object" && value !== null && !Array.isArray(value);
