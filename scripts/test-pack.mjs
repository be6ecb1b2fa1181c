// Packs the package, installs the tarball into an empty project and uses it there: the command line, and a TypeScript program
// that imports the library and is type-checked. Also looks at what is in the tarball and how large it is.
import { spawnSync } from "node:child_process";
import {
	existsSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const project = mkdtempSync(join(tmpdir(), "fdiff-pack-"));

/** Runs a command in the project; its stdout. Anything but success ends the test. */
function run(command, words, cwd = project) {
	const { status, stdout, stderr } = spawnSync(command, words, {
		cwd,
		encoding: "utf8",
		shell: process.platform === "win32",
		env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" },
		maxBuffer: 2 ** 28,
	});
	if (status !== 0)
		throw new Error(
			`${command} ${words.join(" ")} ended with ${status}:\n${stdout}\n${stderr}`,
		);
	return stdout;
}

function check(condition, what) {
	if (!condition) throw new Error(what);
}

/** The tarball's listing: what users need is in it, and nothing else. */
function checkListing({ files, size, unpackedSize }) {
	const paths = files.map(({ path }) => path);
	for (const needed of [
		"package.json",
		"README.md",
		"LICENSE",
		"dist/index.js",
		"dist/index.d.ts",
		"dist/cli/main.js",
		"dist/web/index.html",
		"models/emoji/model_index.json",
		"models/emoji/unet/config.json",
		"models/clip-tokenizer/merges.txt.gz",
	])
		check(paths.includes(needed), `${needed} is not in the package`);
	check(
		paths.some((path) => /^models\/emoji\/unet\/.*\.safetensors$/.test(path)),
		"the embedded model's weights are not in the package",
	);
	const other = paths.filter(
		(path) =>
			!/^(package\.json|README\.md|LICENSE|dist\/|models\/[^/]+\/([^/]+$|(unet|vae|text_encoder|tokenizer|scheduler|plans|feature_extractor|image_encoder|lora|controlnet-edges)\/))/.test(
				path,
			),
	);
	check(
		other.length === 0,
		`these have no place in the package: ${other.join(", ")}`,
	);
	check(size < 64e6, `the tarball has ${size} bytes, more than 64 MB`);
	console.log(
		`pack: ${paths.length} files, ${(size / 1e6).toFixed(1)} MB (${(unpackedSize / 1e6).toFixed(1)} MB unpacked)`,
	);
}

const program = `import { loadPipeline, writeImage, type GeneratedImage } from "faster-diffusion";

const pipeline = await loadPipeline();
const images: GeneratedImage[] = [];
for await (const event of pipeline.stream({ prompt: "red apple", steps: 2, seed: 1n }))
	if (event.kind === "image") images.push(event.result);
await writeImage("library.png", images[0].image);
new Blob([await images[0].encode("png")]);
const width: number = images[0].image.width;
if (width !== 128) throw new Error(String(width));
// @ts-expect-error: a typo is found
await pipeline.generate({ promt: "x" });
`;

try {
	run(process.execPath, [join(root, "scripts/setup.mjs")], root);
	const [packed] = Object.values(
		JSON.parse(
			run(
				"npm",
				["pack", "--json", "--ignore-scripts", "--pack-destination", project],
				root,
			),
		),
	);
	checkListing(packed);
	writeFileSync(
		join(project, "package.json"),
		'{"name":"empty","version":"1.0.0","private":true,"type":"module"}',
	);
	run("npm", [
		...["install", "--prefer-offline", "--no-audit", "--no-fund"],
		`./${packed.filename}`,
	]);
	run("npx", [
		"--no-install",
		"fdiff",
		"red apple",
		"--steps",
		"2",
		"--seed",
		"1",
		"--output",
		"command.png",
	]);
	check(existsSync(join(project, "command.png")), "fdiff wrote no image");

	for (const name of ["vega", "vega-lite", "bullmq", "ioredis", "ml-pca"])
		check(
			!existsSync(join(project, "node_modules", name)),
			`${name} is installed, which drawing does not need`,
		);
	const plotted = spawnSync(
		"npx",
		["--no-install", "fdiff", "analyze", "red apple", "--out", "analysis"],
		{ cwd: project, encoding: "utf8", shell: process.platform === "win32" },
	);
	check(
		plotted.status === 1 &&
			plotted.stderr.includes("npm install vega vega-lite") &&
			!existsSync(join(project, "analysis")),
		`analyze does not say which packages it needs:\n${plotted.stderr}`,
	);

	writeFileSync(join(project, "program.ts"), program);
	run(process.execPath, [
		join(root, "node_modules/typescript/bin/tsc"),
		...["--strict", "--target", "es2023", "--module", "nodenext"],
		...["--types", "", "program.ts"],
	]);
	// the last statement is there for the type checker only
	const made = readFileSync(join(project, "program.js"), "utf8");
	writeFileSync(
		join(project, "program.js"),
		made.replace(/^await pipeline\.generate\(\{ promt.*$/m, ""),
	);
	run(process.execPath, ["program.js"]);
	check(existsSync(join(project, "library.png")), "the library wrote no image");
	console.log("pack: installed, run and type-checked in an empty project");
} finally {
	rmSync(project, { recursive: true, force: true });
}
