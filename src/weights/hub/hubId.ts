import { UserError } from "../../errors/userError.js";

/** A model repository on the Hub, and the branch, tag or commit wanted. */
export interface HubId {
	/** "owner/name" */
	readonly repo: string;
	readonly revision: string;
}

const namePattern = "[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_-])?";
const idPattern = new RegExp(`^(${namePattern}/${namePattern})(?:@(.+))?$`);

/**
 * Parses `owner/name[@revision]`; undefined when it is not of that form.
 * @param revision goes before the one in `text`; "main" where neither says any.
 * @throws UserError when the revision cannot be one.
 */
export function parseHubId(text: string, revision?: string): HubId | undefined {
	const match = idPattern.exec(text);
	if (!match || /--|\.\./.test(match[1])) return undefined;
	const wanted = revision ?? match[2] ?? "main";
	if (!isRevision(wanted))
		throw new UserError(
			`"${wanted}" cannot be a revision of ${match[1]}: it is a branch, a tag or a commit`,
			{ code: "usage" },
		);
	return { repo: match[1], revision: wanted };
}

/** A git reference that is also safe as a relative path ("main", "fp16", "refs/pr/3", a commit). */
function isRevision(text: string): boolean {
	return (
		/^[A-Za-z0-9_][A-Za-z0-9_./+-]{0,199}$/.test(text) &&
		text.split("/").every((part) => !/^\.*$/.test(part))
	);
}

/** Whether a revision is a full commit hash, which never changes. */
export function isCommit(revision: string): boolean {
	return /^[0-9a-f]{40}$/.test(revision);
}
