/** Parts of descriptions by OpenAPI 3.1, as its documents have them. */
export const jsonContent = (schema: object) => ({
	"application/json": { schema },
});
export const schemaRef = (name: string) => ({
	$ref: `#/components/schemas/${name}`,
});
export const answer = (description: string, content?: object) => ({
	description,
	...(content && { content }),
});
export const jsonBody = (schema: object) => ({
	required: true,
	content: jsonContent(schema),
});
export const formBody = (properties: object, required: readonly string[]) => ({
	required: true,
	content: {
		"multipart/form-data": { schema: { type: "object", properties, required } },
	},
});
export const pathParameter = (name: string, schema: object) => ({
	name,
	in: "path",
	required: true,
	schema,
});
export const binary = { type: "string", format: "binary" } as const;
export const text = { type: "string" } as const;

/** Paths of a description, each with its methods. */
export type Paths = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
