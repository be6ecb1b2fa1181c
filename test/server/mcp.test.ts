import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { afterAll, expect, test } from "vitest";
import { decodeImage } from "../../src/image/nodeImageFile.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import { root, tinySd } from "../cli/runProgram.js";
import { long, quick } from "./startServer.js";

const client = new Client({ name: "test", version: "1" });
await client.connect(
	new StdioClientTransport({
		command: process.execPath,
		args: [
			join(root, "dist/cli/main.js"),
			"mcp",
			"--model",
			`tiny=${tinySd}`,
			"--threads",
			"1",
		],
		stderr: "inherit",
	}),
);
afterAll(() => client.close());

interface Content {
	readonly type: string;
	readonly text?: string;
	readonly data?: string;
}
const draw = async (options: object, ...more: unknown[]) => {
	const result = await client.callTool(
		{ name: "draw", arguments: { ...options } },
		undefined,
		...(more as [object]),
	);
	return { isError: result.isError, content: result.content as Content[] };
};

test("the tools are told with the options' schema", async () => {
	const { tools } = await client.listTools();
	expect(tools.map(({ name }) => name)).toEqual(["draw", "list_models"]);
	expect(tools[0].inputSchema.properties).toMatchObject({
		steps: { type: "integer" },
		model: { enum: ["tiny"] },
	});
	const models = await client.callTool({ name: "list_models" });
	expect(
		JSON.parse((models.content as Content[])[0].text ?? "")[0],
	).toMatchObject({ name: "tiny", steps: 20 });
});

test("draw answers with the library's image, and tells its progress", async () => {
	const heard: unknown[] = [];
	const { content } = await draw(quick, {
		onprogress: ({ progress, total }: { progress: number; total?: number }) =>
			heard.push([progress, total]),
	});
	const pipeline = await loadPipeline(tinySd, { threads: 1 });
	const [image] = await pipeline.generate(quick);
	await pipeline.release();
	expect(
		(await decodeImage(Buffer.from(content[0].data ?? "", "base64"), "image"))
			.data,
	).toEqual(image.image.data);
	expect(content[1].text).toBe(image.parameters);
	expect(heard).toEqual([
		[1, 3],
		[2, 3],
		[3, 3],
	]);
});

test("wrong options are told as errors of the tool", async () => {
	const { isError, content } = await draw({ ...quick, steps: 0 });
	expect(isError).toBe(true);
	expect(content[0].text).toMatch(/^steps: 0 is not/);
});

test("a call that its client cancels makes room for the next", async () => {
	const stop = new AbortController();
	const stopped = draw(long, {
		signal: stop.signal,
		onprogress: () => stop.abort("enough"),
	});
	await expect(stopped).rejects.toThrow("enough");
	expect((await draw(quick)).content).toHaveLength(2);
});
