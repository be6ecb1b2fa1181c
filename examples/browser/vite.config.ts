// vite finds the package's model and runtime by itself; workers must be modules for that.
export default {
	base: "./",
	worker: { format: "es" },
	build: { target: "es2022" },
	optimizeDeps: { exclude: ["faster-diffusion", "onnxruntime-web"] },
};
