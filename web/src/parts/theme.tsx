import { effect } from "@preact/signals";
import { remembered } from "../state/remembered.js";
import { Icon } from "./icons.js";

type Theme = "system" | "light" | "dark";

const theme = remembered<Theme>(
	"theme",
	"system",
	(value): value is Theme =>
		value === "system" || value === "light" || value === "dark",
);

effect(() => {
	if (theme.value === "system") delete document.documentElement.dataset.theme;
	else document.documentElement.dataset.theme = theme.value;
});

const isDark = () =>
	theme.value === "dark" ||
	(theme.value === "system" &&
		matchMedia("(prefers-color-scheme: dark)").matches);

/** Light or dark; as the system has it until somebody chooses. */
export function ThemeButton() {
	const dark = isDark();
	const label = dark ? "Light colours" : "Dark colours";
	return (
		<button
			type="button"
			class="quiet"
			aria-label={label}
			title={label}
			onClick={() => {
				theme.value = dark ? "light" : "dark";
			}}
		>
			<Icon name={dark ? "sun" : "moon"} />
		</button>
	);
}
