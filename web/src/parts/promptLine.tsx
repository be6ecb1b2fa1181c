import { useEffect, useRef } from "preact/hooks";
import type { Studio } from "../state/studio.js";
import { Icon } from "./icons.js";

/** What is to be drawn, in one line; the picture follows the typing where the model is quick enough. */
export function PromptLine({ studio }: { readonly studio: Studio }) {
	const { given, set, draw, stop, pen, live, newSeed } = studio;
	const line = useRef<HTMLInputElement>(null);
	useEffect(() => {
		// typing can begin at once; on a phone its keyboard would hide the picture
		if (matchMedia("(pointer: fine)").matches)
			line.current?.focus({ preventScroll: true });
	}, []);
	return (
		<form
			class="prompt"
			data-live={live.value}
			onSubmit={(event) => {
				event.preventDefault();
				void draw();
			}}
		>
			<label class="visually-hidden" for="prompt">
				Prompt
			</label>
			<input
				ref={line}
				id="prompt"
				type="text"
				placeholder="What shall be drawn?"
				autocomplete="off"
				spellcheck={false}
				enterkeyhint="go"
				value={String(given.value.prompt ?? "")}
				onInput={({ currentTarget }) => set({ prompt: currentTarget.value })}
			/>
			<button
				type="button"
				class="quiet"
				onClick={newSeed}
				title="Another seed"
				aria-label="Another seed"
			>
				<Icon name="dice" />
			</button>
			<label class="switch live" title="Draw while typing">
				<input
					type="checkbox"
					class="toggle"
					checked={live.value}
					onChange={studio.toggleLive}
				/>
				<span>Live</span>
			</label>
			{pen.busy.value && !live.value ? (
				// not the same element as the other: a click that stops would go on to be one that submits
				<button
					key="stop"
					type="button"
					class="primary"
					onClick={() => void stop()}
				>
					Stop
				</button>
			) : (
				<button key="draw" type="submit" class="primary">
					Draw
				</button>
			)}
		</form>
	);
}
