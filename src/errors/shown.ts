/** A value as an error shows it: short, on one line. */
export function shown(value: unknown): string {
	if (typeof value === "string") return JSON.stringify(value.slice(0, 60));
	if (typeof value === "function") return "a function";
	if (Array.isArray(value)) return "this list";
	if (typeof value === "object" && value !== null) return "this object";
	return String(value).slice(0, 60);
}
