import type { FastifyRequest } from "fastify";
import { HttpError } from "./httpError.js";
import type { ServerLimits } from "./limits.js";

/** A part of a form: a file's bytes, or a field's text. */
export interface FormPart {
	/** Without the brackets of lists: `image[]` is `image`. */
	readonly name: string;
	readonly file?: Uint8Array;
	readonly value?: unknown;
}

/**
 * The parts of a multipart/form-data body.
 * @throws HttpError where it is none, or malformed; fastify's errors where it is too large
 */
export async function readForm(
	request: FastifyRequest,
	{ body }: Pick<ServerLimits, "body">,
): Promise<FormPart[]> {
	if (!request.isMultipart())
		throw new HttpError(
			400,
			"bad_request",
			"the body is no multipart/form-data",
		);
	const parts: FormPart[] = [];
	let bytes = 0;
	try {
		for await (const part of request.parts()) {
			const name = part.fieldname.replace(/\[\d*\]$/, "");
			const file = part.type === "field" ? undefined : await part.toBuffer();
			bytes += file ? file.length : String(part.value).length;
			// each is bounded by itself as it comes
			if (bytes > body)
				throw new HttpError(
					413,
					"body_too_large",
					`the form has more than the ${body} bytes that this server takes`,
				);
			parts.push(file ? { name, file } : { name, value: part.value });
		}
	} catch (cause) {
		// the parser's own errors are about what the client sent
		if (
			cause instanceof HttpError ||
			(cause as { statusCode?: number }).statusCode
		)
			throw cause;
		throw new HttpError(400, "bad_request", "the form is malformed");
	}
	return parts;
}
