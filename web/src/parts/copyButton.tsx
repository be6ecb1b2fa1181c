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
		copied.value = await hasCopied(text);
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

async function hasCopied(text: string): Promise<boolean> {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		// pages without https, as those of a server in the local network, may copy only what is selected
		const { activeElement } = document;
		const area = document.createElement("textarea");
		area.value = text;
		document.body.append(area);
		area.select();
		const copied = document.execCommand("copy");
		area.remove();
		(activeElement as HTMLElement | null)?.focus();
		return copied;
	}
}
