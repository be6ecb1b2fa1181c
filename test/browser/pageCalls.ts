import { droppedModel } from "../../src/web.js";

interface Called {
	readonly answer?: unknown;
	readonly error?: unknown;
	readonly told: readonly unknown[];
}

const worker = new Worker(document.documentElement.dataset.worker ?? "", {
	type: "module",
});
let calls = 0;
const waiting = new Map<
	number,
	{ readonly told: unknown[]; readonly resolve: (called: Called) => void }
>();

worker.onmessage = ({ data: { id, answer, error, told } }) => {
	const asked = waiting.get(id);
	if (!asked) return;
	if (told !== undefined) {
		asked.told.push(told);
		return;
	}
	waiting.delete(id);
	asked.resolve(
		error ? { error, told: asked.told } : { answer, told: asked.told },
	);
};
worker.onerror = ({ message }) => {
	for (const { resolve } of waiting.values())
		resolve({ error: { message }, told: [] });
};

const field = (id: string): File[] => [
	...((document.querySelector(`#${id}`) as HTMLInputElement).files ?? []),
];
let dropped: Promise<unknown> | undefined;
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
	event.preventDefault();
	if (event.dataTransfer) dropped = droppedModel(event.dataTransfer);
	dropped?.catch(() => undefined);
});

/** What the user picked or dropped, by the names that tests give it. */
const picked: Readonly<Record<string, () => unknown>> = {
	file: () => field("file")[0],
	/** As files are that lost where they were picked. */
	bare: () => field("folder").map((file) => new File([file], file.name)),
	folder: () =>
		new Map(field("folder").map((file) => [file.webkitRelativePath, file])),
	dropped: () => dropped,
};

/** What tests name, itself or among options, in place of its name. */
async function inPlace(arg: unknown): Promise<unknown> {
	const key = (arg as { picked?: string } | null)?.picked;
	if (key) return picked[key]();
	if (typeof arg !== "object" || arg === null || Array.isArray(arg)) return arg;
	const entries: [string, unknown][] = [];
	for (const [name, value] of Object.entries(arg))
		entries.push([name, await inPlace(value)]);
	return Object.fromEntries(entries);
}

Object.assign(globalThis, {
	call: async (name: string, ...args: unknown[]): Promise<Called> => {
		const sent: unknown[] = [];
		for (const arg of args) sent.push(await inPlace(arg));
		return new Promise((resolve) => {
			waiting.set(++calls, { resolve, told: [] });
			worker.postMessage({ id: calls, name, args: sent });
		});
	},
});
