import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import {
	parseClipPreprocessing,
	preprocessForClip,
} from "../../src/metrics/clipPreprocessing.js";
import { parseClipTextConfig } from "../../src/models/clipConfig.js";
import { buildClipText } from "../../src/models/clipText.js";
import { buildClipVision } from "../../src/models/clipVision.js";
import { parseClipVisionConfig } from "../../src/models/clipVisionConfig.js";
import { concat, tensor } from "../../src/tensor/tensor.js";
import { nodeModelFolder } from "../../src/weights/nodeModelFolder.js";
import { openNetworkWeights } from "../../src/weights/networkWeights.js";
import { readGolden, relativeError } from "../goldenFile.js";
import { runGraph } from "./networkTest.js";
import { pictureBytes } from "./randomWeights.js";

// Golden data and the model tiny-clip: test/reference/metric_networks.py (transformers).
const folder = join(import.meta.dirname, "tiny-clip");
const golden = readGolden("metric_networks");
const json = (name: string): unknown =>
	JSON.parse(readFileSync(join(folder, name), "utf8"));
