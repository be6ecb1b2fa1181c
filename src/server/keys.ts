import { createHash, timingSafeEqual } from "node:crypto";
import { UserError } from "../errors/userError.js";

/** Who sends a request: his key's mark, or everyone's where no keys are asked for. */
export type OwnerOf = (authorization: string | undefined) => string | undefined;

const SHORTEST_KEY = 16;
const digest = (text: string) => createHash("sha256").update(text).digest();

/**
 * Keys as a file or an environment variable lists them: one a line, or separated by commas; lines that begin with # are notes.
 * @throws UserError when one is too short to be secret
 */
export function parseKeys(text: string): string[] {
	const keys = text
		.split(/[\n,]/)
		.map((line) => line.trim())
		.filter((line) => line !== "" && !line.startsWith("#"));
	for (const key of keys)
		if (key.length < SHORTEST_KEY || /\s/.test(key))
			throw new UserError(
				`a key must have at least ${SHORTEST_KEY} characters and no spaces; make one with: openssl rand -hex 32`,
				{ code: "usage" },
			);
	return keys;
}

/**
 * Tells requests apart by `Authorization: Bearer KEY`, or by the password of HTTP Basic as A1111's clients send it. Every key is compared,
 * in constant time.
 */
export function ownerByKey(keys: readonly string[]): OwnerOf {
	if (keys.length === 0) return () => "local";
	const known = keys.map((key) => {
		const hash = digest(key);
		return { hash, owner: hash.toString("hex").slice(0, 16) };
	});
	return (authorization = "") => {
		const hash = digest(keyOf(authorization));
		let owner: string | undefined;
		for (const one of known)
			if (timingSafeEqual(one.hash, hash)) owner = one.owner;
		return owner;
	};
}

function keyOf(authorization: string): string {
	const [, scheme = "", value = ""] =
		/^(Bearer|Basic) +(\S{1,1000})$/i.exec(authorization) ?? [];
	if (scheme.toLowerCase() !== "basic") return value;
	const text = Buffer.from(value, "base64").toString("utf8");
	return text.slice(text.indexOf(":") + 1);
}
