/** Bytes in decimal units with three digits: "4.27 GB", "812 kB". */
export function formatBytes(bytes: number): string {
	return formatAmount(bytes, ["B", "kB", "MB", "GB", "TB"], " ");
}

/** A count with three digits: "860M", "123". */
export function formatCount(count: number): string {
	return formatAmount(count, ["", "K", "M", "B", "T"], "");
}

/** Seconds as "0:07", "12:34" or "1:02:03"; "?" where they are unknown. */
export function formatDuration(seconds: number): string {
	if (!Number.isFinite(seconds) || seconds < 0) return "?";
	const whole = Math.round(seconds);
	const pad = (value: number) => String(value).padStart(2, "0");
	const minutes = Math.floor(whole / 60);
	return minutes < 60
		? `${minutes}:${pad(whole % 60)}`
		: `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(whole % 60)}`;
}

function formatAmount(
	amount: number,
	units: readonly string[],
	space: string,
): string {
	let value = amount;
	let unit = 0;
	while (value >= 999.5 && unit < units.length - 1) {
		value /= 1000;
		unit++;
	}
	const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
	return `${value.toFixed(digits)}${space}${units[unit]}`.trim();
}
