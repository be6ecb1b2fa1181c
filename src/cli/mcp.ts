import type { Command } from "commander";
import { neededPackage } from "../errors/neededPackage.js";
import { DEFAULT_LIMITS } from "../server/limits.js";
import { interruptSignal } from "./interrupt.js";
import { addShelfFlags, openShelf, type ShelfFlags } from "./serve.js";

const EXAMPLES = `
Examples:
  $ fdiff mcp                                            the embedded model, for a program that speaks MCP over stdio
  $ fdiff mcp --model sd15=stable-diffusion-v1-5/stable-diffusion-v1-5`;

/** `fdiff mcp`: draws for a program that speaks the Model Context Protocol over this process's stdin and stdout. */
export function addMcpCommand(program: Command): void {
	const command = program
		.command("mcp")
		.description("draw for a program that speaks MCP over stdio")
		.addHelpText("after", EXAMPLES)
		.action(serveMcp);
	addShelfFlags(command);
}

async function serveMcp(flags: ShelfFlags): Promise<void> {
	const signal = interruptSignal();
	const [{ createMcpServer }, { StdioServerTransport }] = await neededPackage(
		"@modelcontextprotocol/sdk",
		() =>
			Promise.all([
				import("../server/mcp.js"),
				import("@modelcontextprotocol/sdk/server/stdio.js"),
			]),
	);
	const { drawLocally } = await import("../server/drawLocally.js");
	// stdout is the protocol's
	const shelf = await openShelf({ ...flags, quiet: true }, signal);
	const { server, queue } = createMcpServer({
		shelf,
		runner: drawLocally(shelf),
		limits: DEFAULT_LIMITS,
	});
	const closed = new Promise<void>((resolve) => {
		server.onclose = resolve;
		signal.addEventListener("abort", () => resolve());
		process.stdin.once("end", resolve);
	});
	await server.connect(new StdioServerTransport());
	await closed;
	await queue.drain(0);
	await server.close();
	await shelf.release();
}
