package main

// family is one metric of the page.
type family struct {
	name, help string
	counter    bool
	labels     []string // Beside those that every series has.
}

var baseLabels = []string{"provider", "account", "endpoint_id"}

const account = "bench"

// The first are of workers and have the label worker_id, too. Their order is that of forWorker.
var workerFamilies = []family{
	{name: "serverless_worker_info", help: "Static facts of the worker; always 1.",
		labels: []string{"gpu_type", "location", "version"}},
	{name: "serverless_worker_status", help: "1 for the worker's status.", labels: []string{"status"}},
	{name: "serverless_worker_stale", help: "1 if the worker is not what it should be."},
	{name: "serverless_worker_uptime_seconds", help: "How long the worker has been up."},
	{name: "serverless_worker_start_time_seconds", help: "When the worker last started. Unix time."},
	{name: "serverless_worker_gpus", help: "GPUs of the worker."},
	{name: "serverless_worker_model_loaded_timestamp_seconds", help: "When the model was loaded. Unix time."},
	{name: "serverless_worker_cur_load", help: "Current load."},
	{name: "serverless_worker_new_load", help: "Load received recently."},
	{name: "serverless_worker_cur_load_rolling_avg", help: "Rolling average of the current load."},
	{name: "serverless_worker_cur_perf", help: "Current performance."},
	{name: "serverless_worker_perf", help: "Measured performance times reliability."},
	{name: "serverless_worker_measured_perf", help: "Benchmarked performance."},
	{name: "serverless_worker_benchmarked", help: "1 if perf comes from a benchmark."},
	{name: "serverless_worker_dlperf_score", help: "DLPerf of the machine."},
	{name: "serverless_worker_reliability_ratio", help: "Reliability of the machine, 0 to 1."},
	{name: "serverless_worker_requests_in_flight", help: "Requests that the worker is at."},
	{name: "serverless_worker_disk_usage_bytes", help: "Disk used."},
}

var endpointFamilies = []family{
	{name: "serverless_endpoint_jobs_in_queue", help: "Jobs that wait for a worker."},
	{name: "serverless_endpoint_jobs_in_progress", help: "Jobs that a worker is at."},
	{name: "serverless_endpoint_jobs_completed_total", help: "Jobs completed.", counter: true},
	{name: "serverless_endpoint_jobs_failed_total", help: "Jobs failed.", counter: true},
	{name: "serverless_endpoint_jobs_retried_total", help: "Jobs retried.", counter: true},
}

// forWorker visits the samples of one worker: index in workerFamilies, value, values of the
// family's own labels.
func forWorker(w *worker, visit func(index int, value float64, labels ...string)) {
	one := 1.0
	stale := 0.0
	if w.Stale {
		stale = 1
	}
	visit(0, one, w.GPU, w.Location, w.Version)
	visit(1, one, w.Status)
	visit(2, stale)
	optional := func(index int, value *float64) {
		if value != nil {
			visit(index, *value)
		}
	}
	optional(3, w.Uptime)
	optional(4, w.Started)
	optional(5, w.GPUs)
	if w.Vast == nil {
		return
	}
	v := w.Vast
	optional(6, v.LoadedAt)
	optional(7, v.CurLoad)
	optional(8, v.NewLoad)
	optional(9, v.CurLoadRollingAvg)
	optional(10, v.CurPerf)
	optional(11, v.Perf)
	optional(12, v.MeasuredPerf)
	optional(13, v.benchmarked(w.Status))
	optional(14, v.DLPerf)
	optional(15, v.Reliability)
	optional(16, v.RequestsWorking)
	if v.DiskUsage != nil {
		visit(17, *v.DiskUsage*1e9)
	}
}

func forHealth(h *health, visit func(index int, value float64)) {
	visit(0, h.Jobs.InQueue)
	visit(1, h.Jobs.InProgress)
	visit(2, h.Jobs.Completed)
	visit(3, h.Jobs.Failed)
	visit(4, h.Jobs.Retried)
}
