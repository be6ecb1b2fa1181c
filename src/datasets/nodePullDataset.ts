import { join } from "node:path";
import { UserError } from "../errors/userError.js";
import {
	type Download,
	type DownloadOptions,
	download,
} from "../files/nodeDownload.js";

/** Data sets that can be pulled: their server and files. */
const datasets = {
	"coco-val2017": {
		server: "http://images.cocodataset.org",
		files: [
			{
				path: "zips/val2017.zip",
				size: 815_585_330,
				md5: "442b8da7639aecaf257c1dceb8ba8c80",
			},
			{
				path: "annotations/annotations_trainval2017.zip",
				size: 252_907_541,
				md5: "f4bbac642086de4f52a3fdda2de5fa2c",
			},
		],
	},
} as const;

export interface PullDatasetOptions
	extends Pick<DownloadOptions, "signal" | "retries" | "retryDelay"> {
	/** Another server with the same files (a mirror). */
	readonly server?: string;
	/** Other sizes and checksums; for mirrors of other sets. */
	readonly files?: readonly {
		readonly path: string;
		readonly size: number;
		readonly md5: string;
	}[];
	readonly onProgress?: (
		file: string,
		received: number,
		total: number | undefined,
	) => void;
}

/** Names that `pullDataset` knows. */
export const pullableDatasets: readonly string[] = Object.keys(datasets);

/**
 * Downloads a data set's archives into a folder, from where `openDataset` reads them unopened. Broken downloads go on
 * where they stopped; what is there and right stays.
 * @returns the paths of the files.
 * @throws UserError for an unknown name or when a file cannot be had.
 */
export async function pullDataset(
	name: string,
	folder: string,
	options: PullDatasetOptions = {},
): Promise<string[]> {
	if (!Object.hasOwn(datasets, name))
		throw new UserError(
			`"${name}" is no data set that can be pulled: there is ${pullableDatasets.join(", ")}`,
			{ code: "usage" },
		);
	const { server, files } = datasets[name as keyof typeof datasets];
	const base = (options.server ?? server).replace(/\/+$/, "");
	if (!/^https?:\/\//.test(base) || !URL.canParse(base))
		throw new UserError(`"${base}" is no http(s) address`, { code: "usage" });
	const paths: string[] = [];
	for (const { path, size, md5 } of options.files ?? files) {
		const target = join(folder, path.slice(path.lastIndexOf("/") + 1));
		const file: Download = {
			url: `${base}/${path}`,
			path: target,
			size,
			checksum: { algorithm: "md5", hex: md5 },
		};
		await download(file, {
			...options,
			onProgress: (received, total) =>
				options.onProgress?.(target, received, total),
		});
		paths.push(target);
	}
	return paths;
}
