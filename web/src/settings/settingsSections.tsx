import type { Studio } from "../state/studio.js";
import { fieldKind } from "./fieldKind.js";
import { OptionField } from "./optionField.js";
import { sectionSummary } from "./sectionSummary.js";

/** Every option by its group: closed, a section says its values in a line. */
export function SettingsSections({ studio }: { readonly studio: Studio }) {
	const { capabilities, given, settingOf, problem } = studio;
	const { controlNets } = studio.model.value;
	const groups = Map.groupBy(
		capabilities.options.filter(
			(note) =>
				fieldKind(note, capabilities.schema.properties[note.name]) &&
				(controlNets > 0 || note.group !== "Control nets"),
		),
		({ group }) => group,
	);
	return (
		<section class="settings" aria-labelledby="settings-title">
			<h2 id="settings-title">Settings</h2>
			{[...groups].map(([group, options]) => {
				const wrong = options.some(
					({ name }) => problem.value?.option === name,
				);
				return (
					<details key={group} open={wrong || undefined}>
						<summary>
							<span class="group">{group}</span>
							<span class="line">
								{sectionSummary(group, {
									options,
									given: given.value,
									settingOf,
								})}
							</span>
						</summary>
						<div class="fields">
							{options.map((note) => (
								<OptionField key={note.name} studio={studio} note={note} />
							))}
						</div>
					</details>
				);
			})}
		</section>
	);
}
