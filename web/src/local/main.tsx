import { render } from "preact";
import { Page } from "../page.js";
import { keepOffline } from "./keepOffline.js";
import { localSource } from "./localSource.js";

const place = document.querySelector("#page");
if (place && (await keepOffline()))
	render(
		<Page
			source={localSource(
				() =>
					new Worker(new URL("./drawingWorker.ts", import.meta.url), {
						type: "module",
					}),
			)}
		/>,
		place,
	);
