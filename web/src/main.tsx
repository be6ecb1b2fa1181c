import "./noEval.js";
import { render } from "preact";
import { httpSource } from "./http/httpSource.js";
import { Page } from "./page.js";

const place = document.querySelector("#page");
if (place) render(<Page source={httpSource()} />, place);
