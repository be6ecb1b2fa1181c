import { createHash } from "node:crypto";
import {
	createServer,
	type IncomingMessage,
	type Server,
	type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

/** A request as a server got it. */
export interface SeenRequest {
	readonly server: "hub" | "cdn";
	readonly method: string;
	readonly path: string;
	readonly headers: IncomingMessage["headers"];
}

/** What to do with a request instead of answering it rightly. */
export type Fault =
	| { readonly status: number; readonly headers?: Record<string, string> }
	/** Break the connection after that many bytes of the body. */
	| { readonly cutAfter: number }
	/** Send that many bytes of the body, then nothing more. */
	| { readonly stallAfter: number }
	/** Answer with this body. */
	| { readonly body: Uint8Array }
	| { readonly redirectTo: string };

export interface HubServer {
	readonly endpoint: string;
	readonly requests: SeenRequest[];
	/** Asked for every request; undefined answers it rightly. */
	fault: (request: SeenRequest) => Fault | undefined;
	/** ETag of the content network for a blob; not the blob's own name, as on the real one. */
	cdnEtag: (blob: string) => string;
	/** Answers like a mirror with ETags of its own, which say nothing of the content. */
	ownEtags: boolean;
	/** Changes the list of files before it is sent. */
	listing: (json: HubJson) => unknown;
	close(): Promise<void>;
}

export interface HubJson {
	id: string;
	sha: string;
	siblings: {
		rfilename: string;
		size?: number;
		blobId?: string;
		lfs?: { sha256: string; size: number };
	}[];
}

export const commit = "0123456789abcdef0123456789abcdef01234567";

export const sha256 = (bytes: Uint8Array) =>
	createHash("sha256").update(bytes).digest("hex");
export const gitSha1 = (bytes: Uint8Array) =>
	createHash("sha1")
		.update(`blob ${bytes.length}\0`)
		.update(bytes)
		.digest("hex");

/** Large files are stored by SHA-256 and served by the content network, as on the Hub. */
const isLarge = (path: string) => path.endsWith(".safetensors");
export const etagOf = (path: string, bytes: Uint8Array) =>
	isLarge(path) ? sha256(bytes) : gitSha1(bytes);

type RepoFiles = ReadonlyMap<string, Uint8Array>;

/** Two real HTTP servers that behave like the Hub and its content network, for one repository. */
export function startHub(repo: string, files: RepoFiles): Promise<HubServer> {
	return startHubOf(new Map([[repo, files]]));
}

/** The same for several repositories. */
export async function startHubOf(
	repos: ReadonlyMap<string, RepoFiles>,
): Promise<HubServer> {
	const blobs = new Map(
		[...repos.values()].flatMap((files) =>
			[...files].map(([path, bytes]) => [etagOf(path, bytes), bytes]),
		),
	);
	/** The repository that a path, behind this start, is about. */
	const repoOf = (path: string, start: string, end: string) =>
		[...repos.keys()].find((repo) => path.startsWith(`${start}${repo}${end}`));
	const requests: SeenRequest[] = [];

	const serve = (
		name: "hub" | "cdn",
		answer: (
			path: string,
			request: IncomingMessage,
			response: ServerResponse,
			fault: Fault | undefined,
		) => void,
	) =>
		listen(
			createServer((request, response) => {
				const seen = {
					server: name,
					method: request.method ?? "",
					path: request.url ?? "",
					headers: request.headers,
				};
				requests.push(seen);
				const fault = hub.fault(seen);
				if (fault && "status" in fault)
					response.writeHead(fault.status, fault.headers).end("no");
				else if (fault && "redirectTo" in fault)
					response.writeHead(302, { location: fault.redirectTo }).end();
				else answer(seen.path, request, response, fault);
			}),
		);

	const cdn = await serve("cdn", (path, request, response, fault) => {
		const blob = path.split("/").at(-1) ?? "";
		const bytes = blobs.get(blob);
		if (!bytes) return void response.writeHead(404).end();
		const etag = hub.cdnEtag(blob);
		const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
		const condition = request.headers["if-range"];
		const from =
			range && (!condition || condition === etag) ? Number(range[1]) : 0;
		const body = fault && "body" in fault ? fault.body : bytes.subarray(from);
		const headers = {
			etag,
			"accept-ranges": "bytes",
			"content-length": body.length,
		};
		if (from > 0)
			response.writeHead(206, {
				...headers,
				"content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
			});
		else response.writeHead(200, headers);
		send(response, body, fault);
	});

	const home = await serve("hub", (path, request, response, fault) => {
		const listed = repoOf(path, "/api/models/", "/revision/");
		if (listed) {
			const files = repos.get(listed) ?? new Map();
			const json: HubJson = {
				id: listed,
				sha: commit,
				siblings: [...files].map(([rfilename, bytes]) => ({
					rfilename,
					size: bytes.length,
					blobId: gitSha1(bytes),
					...(isLarge(rfilename)
						? { lfs: { sha256: sha256(bytes), size: bytes.length } }
						: {}),
				})),
			};
			response.writeHead(200, { "content-type": "application/json" });
			send(response, Buffer.from(JSON.stringify(hub.listing(json))), fault);
			return;
		}
		const cached = path.startsWith("/api/resolve-cache/");
		const before = cached ? "/api/resolve-cache/" : "/";
		const repo = repoOf(path, before, "/resolve/");
		const start = `${before}${repo}/resolve/`;
		const [revision, ...rest] = path.slice(start.length).split("/");
		const name = decodeURIComponent(rest.join("/"));
		const known =
			path.startsWith(start) && /^(main|[0-9a-f]{40})$/.test(revision);
		const bytes = known ? repos.get(repo ?? "")?.get(name) : undefined;
		if (!bytes)
			return void response
				.writeHead(404, { "x-error-code": "EntryNotFound" })
				.end();
		const etag = etagOf(name, bytes);
		if (hub.ownEtags) {
			response.writeHead(200, {
				etag: `"${bytes.length.toString(16)}-5a"`,
				"content-length": bytes.length,
			});
			response.end(request.method === "HEAD" ? undefined : bytes);
			return;
		}
		const headers = {
			"x-repo-commit": commit,
			"x-linked-etag": `"${etag}"`,
			"x-linked-size": bytes.length,
		};
		if (isLarge(name))
			response
				.writeHead(302, { ...headers, location: `${cdn.address}/xet/${etag}` })
				.end();
		else if (!cached)
			response
				.writeHead(307, { ...headers, location: `/api/resolve-cache${path}` })
				.end();
		else {
			const body = fault && "body" in fault ? fault.body : bytes;
			response.writeHead(200, {
				...headers,
				etag: `"${etag}"`,
				"content-length": body.length,
			});
			response.end(request.method === "HEAD" ? undefined : body);
		}
	});

	const hub: HubServer = {
		endpoint: home.address,
		requests,
		fault: () => undefined,
		ownEtags: false,
		cdnEtag: (blob) => `"cdn-${blob.slice(0, 8)}"`,
		listing: (json) => json,
		close: async () => {
			await Promise.all([home.close(), cdn.close()]);
		},
	};
	return hub;
}

/** Sends a body, or as much of it as the fault says. */
function send(
	response: ServerResponse,
	body: Uint8Array,
	fault: Fault | undefined,
): void {
	if (fault && "cutAfter" in fault)
		response.write(body.subarray(0, fault.cutAfter), () =>
			setTimeout(() => response.destroy(), 20),
		);
	else if (fault && "stallAfter" in fault)
		response.write(body.subarray(0, fault.stallAfter));
	else response.end(body);
}

async function listen(
	server: Server,
): Promise<{ address: string; close(): Promise<void> }> {
	await new Promise<void>((done) => {
		server.listen(0, "127.0.0.1", done);
	});
	return {
		address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		close: () =>
			new Promise((done) => {
				server.close(() => done());
				server.closeAllConnections();
			}),
	};
}
