import {
	type Capabilities,
	type FinishedPicture,
	type PictureOptions,
	type PictureParameters,
	type PictureRun,
	type PictureSource,
	type RunEvent,
	type RunOutline,
	SourceError,
	type StepTaken,
} from "../pictureSource.js";
import { serverEvents } from "./serverEvents.js";

/** How often a stream of events that broke off is taken up again. */
const RETRIES = 5;
const RETRY_MS = 500;

/** A job as the server tells of it. */
interface JobNote {
	readonly id: string;
	readonly links: { readonly events: string; readonly cancel: string };
}

/** An image as the server tells of it: its files by format. */
type ImageNote = Omit<FinishedPicture, "png"> & {
	readonly urls: { readonly png: string };
};

/** The native API of the server that the page came from. */
export function httpSource(base = ""): PictureSource {
	let key: string | undefined;

	async function ask(path: string, init: RequestInit = {}): Promise<Response> {
		const headers = new Headers(init.headers);
		if (key) {
			// no header holds it, and no server has it
			if (/[^!-\xff]/.test(key))
				throw new SourceError("this is no key", "unauthorized");
			headers.set("authorization", `Bearer ${key}`);
		}
		let response: Response;
		try {
			response = await fetch(`${base}${path}`, { ...init, headers });
		} catch (cause) {
			if (init.signal?.aborted) throw cause;
			throw new SourceError("the server does not answer", "unreachable");
		}
		if (!response.ok) throw await refusal(response);
		return response;
	}

	async function askJson<Answer>(
		path: string,
		body?: unknown,
		signal?: AbortSignal,
	): Promise<Answer> {
		const response = await ask(path, {
			signal,
			...(body !== undefined && {
				method: "POST",
				headers: { "content-type": "application/json" },
				body: JSON.stringify(body),
			}),
		});
		return (await response.json()) as Answer;
	}

	/** The events of a job to its last one; a stream that breaks off is taken up where it ended. */
	async function* follow(job: JobNote): AsyncGenerator<RunEvent> {
		let last = 0;
		for (let tries = 0; ; tries++) {
			try {
				const { body } = await ask(job.links.events, {
					headers: { "last-event-id": String(last) },
				});
				if (!body) throw new SourceError("the answer is empty", "bad_answer");
				for await (const { id, type, data } of serverEvents(body)) {
					const event = await eventOf(type, data);
					// once its picture is here too
					last = id;
					tries = 0;
					if (event) yield event;
					if (event && isLast(event)) return;
				}
			} catch (error) {
				if (error instanceof SourceError && error.code !== "unreachable")
					throw error;
			}
			if (tries >= RETRIES)
				throw new SourceError("the server does not answer", "unreachable");
			await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
		}
	}

	async function eventOf(
		type: string,
		data: unknown,
	): Promise<RunEvent | undefined> {
		const fields = data as Readonly<Record<string, unknown>>;
		switch (type) {
			case "image": {
				const { urls, ...note } = data as ImageNote;
				const png = await (await ask(urls.png)).blob();
				return { type, picture: { ...note, png } };
			}
			case "failed":
				return { type, error: told(fields.error) };
			case "step":
				return { ...(fields as unknown as Omit<StepTaken, "type">), type };
			case "queued":
			case "started":
			case "loading":
			case "warning":
			case "done":
			case "cancelled":
				return { ...fields, type } as RunEvent;
		}
		// events that later servers tell
		return undefined;
	}

	return {
		useKey: (given) => {
			key = given;
		},
		capabilities: () => askJson<Capabilities>("/api/options"),
		outline: (options, signal) =>
			askJson<RunOutline>("/api/settings", options, signal),
		submit(options: PictureOptions, extra = {}): PictureRun {
			const job = askJson<JobNote>("/api/jobs", { ...options, ...extra });
			// it is told by the events
			job.catch(() => undefined);
			return {
				events: (async function* (): AsyncGenerator<RunEvent> {
					try {
						yield* follow(await job);
					} catch (error) {
						yield { type: "failed", error: asSourceError(error) };
					}
				})(),
				async cancel() {
					try {
						await ask((await job).links.cancel, { method: "POST" });
					} catch {
						// it was refused, or has ended before
					}
				},
			};
		},
		async parameters(file) {
			const form = new FormData();
			form.append("image", file, "picture");
			const response = await ask("/api/parameters", {
				method: "POST",
				body: form,
			});
			return (await response.json()) as PictureParameters;
		},
	};
}

const isLast = ({ type }: RunEvent) =>
	type === "done" || type === "failed" || type === "cancelled";

async function refusal(response: Response): Promise<SourceError> {
	const wait = Number(response.headers.get("retry-after"));
	try {
		const { error } = (await response.json()) as { readonly error: unknown };
		return told(error, wait > 0 ? wait : undefined);
	} catch {
		return new SourceError(
			`the server answers with ${response.status}`,
			"bad_answer",
		);
	}
}

function told(error: unknown, retryAfter?: number): SourceError {
	const { message, code, option } = error as SourceError;
	return new SourceError(message, code, option, retryAfter);
}

function asSourceError(error: unknown): SourceError {
	return error instanceof SourceError
		? error
		: new SourceError(String(error), "internal_error");
}
