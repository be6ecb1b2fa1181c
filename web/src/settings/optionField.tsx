import { useId } from "preact/hooks";
import { Icon } from "../parts/icons.js";
import type { OptionNote } from "../pictureSource.js";
import type { Studio } from "../state/studio.js";
import {
	type FieldKind,
	fieldKind,
	titleOf,
	valueOfText,
} from "./fieldKind.js";
import { PictureField } from "./pictureField.js";

/** An option as its schema asks for it, with its help and a way back to its default. */
export function OptionField({
	studio,
	note,
}: {
	readonly studio: Studio;
	readonly note: OptionNote;
}) {
	const { capabilities, given, set, settingOf, problem } = studio;
	const { name, needs, help } = note;
	const id = useId();
	const kind = fieldKind(note, capabilities.schema.properties[name]);
	if (!kind || (needs && given.value[needs] === undefined)) return null;
	const change = (value: unknown) => set({ [name]: value });
	const wrong = problem.value?.option === name ? problem.value.message : "";
	const isGiven = given.value[name] !== undefined;
	return (
		<div class="field" data-kind={kind.kind} data-given={isGiven}>
			<span class="title">
				<label for={id}>{titleOf(name)}</label>
				{isGiven && kind.kind !== "picture" && (
					<button
						type="button"
						class="quiet reset"
						aria-label={`${titleOf(name)}: back to the default`}
						title="Back to the default"
						onClick={() => change(undefined)}
					>
						<Icon name="close" />
					</button>
				)}
			</span>
			{kind.kind === "picture" ? (
				<PictureField studio={studio} name={name} id={id} />
			) : (
				<Control
					id={id}
					name={name}
					kind={kind}
					value={settingOf(name)}
					change={change}
				/>
			)}
			<p class="help" id={`${id}-help`}>
				{help}
			</p>
			{wrong && <p class="error">{wrong}</p>}
		</div>
	);
}

function Control({
	id,
	name,
	kind,
	value,
	change,
}: {
	readonly id: string;
	readonly name: string;
	readonly kind: Exclude<FieldKind, { kind: "picture" }>;
	readonly value: unknown;
	readonly change: (value: unknown) => void;
}) {
	const common = { id, name, "aria-describedby": `${id}-help` };
	const text = value === undefined ? "" : String(value);
	const onText = ({ currentTarget }: { currentTarget: { value: string } }) =>
		change(valueOfText(kind, name, currentTarget.value));
	switch (kind.kind) {
		case "flag":
			return (
				<input
					{...common}
					type="checkbox"
					class="toggle"
					checked={value === true}
					onChange={({ currentTarget }) => change(currentTarget.checked)}
				/>
			);
		case "choice": {
			const known = kind.choices.some((choice) => choice.value === text);
			return (
				<select {...common} value={text} onChange={onText}>
					{!known && <option value={text}>{text || "as it is"}</option>}
					{kind.choices.map((choice) => (
						<option key={choice.value} value={choice.value}>
							{choice.label}
						</option>
					))}
				</select>
			);
		}
		case "text":
			return kind.long ? (
				<textarea {...common} rows={2} value={text} onInput={onText} />
			) : (
				<input
					{...common}
					type="text"
					inputMode={name === "seed" ? "numeric" : undefined}
					value={text}
					onInput={onText}
				/>
			);
		case "number": {
			const { slider, least, most, whole } = kind;
			return (
				<span class="number">
					{slider && (
						<input
							type="range"
							aria-label={`${titleOf(name)}, slider`}
							min={slider[0]}
							max={slider[1]}
							step={slider[2]}
							value={text || slider[0]}
							onInput={onText}
						/>
					)}
					<input
						{...common}
						type="number"
						min={least}
						max={most}
						step={whole ? 1 : "any"}
						value={text}
						onChange={onText}
					/>
				</span>
			);
		}
	}
}
