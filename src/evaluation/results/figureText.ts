import type { Figure } from "./results.js";

/** "25.04 (24.80 to 25.31)", or the value alone where there is no interval. */
export function figureText(
	figure: Figure,
	digits: number,
	signed = false,
): string {
	const text = (value: number) => number(value, digits, signed);
	return figure.low === undefined || figure.high === undefined
		? text(figure.value)
		: `${text(figure.value)} (${text(figure.low)} to ${text(figure.high)})`;
}

function number(value: number, digits: number, signed: boolean): string {
	const text = Math.abs(value).toFixed(digits);
	const negative = value < 0 && Number(text) !== 0;
	return `${negative ? "−" : signed && Number(text) !== 0 ? "+" : ""}${text}`;
}

/** A figure in smaller units. */
export function scaled({ value, low, high }: Figure, factor: number): Figure {
	return {
		value: factor * value,
		...(low === undefined || high === undefined
			? {}
			: { low: factor * low, high: factor * high }),
	};
}
