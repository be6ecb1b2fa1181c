import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

/** What a static server of the tests does. */
export interface SiteOptions {
	/** Folders by the first part of the path: `{ models: "/…/models" }`; "" is the root. */
	readonly folders: Readonly<Record<string, string>>;
	/** Sends the headers that make pages cross-origin isolated. */
	readonly isolated?: boolean;
	/** Sends files whole, whatever part is asked for. */
	readonly noRanges?: boolean;
	/** Lets pages of other origins read. */
	readonly cors?: boolean;
	/** What an answer waits for. */
	readonly before?: (request: IncomingMessage) => Promise<void> | undefined;
	/** Answers before files are looked for. */
	readonly answer?: (request: IncomingMessage) => SiteAnswer | undefined;
}

export interface SiteAnswer {
	readonly status?: number;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string | Uint8Array;
	/** Bytes after which the connection is cut. */
	readonly cutAfter?: number;
}

/** A static server on this machine. */
export interface Site extends AsyncDisposable {
	readonly url: string;
	/** What was asked for: "GET /models/emoji/model_index.json", with the range behind it. */
	readonly requests: string[];
	/** Of these, the ones that carried credentials. */
	readonly authorized: string[];
	close(): Promise<void>;
}

const TYPES: Readonly<Record<string, string>> = {
	".html": "text/html; charset=utf-8",
	".js": "text/javascript",
	".mjs": "text/javascript",
	".css": "text/css",
	".json": "application/json",
	".wasm": "application/wasm",
	".svg": "image/svg+xml",
	".png": "image/png",
};

export async function serveSite(options: SiteOptions): Promise<Site> {
	const requests: string[] = [];
	const authorized: string[] = [];
	const server: Server = createServer(async (request, response) => {
		const { pathname } = new URL(request.url ?? "/", "http://localhost");
		const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
		requests.push(
			`${request.method} ${request.url}${range ? ` ${range[0]}` : ""}`,
		);
		if (request.headers.authorization)
			authorized.push(`${request.method} ${request.url}`);
		const headers: Record<string, string> = {
			"cache-control": "no-store",
			...(options.isolated && {
				"cross-origin-opener-policy": "same-origin",
				"cross-origin-embedder-policy": "require-corp",
			}),
			...(options.cors && {
				"access-control-allow-origin": "*",
				"access-control-allow-headers": "range, authorization",
				"access-control-expose-headers": "content-range, content-length",
				"cross-origin-resource-policy": "cross-origin",
			}),
		};
		if (request.method === "OPTIONS") {
			response.writeHead(204, headers).end();
			return;
		}
		await options.before?.(request);
		const answer = options.answer?.(request);
		if (answer) {
			const { status = 200, body = "", cutAfter } = answer;
			response.writeHead(status, { ...headers, ...answer.headers });
			if (cutAfter === undefined) response.end(body);
			else
				response.write(body.slice(0, cutAfter), () =>
					setTimeout(() => response.destroy(), 20),
				);
			return;
		}
		const [, first] = pathname.split("/");
		const known = Object.hasOwn(options.folders, first);
		const folder = options.folders[known ? first : ""];
		const inside = decodeURIComponent(
			known ? pathname.slice(first.length + 1) : pathname,
		);
		const path = folder && join(folder, normalize(`/${inside}`));
		const file = path?.endsWith("/") ? `${path}index.html` : path;
		const status = file ? await stat(file).catch(() => undefined) : undefined;
		if (!file || !status?.isFile()) {
			response.writeHead(404, headers).end("not found");
			return;
		}
		const { size } = status;
		const from = range && !options.noRanges ? Number(range[1]) : 0;
		const to =
			range && !options.noRanges && range[2]
				? Math.min(Number(range[2]) + 1, size)
				: size;
		const part = range !== null && !options.noRanges;
		response.writeHead(part ? 206 : 200, {
			...headers,
			"content-type": TYPES[extname(file)] ?? "application/octet-stream",
			"content-length": String(to - from),
			...(part && { "content-range": `bytes ${from}-${to - 1}/${size}` }),
		});
		if (request.method === "HEAD" || to <= from) response.end();
		else createReadStream(file, { start: from, end: to - 1 }).pipe(response);
	});
	await new Promise<void>((resolve) =>
		server.listen(0, "127.0.0.1", () => resolve()),
	);
	const close = () =>
		new Promise<void>((resolve) => {
			server.close(() => resolve());
			server.closeAllConnections();
		});
	return {
		url: `http://localhost:${(server.address() as AddressInfo).port}`,
		requests,
		authorized,
		close,
		[Symbol.asyncDispose]: close,
	};
}
