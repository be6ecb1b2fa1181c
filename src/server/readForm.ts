import type { FastifyRequest } from "fastify";
import { HttpError } from "./httpError.js";

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
export async function readForm(request: FastifyRequest): Promise<FormPart[]> {
	if (!request.isMultipart())
		throw new HttpError(
			400,
			"bad_request",
			"the body is no multipart/form-data",
		);
	const parts: FormPart[] = [];
	try {
		for await (const part of request.parts()) {
			const name = part.fieldname.replace(/\[\d*\]$/, "");
			parts.push(
				part.type === "field"
					? { name, value: part.value }
					: { name, file: await part.toBuffer() },
			);
		}
	} catch (cause) {
		// the parser's own errors are about what the client sent
		if ((cause as { statusCode?: number }).statusCode) throw cause;
		throw new HttpError(400, "bad_request", "the form is malformed");
	}
	return parts;
}
