/** Line icons of 20 × 20, in the colour of the text around them. They are never the only name of a control. */
const PATHS = {
	again:
		"M4 10a6 6 0 0 1 10.4-4.1L16 7.5M16 4v3.5h-3.5M16 10a6 6 0 0 1-10.4 4.1L4 12.5M4 16v-3.5h3.5",
	brush:
		"M4 16c2.5 0 4-1 4-3l7-8.5M8 13l-1-1M4 16c.8-.8 1-1.6 1-2.4A1.8 1.8 0 0 1 8 13",
	close: "M5.5 5.5l9 9M14.5 5.5l-9 9",
	copy: "M7.5 7.5h8v8h-8zM12.5 7.5v-3h-8v8h3",
	dice: "M6 4h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zM7.4 7.4h.2v.2h-.2zM12.4 7.4h.2v.2h-.2zM7.4 12.4h.2v.2h-.2zM12.4 12.4h.2v.2h-.2z",
	done: "M4.5 10.5l3.5 3.5 7.5-8",
	down: "M6 8l4 4 4-4",
	file: "M6 3.5h5l3.5 3.5v9.5h-8.5zM11 3.5v3.5h3.5",
	moon: "M15.5 11.8A6 6 0 0 1 8.2 4.5a6 6 0 1 0 7.3 7.3z",
	save: "M10 4v8M6.5 9l3.5 3.5L13.5 9M4.5 16h11",
	sun: "M10 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM10 3v1.5M10 15.5V17M3 10h1.5M15.5 10H17M5 5l1 1M14 14l1 1M15 5l-1 1M6 14l-1 1",
	trash: "M5 6.5h10M8 6.5v-2h4v2M6.5 6.5l.5 9h6l.5-9",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
	return (
		<svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
			<path d={PATHS[name]} />
		</svg>
	);
}

/** The mark of the page: four steps, two of them full. */
export function Mark() {
	return (
		<svg class="mark" viewBox="0 0 22 22" aria-hidden="true">
			<rect class="full" x="1" y="2" width="4" height="18" rx="1.5" />
			<rect class="less" x="6.7" y="9" width="4" height="11" rx="1.5" />
			<rect class="full" x="12.3" y="2" width="4" height="18" rx="1.5" />
			<rect class="less" x="18" y="9" width="4" height="11" rx="1.5" />
		</svg>
	);
}
