import { OptionError } from "../errors/optionError.js";
import { UserError } from "../errors/userError.js";
import { MODEL_OPTIONS } from "../pipeline/modelOptions.js";

/** Something that a request is refused for, beside wrong options. */
export class HttpError extends Error {
	override readonly name = "HttpError";
	constructor(
		readonly status: number,
		/** Stable, for programs. */
		readonly code: string,
		message: string,
		/** Seconds after which it is worth trying again. */
		readonly retryAfter?: number,
	) {
		super(message);
	}
}

/** What a client is told of an error. */
export interface ToldError {
	readonly status: number;
	readonly code: string;
	readonly message: string;
	/** The option that is wrong, as the library spells it. */
	readonly option?: string;
	readonly retryAfter?: number;
	/** Whether it is the server's own fault, of which the client is told nothing more. */
	readonly internal?: true;
}

/** A failure that clients are to be told as it is: it was worded where it happened. */
export class ToldFailure extends Error {
	override readonly name = "ToldFailure";
	constructor(readonly told: ToldError) {
		super(told.message);
	}
}

/** Kinds of `UserError` that are about what the client sent; others are about this server's files and memory. */
const OF_THE_CLIENT = new Set([
	"invalid_option",
	"usage",
	"invalid_input",
	"unsupported",
	"not_finite",
]);

const INTERNAL: ToldError = {
	status: 500,
	code: "internal_error",
	message: "the server failed at this; its log says more",
	internal: true,
};

/** What a client is told of whatever was thrown: no paths, no stack traces. */
export function toldError(error: unknown): ToldError {
	if (error instanceof ToldFailure) return error.told;
	if (error instanceof OptionError)
		return {
			status: 400,
			code: error.code,
			message: withoutPaths(error.message),
			option: error.option,
		};
	if (error instanceof HttpError) {
		const { status, code, message, retryAfter } = error;
		return { status, code, message, retryAfter };
	}
	if (error instanceof UserError)
		return OF_THE_CLIENT.has(error.code)
			? { status: 400, code: error.code, message: withoutPaths(error.message) }
			: { ...INTERNAL, code: error.code };
	const { statusCode, code } = (error ?? {}) as {
		statusCode?: unknown;
		code?: unknown;
	};
	// of fastify and its plugins: bodies too large, malformed, of another type
	if (
		typeof statusCode === "number" &&
		statusCode >= 400 &&
		statusCode < 500 &&
		error instanceof Error
	)
		return {
			status: statusCode,
			code: typeof code === "string" ? code.toLowerCase() : "bad_request",
			message: withoutPaths(error.message),
		};
	return INTERNAL;
}

/**
 * What a client is told of whatever ended a job. What the client asked for was taken before: a device or an engine that fails now is the
 * server's own.
 */
export function toldJobError(error: unknown): ToldError {
	const ofServer =
		error instanceof OptionError
			? Object.hasOwn(MODEL_OPTIONS, error.option)
			: error instanceof UserError && error.code === "unsupported";
	return ofServer ? INTERNAL : toldError(error);
}

/** Absolute paths, of Unix and Windows, are cut to their last part. */
function withoutPaths(message: string): string {
	return message.replace(
		/(?<![\w.:/\\])(?:[A-Za-z]:)?(?:[\\/][\w.@+~-]+)+[\\/]([\w.@+~-]+)/g,
		"$1",
	);
}
