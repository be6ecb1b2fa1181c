import { expect, test } from "vitest";
import {
	FULL,
	parseStepState,
	type StepState,
	stepStateWord,
} from "../../src/propagation/stepState.js";
import { mersenneTwister } from "../../src/random/mersenneTwister.js";
import { planCost, type StateCosts } from "../../src/tuning/runs/planCost.js";
import { optimalPlans } from "../../src/tuning/search/optimalPlans.js";
import {
	type SegmentErrors,
	segmentIndex,
} from "../../src/tuning/search/segmentErrors.js";

const states = ["decoder", "nothing:1"].map((word) =>
	parseStepState(word, "test"),
);
const costs: StateCosts = {
	unit: "flops",
	costs: new Map([
		["full", 10],
		["decoder", 6],
		["nothing:1", 0],
	]),
};

function randomTable(
	evaluations: number,
	reach: number,
	seed: bigint,
): SegmentErrors {
	const generator = mersenneTwister(seed);
	const errors = Float64Array.from(
		{ length: evaluations * (reach + 1) * states.length * reach },
		() => generator.next() / 2 ** 32,
	);
	const table: SegmentErrors = {
		evaluations,
		reach,
		states,
		extrapolation: { order: 1, over: "timestep" },
		errors,
	};
	for (let k = 0; k < evaluations; k++)
		for (let before = 0; before <= reach; before++)
			for (let s = 0; s < states.length; s++)
				errors[segmentIndex(table, k, before, s, 0)] = 0;
	return table;
}

/** Error of a plan whose segments are each in one state, straight from the table; undefined where one is not. */
function tableError(
	table: SegmentErrors,
	plan: readonly StepState[],
): number | undefined {
	let sum = 0;
	let before = 0;
	for (let key = 0; key < plan.length; ) {
		let next = key + 1;
		while (next < plan.length && plan[next].run !== "full") next++;
		const length = next - key - 1;
		const own = new Set(plan.slice(key + 1, next).map(stepStateWord));
		if (own.size > 1 || length >= table.reach) return undefined;
		const [word] = own;
		const s = word
			? states.findIndex((state) => stepStateWord(state) === word)
			: 0;
		sum += table.errors[segmentIndex(table, key, before, s, length)];
		before = length + 1;
		key = next;
	}
	return sum;
}

test("dynamic programming finds the best of all plans, for every budget", () => {
	const evaluations = 7;
	for (const seed of [1n, 2n, 3n]) {
		const table = randomTable(evaluations, 4, seed);
		const all: { cost: number; error: number }[] = [];
		const choices = [FULL, ...states];
		for (let code = 0; code < 3 ** (evaluations - 1); code++) {
			const plan = [FULL];
			for (let i = 0, rest = code; i < evaluations - 1; i++) {
				plan.push(choices[rest % 3]);
				rest = Math.floor(rest / 3);
			}
			const error = tableError(table, plan);
			if (error === undefined) continue;
			const cost = plan.reduce(
				(sum, state) => sum + costs.costs.get(stepStateWord(state))!,
				0,
			);
			all.push({ cost, error });
		}
		const front = optimalPlans(table, costs);
		for (const budget of [70, 60, 52, 45, 30, 20]) {
			const least = Math.min(
				...all.filter(({ cost }) => cost <= budget).map(({ error }) => error),
			);
			const best = front
				.filter(({ plan }) => planCost(plan, costs) <= budget)
				.reduce((a, b) => (b.estimate < a.estimate ? b : a));
			expect(best.estimate ** 2).toBeCloseTo(least, 10);
			expect(tableError(table, best.plan.states)).toBeCloseTo(least, 10);
		}
	}
});

test("the front has no plan that costs more and errs more than another", () => {
	const front = optimalPlans(randomTable(9, 5, 4n), costs);
	for (const [n, { share, estimate, plan }] of front.entries()) {
		expect(planCost(plan, costs) / 90).toBeLessThanOrEqual(share + 1e-9);
		if (n === 0) continue;
		expect(share).toBeGreaterThan(front[n - 1].share);
		expect(estimate).toBeLessThan(front[n - 1].estimate);
	}
	expect(front.at(-1)?.estimate).toBe(0);
});
