import { expect, test } from "vitest";
import {
	costOf,
	kindOf,
	planCost,
} from "../../../web/src/timeline/stepCosts.js";

const costs = { full: 10, decoder: 6, "outer:1": 2, "nothing:0": 0 };

test("a plan's cost is that of its steps, beside as many full ones", () => {
	expect(planCost(["full", "decoder", "outer:1", "nothing:1"], costs)).toEqual({
		cost: 18,
		share: 18 / 40,
		speedup: 40 / 18,
		counts: { full: 1, decoder: 1, outer: 1, nothing: 1 },
	});
	expect(planCost(["full", "full"], costs).speedup).toBe(1);
});

test("steps before the start of a run cost nothing", () => {
	expect(planCost(["full", "decoder", "full", "full"], costs, 2)).toMatchObject(
		{
			cost: 20,
			share: 1,
		},
	);
});

test("states that have no cost of their own cost what their kind does", () => {
	expect(costOf("outer:7:kept", costs)).toBe(2);
	expect(costOf("nothing:2:denoised", costs)).toBe(0);
	expect(costOf("outer:1", { full: 10 })).toBe(10);
	expect(kindOf("outer:3")).toBe("outer");
});

test("a plan of fewer steps is held to the plain run that it takes the place of", () => {
	expect(planCost(["full", "nothing:1"], costs, 0, 4).speedup).toBe(4);
	expect(planCost(["full", "full"], costs, 1, 4).speedup).toBe(2);
});
