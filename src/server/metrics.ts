import {
	Counter,
	collectDefaultMetrics,
	Gauge,
	Histogram,
	Registry,
} from "prom-client";
import type { Job } from "./job.js";
import type { JobQueue } from "./queue.js";

/** Prometheus metrics of a server: of its requests, its jobs and the process. */
export function serverMetrics() {
	const register = new Registry();
	const registers = [register];
	collectDefaultMetrics({ register });
	const requests = new Counter({
		name: "fdiff_http_requests_total",
		help: "Requests that were answered",
		labelNames: ["method", "route", "status"],
		registers,
	});
	const jobs = new Counter({
		name: "fdiff_jobs_total",
		help: "Jobs that ended, by how",
		labelNames: ["model", "state"],
		registers,
	});
	const images = new Counter({
		name: "fdiff_images_total",
		help: "Images that were drawn",
		labelNames: ["model"],
		registers,
	});
	const buckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600];
	const waited = new Histogram({
		name: "fdiff_job_wait_seconds",
		help: "Seconds from a job's coming to its beginning",
		buckets,
		registers,
	});
	const ran = new Histogram({
		name: "fdiff_job_run_seconds",
		help: "Seconds from a job's beginning to its end",
		labelNames: ["model"],
		buckets,
		registers,
	});
	return {
		contentType: register.contentType,
		text: () => register.metrics(),
		watch(queue: JobQueue) {
			new Gauge({
				name: "fdiff_jobs",
				help: "Jobs that wait or run now",
				labelNames: ["state"],
				registers,
				collect() {
					for (const state of ["queued", "running"] as const)
						this.set({ state }, queue.count(state));
				},
			});
		},
		onEnd({ request: { model }, state, images: drawn, ...job }: Job) {
			jobs.inc({ model, state });
			images.inc({ model }, drawn.length);
			const { createdAt, startedAt, endedAt } = job;
			if (startedAt === undefined || endedAt === undefined) return;
			waited.observe((startedAt - createdAt) / 1000);
			ran.observe({ model }, (endedAt - startedAt) / 1000);
		},
		onResponse(method: string, route: string, status: number) {
			requests.inc({ method, route, status });
		},
	};
}
