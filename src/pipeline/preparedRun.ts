import type { Session } from "../runtime/session.js";
import type { Tensor } from "../tensor/tensor.js";
import type { NetworkUser } from "./networkHost.js";

/** Makes networks ready for inputs of some sizes, all at the same time; it counts as waiting for them to be loaded. */
export async function prepareTogether(
	users: readonly NetworkUser[],
	networks: readonly (readonly [
		Session,
		Readonly<Record<string, Pick<Tensor, "dims">>>,
	])[],
): Promise<void> {
	const started = performance.now();
	await Promise.all(
		networks.map(([session, sizes]) => session.prepare?.(sizes)),
	);
	const seconds = (performance.now() - started) / 1000;
	for (const { onWaited } of users) onWaited?.(seconds);
}

export async function runPrepared(
	session: Session,
	inputs: Parameters<Session["run"]>[0],
	users: readonly NetworkUser[],
): Promise<Record<string, Tensor>> {
	if (session.prepare) await prepareTogether(users, [[session, inputs]]);
	return session.run(inputs);
}
