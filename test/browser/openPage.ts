import type { Browser, BrowserContext, Page } from "playwright-core";

/** A page of `bundledSite`, whose worker can be called. */
export interface OpenPage {
	readonly page: Page;
	/** What the worker answers. @throws Error with the worker's message, `code` and `option`. */
	call<Answer>(name: string, ...args: readonly unknown[]): Promise<Answer>;
	/** What the worker answers, with what it told meanwhile; an error is its message. */
	tell(
		name: string,
		...args: readonly unknown[]
	): Promise<{
		readonly answer?: unknown;
		readonly error?: { readonly message: string; readonly option?: string };
		readonly told: readonly Record<string, unknown>[];
	}>;
}

type Called = Awaited<ReturnType<OpenPage["tell"]>>;

export async function openPage(
	browser: Browser | BrowserContext,
	url: string,
): Promise<OpenPage> {
	const page = await browser.newPage();
	await page.goto(url);
	await page.waitForFunction(() => "call" in globalThis);
	const tell: OpenPage["tell"] = (name, ...args) =>
		page.evaluate(
			([name, args]) =>
				(
					globalThis as unknown as {
						call(name: string, ...args: readonly unknown[]): Promise<Called>;
					}
				).call(name, ...args),
			[name, args] as const,
		);
	return {
		page,
		tell,
		async call<Answer>(name: string, ...args: readonly unknown[]) {
			const { answer, error } = await tell(name, ...args);
			if (error) throw Object.assign(new Error(error.message), error);
			return answer as Answer;
		},
	};
}
