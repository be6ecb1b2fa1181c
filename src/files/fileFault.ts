import { UserError } from "../errors/userError.js";

const WORDS: Readonly<Record<string, string>> = {
	ENOENT: "there is no such file or folder",
	EACCES: "permission denied",
	EPERM: "permission denied",
	EISDIR: "it is a folder",
	ENOTDIR: "a part of the path is a file",
	EEXIST: "a part of the path is a file",
	EROFS: "the file system is read-only",
	ENOSPC: "the disk is full",
	EDQUOT: "the disk quota is used up",
	ENAMETOOLONG: "the name is too long",
	ELOOP: "its links go in a circle",
	EMFILE: "too many files are open",
};

/** What the operating system refused, in words a user knows; undefined for anything else than its usual refusals. */
export function fileFault(error: unknown): string | undefined {
	return error instanceof Error && "code" in error
		? WORDS[String(error.code)]
		: undefined;
}

/** The same; the error's own message where there are no better words. */
export function reasonOf(error: unknown): string {
	return (
		fileFault(error) ?? (error instanceof Error ? error.message : String(error))
	);
}

/**
 * The error of something that cannot be written.
 * @param what the path, or what else the user knows it by ("--output a/b.png")
 */
export function cannotWrite(what: string, cause: unknown): UserError {
	if (cause instanceof UserError) return cause;
	const missing =
		cause instanceof Error && "code" in cause && cause.code === "ENOENT";
	return new UserError(
		`${what} cannot be written: ${missing ? "its folder does not exist" : reasonOf(cause)}`,
		{ cause },
	);
}
