/** The same for equal parts and options of a network, in whatever order their properties were written. */
export function sameKey(wanted: object): string {
	return JSON.stringify(
		Object.entries(wanted)
			.filter(([, value]) => value !== undefined)
			.sort(([a], [b]) => (a < b ? -1 : 1)),
	);
}
