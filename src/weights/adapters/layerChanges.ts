import { elementCount } from "../../tensor/tensor.js";
import type {
	Factor,
	FactoredMatrix,
	TensorEntry,
	WeightChange,
} from "../formats/weights.js";
import type { AdapterPart } from "./adapterNames.js";

/** A change without how much of it the user wants. */
export type LayerChange = Omit<WeightChange, "strength">;

/** What an adapter has for one layer. */
export interface LayerParts {
	/** The names of its tensors. */
	readonly parts: ReadonlyMap<AdapterPart, string>;
	readonly tensors: ReadonlyMap<string, TensorEntry>;
	/** Shapes of the layer's own weight and bias. */
	readonly weight: readonly number[];
	readonly bias: readonly number[] | undefined;
	/** What the change is multiplied by: of its rank, or 1 without one. */
	readonly scale: (rank: number | undefined) => number;
}

/**
 * The changes that an adapter's tensors make to one layer. A layer may have several: a LoRA and a full difference of its bias.
 * @returns what does not fit, as words before "of LAYER", where shapes are not the layer's
 */
export function layerChanges(
	given: LayerParts,
): readonly LayerChange[] | string {
	const { weight, bias, scale } = given;
	const factor = (part: AdapterPart): Factor | undefined => {
		const name = given.parts.get(part);
		const shape =
			name === undefined ? undefined : given.tensors.get(name)?.shape;
		return name === undefined || !shape ? undefined : { name, shape };
	};
	const kernel = elementCount(weight.slice(2));
	const wanted = [weight[0], elementCount(weight.slice(1))];
	const changes: LayerChange[] = [];
	const put = (
		matrices: LayerChange["matrices"],
		join: LayerChange["join"],
		rank: number | undefined,
	): string | undefined => {
		const dims = matrices.map((matrix) => matrix && matrixDims(matrix, kernel));
		const [first, second] = dims;
		const made =
			first && second && join === "kronecker"
				? [first[0] * second[0], first[1] * second[1]]
				: first;
		const fits =
			dims.every((one) => one !== undefined) &&
			made?.join() === wanted.join() &&
			(join !== "hadamard" || second?.join() === wanted.join());
		if (!fits) return misfit(matrices);
		changes.push({
			of: "weight",
			matrices,
			...(join && { join }),
			scale: scale(rank),
			...magnitudeOf(factor, weight),
		});
		return undefined;
	};

	const [down, up] = [factor("down"), factor("up")];
	const problems: (string | undefined)[] = [];
	if (down && up)
		problems.push(
			put([{ up, down, core: factor("mid") }], undefined, down.shape[0]),
		);
	else if (down || up) return "only one of two factors is there";
	const loha = (
		["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"] as const
	).map(factor);
	if (loha.some((one) => one)) {
		const [a1, b1, a2, b2] = loha;
		if (!a1 || !b1 || !a2 || !b2) return "only some of four factors are there";
		const cores = [factor("hada_t1"), factor("hada_t2")];
		problems.push(
			put(
				[tucker(a1, b1, cores[0]), tucker(a2, b2, cores[1])],
				"hadamard",
				b1.shape[0],
			),
		);
	}
	const [left, right] = [
		lokrSide(factor, "lokr_w1"),
		lokrSide(factor, "lokr_w2"),
	];
	if (left && right)
		problems.push(
			put([left, right], "kronecker", rankOf(left) ?? rankOf(right)),
		);
	else if (left || right) return "only one of two Kronecker factors is there";
	const diff = factor("diff");
	if (diff) problems.push(put([{ whole: diff }], undefined, undefined));
	// PEFT's `lora_bias` is scaled as the factor that it belongs to
	for (const [part, amount] of [
		["diff_b", 1],
		["up_bias", scale(down?.shape[0])],
	] as const) {
		const whole = factor(part);
		if (!whole) continue;
		if (!bias || elementCount(whole.shape) !== elementCount(bias))
			return `the difference of the bias [${whole.shape.join(", ")}] is not that`;
		changes.push({ of: "bias", matrices: [{ whole }], scale: amount });
	}
	return problems.find((problem) => problem !== undefined) ?? changes;
}

function tucker(
	up: Factor,
	down: Factor,
	core: Factor | undefined,
): FactoredMatrix {
	return core ? { up, down, core, upTransposed: true } : { up, down };
}

function lokrSide(
	factor: (part: AdapterPart) => Factor | undefined,
	side: "lokr_w1" | "lokr_w2",
): FactoredMatrix | undefined {
	const whole = factor(side);
	if (whole) return { whole };
	const [up, down] = [factor(`${side}_a`), factor(`${side}_b`)];
	if (!up || !down) return undefined;
	return tucker(up, down, side === "lokr_w2" ? factor("lokr_t2") : undefined);
}

function rankOf(matrix: FactoredMatrix): number | undefined {
	return "whole" in matrix ? undefined : matrix.down.shape[0];
}

/** `[rows, columns]` of a matrix; undefined where its factors do not fit each other. */
function matrixDims(
	matrix: FactoredMatrix,
	kernel: number,
): readonly [number, number] | undefined {
	const flat = ({ shape }: Factor) =>
		[shape[0] ?? 1, elementCount(shape.slice(1))] as const;
	if ("whole" in matrix) return flat(matrix.whole);
	const { core, upTransposed } = matrix;
	const [a, b] = flat(matrix.up);
	const [rows, rank] = upTransposed ? [b, a] : [a, b];
	const [downRank, columns] = flat(matrix.down);
	if (!core) return rank === downRank ? [rows, columns] : undefined;
	const fits =
		core.shape[0] === rank &&
		core.shape[1] === downRank &&
		elementCount(core.shape.slice(2)) === kernel;
	return fits ? [rows, columns * kernel] : undefined;
}

function misfit(matrices: LayerChange["matrices"]): string {
	const shapes = matrices.flatMap((matrix) => {
		if (!matrix) return [];
		return "whole" in matrix
			? [matrix.whole.shape]
			: [matrix.up.shape, matrix.down.shape];
	});
	return `its tensors [${shapes.map((shape) => shape.join(", ")).join("] and [")}] are not those`;
}

/** DoRA's magnitudes: of PEFT always one a row; of LyCORIS one a row or, in its older files, one an input channel, told by their shape. */
function magnitudeOf(
	factor: (part: AdapterPart) => Factor | undefined,
	weight: readonly number[],
): Pick<LayerChange, "magnitude"> {
	const rows = factor("rowMagnitude");
	if (rows) return { magnitude: { factor: rows, of: "rows" } };
	const either = factor("magnitude");
	if (!either) return {};
	const ofRows =
		either.shape[0] === weight[0] && elementCount(either.shape) === weight[0];
	return { magnitude: { factor: either, of: ofRows ? "rows" : "inputs" } };
}
