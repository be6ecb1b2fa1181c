import { commandLine } from "../commandLine.js";
import type { Studio } from "../state/studio.js";
import { CopyButton } from "./copyButton.js";
import { Icon } from "./icons.js";

/** The model that the command line draws with where it is told none. */
const EMBEDDED = "emoji";

/** The command line of the picture that is shown, to copy, and its file. */
export function CommandRow({ studio }: { readonly studio: Studio }) {
	const { pen, model, capabilities } = studio;
	const { asked } = pen.drawn.value;
	if (!asked) return null;
	const name =
		asked.asked.model === undefined
			? capabilities.models[0].name
			: String(asked.asked.model);
	const command = commandLine(
		{ ...asked.asked, seed: asked.seed },
		model.value.defaults,
		name === EMBEDDED ? undefined : name,
	);
	return (
		<section class="command" aria-label="Command line of this picture">
			<code>
				<i aria-hidden="true">$ </i>
				{command
					.split(/( --[a-z-]+)/)
					.map((words) =>
						words.startsWith(" --") ? (
							<b key={words}>{words}</b>
						) : (
							<span key={words}>{words}</span>
						),
					)}
			</code>
			<CopyButton text={command} label="Copy the command line" />
			<a
				class="quiet"
				href={asked.url}
				download={`${
					String(asked.options.prompt)
						.slice(0, 60)
						.replace(/[^\p{L}\p{N}]+/gu, "-") || "picture"
				}-${asked.seed}.png`}
				aria-label="Save the picture, its settings inside"
				title="Save the picture, its settings inside"
			>
				<Icon name="save" />
			</a>
		</section>
	);
}
