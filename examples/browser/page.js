// The page: asks the worker, shows what it tells.
const worker = new Worker(new URL("./worker.js", import.meta.url), {
	type: "module",
});
const form = document.querySelector("form");
const told = document.querySelector("output");

worker.onmessage = ({ data: { step, png, error } }) => {
	if (step) told.value = `step ${step}`;
	if (error) told.value = error;
	if (!png) return;
	told.value = "done";
	document.querySelector("img").src = URL.createObjectURL(new Blob([png]));
};
form.onsubmit = (event) => {
	event.preventDefault();
	told.value = "loading";
	worker.postMessage({ prompt: new FormData(form).get("prompt"), seed: 7 });
};
