import { expect, test } from "vitest";
import {
	formatBytes,
	formatCount,
	formatDuration,
} from "../../src/cli/formatAmount.js";
import {
	type ProgressBarOptions,
	progressBar,
} from "../../src/cli/progressBar.js";

/** A bar on a stream that is kept, with a clock that is set by hand. */
function drawn(
	options: Pick<ProgressBarOptions, "total" | "unit"> & {
		quiet?: boolean;
		isTTY?: boolean;
		columns?: number;
	},
) {
	const { isTTY = false, columns, ...rest } = options;
	const clock = { time: 0 };
	let text = "";
	const stream = {
		isTTY,
		...(columns ? { columns } : {}),
		write: (part: string) => {
			text += part;
		},
	};
	const bar = progressBar({
		label: "UNet",
		...rest,
		stream,
		now: () => clock.time,
	});
	return { bar, clock, text: () => text };
}

test("off a terminal there are few plain lines, and always the last", () => {
	const { bar, clock, text } = drawn({ total: 50, unit: "it" });
	for (let step = 0; step <= 50; step++) {
		clock.time = step * 500;
		bar.update(step);
	}
	bar.stop();
	bar.stop();
	const lines = text().trimEnd().split("\n");
	expect(lines[0]).toBe("UNet   0% 0/50 [0:00]");
	expect(lines[1]).toBe("UNet  10% 5/50 [0:03<0:23, 2.00 it/s]");
	expect(lines.at(-1)).toBe("UNet 100% 50/50 [0:25, 2.00 it/s]");
	expect(lines.length).toBeLessThanOrEqual(12);
	expect(text()).not.toMatch(/\r|\p{Cc}\[/u);
});

test("on a terminal one line is redrawn, not wider than the terminal", () => {
	const { bar, clock, text } = drawn({
		total: 4,
		unit: "it",
		isTTY: true,
		columns: 60,
	});
	for (let step = 1; step <= 4; step++) {
		clock.time = step * 5_000;
		bar.update(step, "encoder");
	}
	bar.stop();
	const frames = text().split("\r").slice(1);
	expect(frames.length).toBe(4);
	for (const frame of frames)
		expect(frame.replace("\u001b[2K", "").trimEnd().length).toBeLessThan(60);
	expect(frames[1]).toContain(
		"UNet  50% ███████░░░░░░░ 2/4 [0:10<0:10, 5.00 s/it] encoder",
	);
	expect(text().endsWith("\n")).toBe(true);
});

test("a terminal is not redrawn more than ten times a second", () => {
	const { bar, clock, text } = drawn({ total: 1000, unit: "it", isTTY: true });
	for (let step = 1; step <= 1000; step++) {
		clock.time = step;
		bar.update(step);
	}
	expect(text().split("\r").length - 1).toBeLessThanOrEqual(12);
});

test("bytes that were there at the start do not count in the rate", () => {
	const { bar, clock, text } = drawn({ total: 4e9, unit: "B" });
	bar.update(3e9, "unet");
	clock.time = 10_000;
	bar.update(3.5e9, "unet");
	bar.stop();
	expect(text().trimEnd().split("\n")[1]).toBe(
		"UNet  87% 3.50 GB/4.00 GB [0:10<0:10, 50.0 MB/s] unet",
	);
});

test("quiet writes nothing, and neither does a bar that never moved", () => {
	for (const quiet of [true, false]) {
		const { bar, text } = drawn({ total: 3, unit: "it", quiet });
		if (quiet) bar.update(3);
		bar.stop();
		expect(text()).toBe("");
	}
});

test("amounts have three digits", () => {
	expect(
		[0, 999, 999.6, 1234, 45_600_000, 999_600_000, 4_265_000_000].map(
			formatBytes,
		),
	).toEqual([
		"0 B",
		"999 B",
		"1.00 kB",
		"1.23 kB",
		"45.6 MB",
		"1.00 GB",
		"4.26 GB",
	]);
	expect([7, 1_500, 859_520_964].map(formatCount)).toEqual([
		"7",
		"1.50K",
		"860M",
	]);
	expect([0, 7.4, 754, 3723, Number.NaN].map(formatDuration)).toEqual([
		"0:00",
		"0:07",
		"12:34",
		"1:02:03",
		"?",
	]);
});
