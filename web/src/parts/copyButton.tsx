import { useSignal } from "@preact/signals";
import { Icon } from "./icons.js";

/** Copies a text, and says that it did. */
export function CopyButton({
	text,
	label,
}: {
	readonly text: string;
	readonly label: string;
}) {
	const copied = useSignal(false);
	const copy = async () => {
		await navigator.clipboard.writeText(text);
		copied.value = true;
		setTimeout(() => {
			copied.value = false;
		}, 1600);
	};
	return (
		<button
			type="button"
			class="quiet"
			onClick={() => void copy()}
			aria-label={copied.value ? "Copied" : label}
			title={label}
		>
			<Icon name={copied.value ? "done" : "copy"} />
		</button>
	);
}
