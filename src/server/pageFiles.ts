import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join, sep } from "node:path";
import type { FastifyInstance } from "fastify";

/** Where the page is built to; this file is two levels below the package's root, in src/ as in dist/. */
export const builtPage = join(import.meta.dirname, "..", "..", "dist", "web");

/** A file of the page, as it is answered with. */
interface PageFile {
	readonly bytes: Buffer;
	readonly headers: Readonly<Record<string, string>>;
}

const TYPES: Readonly<Record<string, string>> = {
	".html": "text/html; charset=utf-8",
	".js": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
	".woff2": "font/woff2",
};

/** Nothing from elsewhere, nothing inline; previews are `data:`, pictures of the gallery `blob:`. */
const POLICY = [
	"default-src 'none'",
	"script-src 'self'",
	"style-src 'self'",
	"font-src 'self'",
	"img-src 'self' data: blob:",
	"connect-src 'self'",
	"base-uri 'none'",
	"form-action 'none'",
	"frame-ancestors 'none'",
	"require-trusted-types-for 'script'",
	"trusted-types 'none'",
].join("; ");

/**
 * The files of the built page by the path that they are asked for; empty where it was not built. They are read once and looked up by their
 * whole path, so that no path leads to any other file.
 */
export function pageFiles(folder = builtPage): ReadonlyMap<string, PageFile> {
	const files = new Map<string, PageFile>();
	let names: string[];
	try {
		names = readdirSync(folder, { recursive: true, encoding: "utf8" });
	} catch {
		return files;
	}
	for (const name of names) {
		const type = TYPES[extname(name)];
		if (type === undefined) continue;
		const bytes = readFileSync(join(folder, name));
		const hash = createHash("sha256").update(bytes).digest("base64url");
		// the names of assets change with their content; the page itself is asked for again
		const hashed = name.startsWith(`assets${sep}`);
		files.set(name === "index.html" ? "/" : `/${name.replaceAll(sep, "/")}`, {
			bytes,
			headers: {
				"content-type": type,
				"content-security-policy": POLICY,
				"cache-control": hashed
					? "public, max-age=31536000, immutable"
					: "no-cache",
				etag: `"${hash.slice(0, 22)}"`,
			},
		});
	}
	return files;
}

/** Answers with the files of the page. */
export function addPage(
	app: FastifyInstance,
	files: ReadonlyMap<string, PageFile>,
): void {
	for (const [path, { bytes, headers }] of files)
		app.get(path, async (request, reply) => {
			reply.headers(headers);
			if (request.headers["if-none-match"] === headers.etag)
				return reply.code(304).send();
			return reply.send(bytes);
		});
}
