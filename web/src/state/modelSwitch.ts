import { computed, type ReadonlySignal } from "@preact/signals";
import type { ModelNote } from "../pictureSource.js";
import { isOptions, remembered } from "./remembered.js";

/** Models that draw this many pixels and fewer are quick enough to draw while one types. */
export const QUICK_PIXELS = 256 * 256;

/** Something that is on or off for each model, on for quick ones until somebody says otherwise. */
export function modelSwitch(name: string, model: ReadonlySignal<ModelNote>) {
	const said = remembered(name, {}, isOptions);
	const on = computed(() => {
		const { name: called, defaults } = model.value;
		const chosen = said.value[called];
		return typeof chosen === "boolean"
			? chosen
			: Number(defaults.width) * Number(defaults.height) <= QUICK_PIXELS;
	});
	return {
		on,
		toggle() {
			said.value = { ...said.peek(), [model.peek().name]: !on.peek() };
		},
	};
}
