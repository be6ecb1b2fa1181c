/** In a worker of the tests: answers the calls of the page that `bundledSite` makes. */
export function answerCalls(
	calls: Readonly<
		Record<
			string,
			(tell: (what: unknown) => void, ...args: never[]) => Promise<unknown>
		>
	>,
): void {
	addEventListener("message", async ({ data: { id, name, args } }) => {
		const tell = (told: unknown) => postMessage({ id, told });
		try {
			postMessage({
				id,
				answer: await calls[name](tell, ...(args as never[])),
			});
		} catch (error) {
			const { name, message, code, option } = error as Error & {
				code?: string;
				option?: string;
			};
			postMessage({ id, error: { name, message, code, option } });
		}
	});
}
