/** A value as it stands in a CSV file: quoted where it must be, empty where there is none. */
export function csvField(value: string | number | undefined): string {
	if (value === undefined) return "";
	const text = String(value);
	return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
