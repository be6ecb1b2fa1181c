import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import {
	CallToolRequestSchema,
	type CallToolResult,
	ListToolsRequestSchema,
	type ProgressNotification,
	type Tool,
} from "@modelcontextprotocol/sdk/types.js";
import { OptionError } from "../errors/optionError.js";
import { requestSchema } from "../pipeline/optionForm.js";
import { encodeFinished, throwIfFailed } from "./api/finished.js";
import { toldError } from "./httpError.js";
import type { Job, Runner } from "./job.js";
import type { ServerLimits } from "./limits.js";
import type { ModelShelf } from "./models.js";
import { createQueue, type JobQueue } from "./queue.js";
import { jobRequest, optionsOfJson } from "./requestOptions.js";

export interface McpOptions {
	readonly shelf: ModelShelf;
	readonly runner: Runner;
	readonly limits: ServerLimits;
}

/** Everyone at the other end of the pipe is the same client. */
const OWNER = "mcp";

/** An MCP server whose tools draw; it is to be connected to a transport. Progress is told where a client asks for it. */
export function createMcpServer({ shelf, runner, limits }: McpOptions): {
	readonly server: Server;
	readonly queue: JobQueue;
} {
	const queue = createQueue({ runner, lanes: 1, limits });
	const server = new Server(
		{ name: "faster-diffusion", version: "1" },
		{ capabilities: { tools: {} } },
	);
	server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: tools() }));
	server.setRequestHandler(
		CallToolRequestSchema,
		async ({ params }, { signal, sendNotification }) => {
			const { name, arguments: given = {}, _meta } = params;
			try {
				if (name === "list_models") return models();
				if (name !== "draw")
					throw new OptionError("name", "there is no such tool");
				const { model, ...options } = given;
				if (model !== undefined && typeof model !== "string")
					throw new OptionError("model", "it is no text");
				const job = queue.submit(
					jobRequest(
						await optionsOfJson(options, limits),
						{ owner: OWNER, model },
						shelf,
						limits,
					),
				);
				// a client's cancellation is explicit here
				signal.addEventListener("abort", () => job.cancel());
				const token = _meta?.progressToken;
				if (token !== undefined)
					for await (const params of progressOf(job))
						await sendNotification({
							method: "notifications/progress",
							params: { progressToken: token, ...params },
						});
				await job.ended();
				throwIfFailed(job);
				return await drawn(job);
			} catch (error) {
				const { message } = toldError(error);
				return { isError: true, content: [{ type: "text", text: message }] };
			}
		},
	);

	function tools(): Tool[] {
		const { $schema: _, ...schema } = requestSchema();
		return [
			{
				name: "draw",
				description:
					"Draws pictures from a text with Stable Diffusion, and answers with them as PNG and with their settings.",
				inputSchema: {
					...(schema as Tool["inputSchema"]),
					properties: {
						...(schema.properties as Record<string, object>),
						model: {
							type: "string",
							enum: shelf.models.map(({ name }) => name),
							description: "which model draws (default: the first)",
						},
					},
				},
			},
			{
				name: "list_models",
				description:
					"The models that draw, with the options that they begin with.",
				inputSchema: { type: "object" },
			},
		];
	}

	function models(): CallToolResult {
		const list = shelf.models.map(({ name, pipeline }) => {
			const { width, height, steps, sampler, guidanceScale, keySteps } =
				pipeline.settings({ prompt: "" }).options;
			return { name, width, height, steps, sampler, guidanceScale, keySteps };
		});
		return { content: [{ type: "text", text: JSON.stringify(list) }] };
	}

	return { server, queue };
}

/** How far a job is, in network evaluations. */
async function* progressOf(
	job: Job,
): AsyncGenerator<Omit<ProgressNotification["params"], "progressToken">> {
	const { evaluations, options } = job.request;
	const total = evaluations * (options.numImages ?? 1);
	for await (const { event } of job.follow())
		if (event.type === "step")
			yield {
				progress: event.image * evaluations + event.step,
				total,
				message: `image ${event.image + 1}, step ${event.step} of ${event.steps}`,
			};
}

async function drawn({ images }: Job): Promise<CallToolResult> {
	const content: CallToolResult["content"] = [];
	for (const image of images) {
		const bytes = await encodeFinished(image, "png");
		content.push(
			{
				type: "image",
				mimeType: "image/png",
				data: Buffer.from(bytes).toString("base64"),
			},
			{ type: "text", text: image.parameters },
		);
	}
	return { content };
}
