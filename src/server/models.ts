import { OptionError } from "../errors/optionError.js";
import { UserError } from "../errors/userError.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import { trimMemory } from "../runtime/nodeTrimMemory.js";

/** A model that is served, by the name that clients call it. */
export interface ServedModel {
	readonly name: string;
	readonly pipeline: Pipeline;
}

export interface ModelShelf {
	/** All of them; the first is taken where a request names none. */
	readonly models: readonly ServedModel[];
	/** @throws OptionError where there is none of this name */
	named(name: string | undefined): ServedModel;
	/** Works with a model; those used longest ago give their memory back first where all together would be over the budget. */
	use<T>(name: string, work: (pipeline: Pipeline) => Promise<T>): Promise<T>;
	release(): Promise<void>;
}

/** Models by name, whose networks together take at most so many bytes of memory (more only for one model, or while jobs run on them). */
export function modelShelf(
	models: readonly ServedModel[],
	memoryBudget: number,
): ModelShelf {
	if (new Set(models.map(({ name }) => name)).size < models.length)
		throw new UserError("two models are served under the same name", {
			code: "usage",
		});
	/** In the order of their last use. */
	const loaded = new Map<string, { users: number }>();
	const named: ModelShelf["named"] = (name) => {
		const model =
			name === undefined
				? models[0]
				: models.find((served) => served.name === name);
		if (!model)
			throw new OptionError(
				"model",
				`${JSON.stringify(name?.slice(0, 60))} is not served here; there is ${models.map((served) => served.name).join(", ")}`,
			);
		return model;
	};
	const bytesOf = (names: Iterable<string>) =>
		[...names].reduce(
			(sum, name) => sum + named(name).pipeline.networkBytes,
			0,
		);
	return {
		models,
		named,
		async use(name, work) {
			const { pipeline } = named(name);
			const use = loaded.get(name) ?? { users: 0 };
			use.users++;
			loaded.delete(name);
			loaded.set(name, use);
			try {
				let released = false;
				for (const [other, { users }] of [...loaded])
					if (bytesOf(loaded.keys()) > memoryBudget && users === 0) {
						loaded.delete(other);
						await named(other).pipeline.release();
						released = true;
					}
				if (released) await trimMemory();
				return await work(pipeline);
			} finally {
				use.users--;
			}
		},
		async release() {
			for (const { pipeline } of models) await pipeline.release();
		},
	};
}
